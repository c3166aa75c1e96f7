"""`doctor` and `explain`: what is whole, and why a verdict came about."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detectors.bank.folder.store import create
from detectors.catalog import BUILT_IN
from detectors.models.onnx_runtime import TRAIN
from provenance.cli.doctor import ADDS, fits, required

Run = Callable[..., Any]
Without = Callable[..., dict[str, str]]
FIXTURES = Path(__file__).parent.parent.parent / "fixtures"


ROOT = FIXTURES.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def named(lines: list[str]) -> set[str]:
    return {re.split(r"[\[<>=]", line)[0].lower().replace("_", "-") for line in lines}


def states(shown: str) -> dict[str, str]:
    """Return what → state, of the screen."""
    return {line[6:22].strip(): line[:5].strip() for line in shown.splitlines()}


def test_a_whole_installation_is_called_so(run: Run) -> None:
    done = run("doctor")
    assert done.returncode == 0, done.stdout
    assert "BAD" not in done.stdout
    said = states(done.stdout)
    assert {spec.name: said[spec.name] for spec in BUILT_IN} == {s.name: "ok" for s in BUILT_IN}
    words = set(done.stdout.replace("_", "-").split())
    assert named(PROJECT["dependencies"]) <= words
    assert set(PROJECT["optional-dependencies"]) - {"docs", "test"} == set(ADDS)
    for extra in ADDS:
        assert f"extra {extra}" in done.stdout
    assert {each.name.lower().replace("_", "-") for each in required() if not each.extra} == named(
        PROJECT["dependencies"]
    )


def test_no_detector_that_cannot_run_is_called_sound(run: Run, without: Without) -> None:
    hidden = without("cv2", "c2pa", "encypher_c2pa", "onnxruntime")
    done = run("doctor", **hidden)
    assert done.returncode == 3
    said = states(done.stdout)
    bad = {name for name, state in said.items() if state == "BAD"}
    assert bad == {
        "credentials", "image_model", "known_fakes", "portrait", "text_credentials", "text_model",
        "watermarks",
    }  # fmt: skip
    assert (said["metadata"], said["text_marks"]) == ("ok", "ok")
    assert "No module named 'cv2'" in done.stdout


def test_banks_and_lists_that_are_configured_are_opened(
    run: Run, without: Without, tmp_path: Path
) -> None:
    create(tmp_path / "good.bank", "2026-01-01T00:00:00Z")
    hidden = without("numpy")  # quicker, and nothing that is looked at here
    done = run("doctor", PROVENANCE_BANK='["good.bank", "missing.bank"]', **hidden)
    assert done.returncode == 3
    assert "bank good        0 entries" in done.stdout
    assert "BAD   bank             missing.bank: there is no such bank" in done.stdout
    folder = tmp_path / "home" / ".local" / "share" / "provenance" / "trust"
    folder.mkdir(parents=True)
    (folder / "index.toml").write_text("[[list]]")
    assert "BAD   trust lists" in run("doctor", **hidden).stdout


def test_an_old_list_comes_with_what_to_do(run: Run, without: Without) -> None:
    words = ("--name", "old", "--issued", "2020-01-01", "--use", "signers")
    assert (
        run("trust", "import", FIXTURES / "signed" / "trust" / "root.pem", *words).returncode == 0
    )
    shown = run("doctor", **without("numpy")).stdout
    (line,) = [line for line in shown.splitlines() if "list old" in line]
    assert line.startswith("note")
    assert "provenance trust import FILE --name old" in line


@pytest.mark.parametrize(
    ("version", "wanted", "right"),
    [
        ("1.28.0", ">=1.20,<1.29", True),
        ("1.29", ">=1.20,<1.29", False),
        ("1.3", ">=1.20,<1.29", False),
        ("2", ">=2.0.0", True),
        ("2.9.0+cpu", "<2.14,>=2.9", True),
        ("2.14.0a1", "<2.14,>=2.9", False),
        ("13.0.0", "", True),
    ],
)
def test_a_version_lies_in_its_range_or_not(version: str, wanted: str, right: bool) -> None:
    assert fits(version, wanted) is right


@pytest.mark.parametrize("name", ["image_model", "portrait", "text_model"])
def test_a_device_that_is_not_there_is_a_usage_error(
    run: Run, without: Without, tmp_path: Path, name: str
) -> None:
    item = FIXTURES / "fakes" / "known" / "anna.jpg"
    if name == "text_model":
        item = tmp_path / "a.txt"
        item.write_text("Some words by someone.")
    call = ("check", item, "--device", "cuda", "--only", name, "--format", "jsonl")
    done = run(*call, CUDA_VISIBLE_DEVICES="")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        r"provenance: error: device cuda: torch \S+ finds no GPU; use --device cpu\n", done.stderr
    )
    done = run(*call, **without("torch"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f"torch is not installed ({TRAIN}); or use --device cpu\n")


def test_a_configuration_that_cannot_be_used_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "provenance.toml").write_text("policies = 3\n")
    done = run("doctor", PROVENANCE_CONFIG="provenance.toml")
    assert done.returncode == 3
    assert "provenance.toml:1" in done.stdout


def test_an_explanation_names_the_row_that_decided(run: Run) -> None:
    done = run("explain", "signed/ai.png", "--without", "image_model,portrait", cwd=FIXTURES)
    assert "How policy default came to high" in done.stdout
    assert "row 1 asks for high: tier credential; claim ai_generated" in done.stdout
    assert "met by credentials: credential.ai_declared" in done.stdout
    assert "digitalSourceType" in done.stdout


def test_an_explanation_of_nothing_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Some words by someone.")
    done = run("explain", "a.txt", "--only", "text_marks")
    assert "No row was met" in done.stdout
    assert "cannot be low" in done.stdout
