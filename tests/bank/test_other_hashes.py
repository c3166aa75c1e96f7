"""What partners send beside PDQ: digests are compared, other hashes are shown and say no more."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import imagehash
import pytest
from PIL import Image

from detectors.bank.matching.other_hashes import OTHERS, computed
from detectors.item import Item

Run = Callable[..., CompletedProcess[str]]
FAKES = Path(__file__).parents[2] / "fixtures" / "fakes"
ANNA, EMIL = FAKES / "known" / "anna.jpg", FAKES / "known" / "emil.jpg"
BY_PACKAGE = {
    "phash": imagehash.phash,
    "dhash": imagehash.dhash,
    "average": imagehash.average_hash,
    "wavelet": imagehash.whash,
    "colour": imagehash.colorhash,
    "crop_resistant": imagehash.crop_resistant_hash,
}


@pytest.fixture
def said(run: Run) -> Callable[..., dict[str, Any]]:
    def record(picture: Path) -> dict[str, Any]:
        call = ("check", picture, "--bank", "b.bank", "--only", "known_fakes", "--format", "jsonl")
        told: dict[str, Any] = json.loads(run(*call).stdout)
        return told

    return record


def add(run: Run, name: str, *hashes: str) -> None:
    named = [word for each in hashes for word in ("--hash", each)]
    assert run("bank", "add", "--bank", "b.bank", "--id", name, *named).returncode == 0


@pytest.mark.parametrize("path", [ANNA, EMIL, FAKES / "negatives" / "farid.jpg"])
@pytest.mark.parametrize("algorithm", OTHERS)
def test_hashes_are_those_of_the_package(path: Path, algorithm: str) -> None:
    picture = Item("x", path.read_bytes).picture
    assert computed(algorithm, picture) == str(BY_PACKAGE[algorithm](Image.fromarray(picture.rgb)))


@pytest.mark.parametrize("algorithm", OTHERS)
def test_a_near_hash_without_a_known_chance_is_shown_and_claims_nothing(
    run: Run, said: Any, algorithm: str
) -> None:
    add(run, "theirs", f"{algorithm}={computed(algorithm, Item('x', ANNA.read_bytes).picture)}")
    (near,) = said(ANNA)["signals"]
    assert (near["outcome"], near["claim"]) == ("not_assessed", None)
    assert near["reason"]["code"] == "known_fakes.near"
    assert (near["facts"]["entry"], near["facts"]["distance"]) == ("theirs", 0)
    if algorithm != "colour":  # colours of two portraits may be alike
        (other,) = said(EMIL)["signals"]
        assert (other["outcome"], other["reason"]["code"]) == ("clear", "known_fakes.clear")


@pytest.mark.parametrize("algorithm", ["md5", "sha1"])
def test_a_digest_that_can_be_forged_is_a_match_for_review(
    run: Run, said: Any, algorithm: str
) -> None:
    add(run, "theirs", f"{algorithm}={hashlib.new(algorithm, ANNA.read_bytes()).hexdigest()}")
    record = said(ANNA)
    (found,) = record["signals"]
    assert (found["claim"], found["facts"]["algorithm"]) == ("known_fake", algorithm)
    assert record["verdict"]["risk"] == "review"
    (other,) = said(EMIL)["signals"]
    assert (other["outcome"], other["reason"]["code"]) == (
        "not_assessed",
        "known_fakes.bytes_alone",
    )


def test_none_is_said_of_what_was_compared_alone(run: Run, said: Any) -> None:
    add(run, "theirs", "md5=0cc175b9c0f1b6a831c399e269772661")
    assert run("bank", "add", "--bank", "b.bank", EMIL).returncode == 0
    (signal,) = said(ANNA)["signals"]
    assert (signal["outcome"], signal["facts"]) == ("clear", {"compared": 1, "not_compared": 1})
    shown = run("check", ANNA, "--bank", "b.bank", "--only", "known_fakes").stdout
    assert "looks like none of the 1 entries" in " ".join(shown.split())
    assert "1 more are kept by sums of their files alone" in " ".join(shown.split())


@pytest.mark.parametrize(
    "wrong",
    ["crop_resistant=00ff", "colour=0123", "average=xyz", "crop_resistant=" + "0f" * 8 + ","],
)
def test_a_hash_of_another_length_is_refused(run: Run, wrong: str) -> None:
    done = run("bank", "add", "--bank", "b.bank", "--id", "x", "--hash", wrong)
    assert (done.returncode, "hex digits" in done.stderr) == (2, True)


def test_other_hashes_are_imported_by_their_usual_names(run: Run, tmp_path: Path) -> None:
    row = 'a,0f1e2d3c4b5a6978,0f1e2d3c4b5a6979,01234567890,"0f1e2d3c4b5a6978,0f1e2d3c4b5a697b"'
    head = "id,aHash,whash,color hash,crop_resistant_hash"
    (tmp_path / "f.csv").write_text(f"{head}\n{row}\n")
    assert run("bank", "import", "--bank", "b.bank", "f.csv").returncode == 0
    rows = json.loads(run("bank", "list", "--bank", "b.bank", "--format", "json").stdout)
    assert set(rows[0]["hashes"]) == {"average", "wavelet", "colour", "crop_resistant"}
