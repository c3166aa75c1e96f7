"""`provenance report`, as users run it, over what `scan` wrote."""

import csv
import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.report import FORMS
from provenance.render.report import FORMATS

Run = Callable[..., Any]
FIXTURES = Path(__file__).parent.parent.parent / "fixtures"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    made = tmp_path / "pictures"
    made.mkdir()
    for name in ("ai.jpg", "capture.jpg"):
        shutil.copy(FIXTURES / "signed" / name, made)
    return made


@pytest.fixture
def lines(run: Run, pictures: Path, tmp_path: Path) -> Path:
    """What `scan --format jsonl` wrote."""
    done = run("scan", pictures.name, "--only", "credentials,metadata", "--format", "jsonl")
    file = tmp_path / "records.jsonl"
    file.write_text(done.stdout)
    return file


@pytest.fixture
def folder(run: Run, pictures: Path, tmp_path: Path) -> Path:
    """A run over the same pictures, one of them twice."""
    shutil.copy(pictures / "ai.jpg", pictures / "copy.jpg")
    run("scan", pictures.name, "--only", "credentials,metadata", "--out", "run")
    return tmp_path / "run"


def test_the_command_knows_the_formats() -> None:
    assert set(FORMS) == set(FORMATS)


def test_records_alone_go_to_standard_output(run: Run, lines: Path) -> None:
    done = run("report", lines, "--format", "csv")
    assert (done.returncode, done.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(done.stdout, newline="")))
    assert [(row["uri"], row["risk"]) for row in rows] == [
        ("pictures/ai.jpg", "high"),
        ("pictures/capture.jpg", "inconclusive"),
    ]


@pytest.mark.parametrize("form", FORMS)
def test_a_report_of_a_run_lies_in_it_and_is_the_same_again(
    run: Run, folder: Path, form: str
) -> None:
    def report(seed: str) -> bytes:
        done = run("report", folder, "--format", form, PYTHONHASHSEED=seed)
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr == f"{folder / FORMATS[form][1]}\n"
        return (folder / FORMATS[form][1]).read_bytes()

    assert report("0") == report("1") != b""


def test_groups_of_the_run_are_named(run: Run, folder: Path) -> None:
    done = run("report", folder, "--format", "csv", "--out", "-")
    rows = csv.DictReader(io.StringIO(done.stdout, newline=""))
    assert {row["uri"]: row["group"] for row in rows} == {
        "pictures/ai.jpg": "1", "pictures/capture.jpg": "", "pictures/copy.jpg": "1",
    }  # fmt: skip


def test_a_ticket_names_what_is_flagged(run: Run, lines: Path) -> None:
    said = run("report", lines, "--format", "markdown").stdout
    assert "pictures/ai.jpg" in said
    assert "capture.jpg" not in said
    everything = run("report", lines, "--format", "markdown", "--fail-on", "inconclusive").stdout
    assert "capture.jpg" in everything
    assert "### " not in run("report", lines, "--format", "markdown", "--fail-on", "never").stdout


def test_a_torn_last_line_is_left_out_and_told_once(run: Run, lines: Path) -> None:
    whole = run("report", lines, "--format", "markdown", "--fail-on", "inconclusive").stdout
    lines.write_text(lines.read_text() + '{"schema":"provenance.rec')
    done = run("report", lines, "--format", "markdown", "--fail-on", "inconclusive")
    assert (done.returncode, done.stdout) == (0, whole)
    assert done.stderr.count("the last line is torn") == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda _: {}, "records.jsonl:2: is no record"),
        (lambda r: r | {"verdict": r["verdict"] | {"reasons": [99]}}, "a signal that is not there"),
        (
            lambda r: r | {"signals": [r["signals"][0] | {"facts": {"state": 7}}, *r["signals"]]},
            "does not hold",
        ),
    ],
)
def test_what_is_no_record_is_refused_and_nothing_is_written(
    run: Run, lines: Path, change: Callable[[Any], Any], why: str
) -> None:
    first, second = lines.read_text().splitlines()
    lines.write_text(f"{first}\n{json.dumps(change(json.loads(second)))}\n")
    done = run("report", lines, "--format", "csv", "--out", "out.csv")
    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr
    assert not (lines.parent / "out.csv").exists()


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("nowhere",), "there is no such file"),
        (("pictures",), "is no run"),
        (("records.jsonl", "--out", "records.jsonl"), "holds the records"),
        (("records.jsonl", "--out", "nowhere/out.csv"), "cannot be written"),
    ],
)
def test_what_cannot_be_used_is_said(
    run: Run, lines: Path, args: tuple[str, ...], why: str
) -> None:
    before = lines.read_text()
    done = run("report", *args, "--format", "csv")
    assert done.returncode == 2
    assert why in done.stderr
    assert lines.read_text() == before


def test_a_table_without_pyarrow_says_what_to_install(
    run: Run, lines: Path, without: Callable[..., dict[str, str]]
) -> None:
    done = run("report", lines, "--format", "parquet", "--out", "a", **without("pyarrow"))
    assert done.returncode == 2
    assert "provenance-check[tables]" in done.stderr


def test_a_page_holds_small_copies_of_the_pictures_unless_told_otherwise(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    def copies(*args: str) -> list[Any]:
        assert run("report", folder, "--out", "page.html", *args).returncode == 0
        text = (tmp_path / "page.html").read_text()
        found = re.search(r'id="thumbnails">(.*?)</script>', text, re.DOTALL)
        assert found
        return list(json.loads(found[1]))

    assert [number for number, _ in copies()] == [0, 1]  # one is there twice
    assert copies("--no-thumbnails") == []


def test_one_item_is_explained_in_a_page_with_its_picture_and_the_match(
    run: Run, tmp_path: Path
) -> None:
    told = ("--class", "ai_face", "--source", "lab-a", "--first-seen", "2023-08-11")
    bank = tmp_path / "fakes.bank"
    assert run("bank", "add", "--bank", bank, "fakes/known", *told, cwd=FIXTURES).returncode == 0
    query = ("explain", "fakes/queries/boris_mirrored.jpg", "--only", "known_fakes,metadata")
    done = run(*query, "--bank", bank, "--format", "html", "--out", tmp_path / "a", cwd=FIXTURES)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    text = (tmp_path / "a").read_text()
    assert text.count('<img src="data:image/webp;base64,UklGR') == 2
    assert "The match with &#34;boris&#34;" in text
    assert "chance of a false match" in text


@pytest.mark.parametrize("name", ["signed/tampered.jpg", "nowhere.jpg", "documents/notes.md"])
def test_a_page_of_any_item_goes_to_standard_output(run: Run, name: str) -> None:
    done = run(
        "explain", name, "--only", "credentials,text_marks", "--format", "html", cwd=FIXTURES
    )
    assert done.stdout.startswith("<!DOCTYPE html>")
    assert done.stdout.count("<img ") == (name == "signed/tampered.jpg")
    assert "Traceback" not in done.stderr
