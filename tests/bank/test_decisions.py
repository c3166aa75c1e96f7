"""What was withdrawn, disputed or called harmless stays so for its picture, in both stores."""

import hashlib
import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import msgspec
import pytest
from PIL import Image, ImageOps

from detectors.catalog import catalog
from provenance.engine.check import Engine
from provenance.engine.config import configure
from provenance.intake import files

Run = Callable[..., CompletedProcess[str]]
Listed = Callable[[str], list[dict[str, Any]]]
FAKES = Path(__file__).parents[2] / "fixtures" / "fakes"
ANNA, EMIL = FAKES / "known" / "anna.jpg", FAKES / "known" / "emil.jpg"
WHY = ("--reason", "a real person asked")


@pytest.fixture
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Return a function that names a bank which does not exist yet."""
    if getattr(request, "param", "folder") == "server":
        cluster = request.getfixturevalue("cluster")
        made: Callable[[], str] = cluster.bank
        return made
    numbers = count(1)
    return lambda: str(tmp_path / f"b{next(numbers)}.bank")


BOTH = pytest.mark.parametrize("fresh", ["folder", "server"], indirect=True)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return another picture of Anna: smaller, saved again."""
    path = tmp_path / "copy.jpg"
    Image.open(ANNA).convert("RGB").resize((180, 180)).save(path, quality=80)
    return path


def said(picture: Path, *banks: str) -> list[dict[str, Any]]:
    """Return the signals about a picture by some banks, which are opened anew in this process."""
    config = configure(catalog(), today="2026-11-29", only=["known_fakes"], banks=banks)
    record = Engine(config).check(files.item(str(picture), follow=True))
    each = (signal for signal in record.signals if signal.detector == "known_fakes")
    return [msgspec.to_builtins(signal) for signal in each]


def statuses(listed: Listed, bank: str) -> dict[str, str]:
    return {row["id"]: row["status"] for row in listed(bank)}


def sums(path: Path, *names: str) -> list[str]:
    data = path.read_bytes()
    return [hashlib.new(name, data).hexdigest() for name in names]


@BOTH
@pytest.mark.parametrize("command", ["withdraw", "dispute"])
def test_a_decision_is_made_about_all_copies(
    run: Run, listed: Listed, fresh: Callable[[], str], copy: Path, command: str
) -> None:
    bank, status = fresh(), {"withdraw": "withdrawn", "dispute": "disputed"}[command]
    folder = copy.parent / "known"
    folder.mkdir()
    for name, path in (("anna", ANNA), ("twin", ANNA), ("again", copy), ("emil", EMIL)):
        (folder / f"{name}.jpg").write_bytes(path.read_bytes())
    assert run("bank", "add", "--bank", bank, folder).returncode == 0
    done = run("bank", command, "--bank", bank, *WHY, "anna")
    assert sorted(done.stdout.splitlines()) == [
        f'{status}  again  (the same picture as "anna")',
        f"{status}  anna",
        f'{status}  twin  (the same picture as "anna")',
    ]
    assert statuses(listed, bank)["emil"] == "active"
    assert {each["claim"] for path in (ANNA, copy) for each in said(path, bank)} == {None}
    if command == "dispute":
        confirmed = run("bank", "confirm", "--bank", bank, "--reason", "looked at", "again")
        assert len(confirmed.stdout.splitlines()) == 3
        assert said(ANNA, bank)[0]["claim"] == "known_fake"


def test_an_innocent_copy_stays_when_a_fake_is_withdrawn(
    run: Run, listed: Listed, fresh: Callable[[], str]
) -> None:
    bank = fresh()
    run("bank", "add", "--bank", bank, "--id", "fake", ANNA)
    run("bank", "add", "--bank", bank, "--id", "harmless", "--innocent", ANNA)
    run("bank", "withdraw", "--bank", bank, *WHY, "fake")
    assert statuses(listed, bank) == {"fake": "withdrawn", "harmless": "active"}


@pytest.mark.parametrize("command", ["withdraw", "dispute", "innocent"])
def test_no_copy_comes_back_with_the_next_add(
    run: Run, listed: Listed, fresh: Callable[[], str], copy: Path, command: str
) -> None:
    bank, mirrored = fresh(), copy.with_name("mirrored.png")
    ImageOps.mirror(Image.open(ANNA).convert("RGB")).save(mirrored)
    innocent = ["--innocent"] if command == "innocent" else []
    run("bank", "add", "--bank", bank, *innocent, ANNA)
    if not innocent:
        run("bank", command, "--bank", bank, *WHY, "anna")
    for path, name in ((ANNA, "other"), (ANNA, "anna"), (copy, "copy"), (mirrored, "mirrored")):
        done = run("bank", "add", "--bank", bank, "--id", name, path)
        assert (done.returncode, done.stdout) == (3, "")
        assert f"parked  {name}: its picture is" in done.stderr
        assert 'here as "anna"' in done.stderr
        assert innocent or "a real person asked" in done.stderr
    assert list(statuses(listed, bank)) == ["anna"]
    assert "known_fake" not in {each["claim"] for each in said(ANNA, bank)}
    hashed = run("bank", "add", "--bank", bank, "--id", "h", "--hash",
                 f"sha256={sums(ANNA, 'sha256')[0]}")  # fmt: skip
    assert (hashed.returncode, "parked  h" in hashed.stderr) == (3, True)


@BOTH
def test_reinstating_needs_a_reason_and_ends_the_decision(
    run: Run, fresh: Callable[[], str], copy: Path
) -> None:
    bank = fresh()
    run("bank", "add", "--bank", bank, ANNA, EMIL)
    run("bank", "withdraw", "--bank", bank, *WHY, "anna", "emil")
    alone = run("bank", "add", "--bank", bank, "--reinstate", copy)
    assert (alone.returncode, "--reason" in alone.stderr) == (2, True)
    assert run("bank", "add", "--bank", bank, "--reason", "x", copy).returncode == 2
    back = run("bank", "add", "--bank", bank, "--reinstate", "--reason", "no person: AI", copy)
    assert (back.returncode, back.stdout) == (0, "added  copy\n")
    assert said(ANNA, bank)[0]["claim"] == "known_fake"
    shown = json.loads(run("bank", "show", "--bank", bank, "--format", "json", "copy").stdout)
    assert (shown["reinstates"], shown["reason"]) == (["anna"], "no person: AI")
    same_id = run("bank", "add", "--bank", bank, "--reinstate", "--reason", "x", EMIL)
    assert same_id.returncode == 0
    assert said(EMIL, bank)[0]["claim"] == "known_fake"
    run("bank", "withdraw", "--bank", bank, *WHY, "copy")
    assert "known_fake" not in {each["claim"] for each in said(ANNA, bank)}


@pytest.mark.parametrize(
    ("form", "fresh"),
    [("jsonl", "server"), ("csv", "folder"), ("stix", "folder"), ("threatexchange", "folder")],
    indirect=["fresh"],
)
def test_no_feed_brings_a_picture_back(
    run: Run, listed: Listed, fresh: Callable[[], str], form: str
) -> None:
    partner, bank = fresh(), fresh()
    run("bank", "add", "--bank", partner, "--id", "theirs", ANNA)
    run("bank", "export", "--bank", partner, "--as", form, "--to", "X", "--out", "feed")
    run("bank", "add", "--bank", bank, "--id", "mine", ANNA)
    run("bank", "withdraw", "--bank", bank, *WHY, "mine")
    for dry in (["--dry-run"], []):
        done = run("bank", "import", "--bank", bank, *dry, "feed")
        assert done.returncode == 3
        assert 'parked  theirs: its picture is withdrawn here as "mine": a real' in done.stderr
        assert "(copy_withdrawn; " in done.stdout
    assert list(statuses(listed, bank)) == ["mine"]
    merged = run("bank", "merge", "--bank", bank, partner)
    assert "copy_withdrawn  theirs" in merged.stdout
    assert "known_fake" not in {each["claim"] for each in said(ANNA, bank)}
    back = run("bank", "import", "--bank", bank, "--reinstate", "--reason", "no person", "feed")
    assert (back.returncode, "1 reinstated" in back.stdout) == (0, True)
    assert said(ANNA, bank)[0]["claim"] == "known_fake"


@pytest.mark.parametrize(
    ("algorithm", "fresh"),
    [("sha256", "folder"), ("sha1", "folder"), ("md5", "server"), ("pdq", "server")],
    indirect=["fresh"],
)
def test_a_tombstone_of_a_partner_reaches_the_picture(
    run: Run, listed: Listed, fresh: Callable[[], str], tmp_path: Path, algorithm: str
) -> None:
    bank = fresh()
    run("bank", "add", "--bank", bank, "--id", "mine", ANNA)
    entry = json.loads(run("bank", "show", "--bank", bank, "--format", "json", "mine").stdout)
    known = entry["hashes"].get(algorithm)
    value = known[0]["value"] if known else sums(ANNA, algorithm)[0]
    (tmp_path / "feed.csv").write_text(f"id,status,{algorithm}\ntheirs,withdrawn,{value}\n")
    assert run("bank", "import", "--bank", bank, "feed.csv").returncode == 0
    expected = {"sha256": "withdrawn", "pdq": "disputed"}.get(algorithm, "active")
    assert statuses(listed, bank) == {"mine": expected, "theirs": "withdrawn"}
    assert "known_fake" not in {each["claim"] for each in said(ANNA, bank)}


def test_with_dispute_withdrawn_copies_are_disputed(
    run: Run, listed: Listed, fresh: Callable[[], str], tmp_path: Path
) -> None:
    bank = fresh()
    run("bank", "add", "--bank", bank, "--id", "mine", ANNA)
    (tmp_path / "f.csv").write_text(f"id,status,sha256\nx,withdrawn,{sums(ANNA, 'sha256')[0]}\n")
    done = run("bank", "import", "--bank", bank, "--dispute-withdrawn", "f.csv")
    assert "1 disputed_copy" in done.stdout
    assert statuses(listed, bank) == {"mine": "disputed", "x": "withdrawn"}


@BOTH
def test_a_decision_of_one_bank_holds_for_all_that_are_asked(
    run: Run, fresh: Callable[[], str], copy: Path
) -> None:
    mine, partner = fresh(), fresh()
    run("bank", "add", "--bank", mine, ANNA)
    run("bank", "withdraw", "--bank", mine, *WHY, "anna")
    run("bank", "add", "--bank", partner, "--class", "ai_face", "--id", "theirs", ANNA)
    for picture, code in ((ANNA, "same_bytes_held_withdrawn"), (copy, "match_held_withdrawn")):
        (found,) = said(picture, mine, partner)
        assert (found["claim"], found["reason"]["code"]) == (None, f"known_fakes.{code}")
        assert found["facts"]["held_by"]["entry"] == "anna"
    assert said(EMIL, mine, partner)[0]["outcome"] == "clear"
    shown = run("check", ANNA, "--bank", mine, "--bank", partner, "--only", "known_fakes")
    assert "this picture was withdrawn" in " ".join(shown.stdout.split())
    assert shown.returncode == 0


def test_fake_and_innocent_of_the_same_bytes_are_a_conflict_in_one_bank_too(
    run: Run, fresh: Callable[[], str]
) -> None:
    bank = fresh()
    run("bank", "add", "--bank", bank, "--id", "fake", ANNA)
    run("bank", "add", "--bank", bank, "--id", "harmless", "--innocent", ANNA)
    done = run("check", ANNA, "--bank", bank, "--only", "known_fakes", "--format", "jsonl")
    record = json.loads(done.stdout)
    claims = [each["claim"] for each in record["signals"] if each["outcome"] == "finding"]
    assert sorted(claims) == ["conflict", "known_fake", "known_innocent"]
    assert (record["verdict"]["risk"], done.returncode) == ("review", 0)


def test_a_diff_says_of_a_copy_what_a_merge_does(
    run: Run, fresh: Callable[[], str], copy: Path
) -> None:
    mine, theirs = fresh(), fresh()
    run("bank", "add", "--bank", mine, ANNA)
    run("bank", "withdraw", "--bank", mine, *WHY, "anna")
    run("bank", "add", "--bank", theirs, "--id", "again", copy)
    done = run("bank", "diff", "--bank", mine, theirs, "--format", "json")
    assert {row["id"]: row["merge"] for row in json.loads(done.stdout)} == {
        "anna": "only_here",
        "again": "copy_withdrawn",
    }
    merged = run("bank", "merge", "--bank", mine, theirs, "--format", "json")
    assert json.loads(merged.stdout)["outcomes"] == {"copy_withdrawn": ["again"]}
