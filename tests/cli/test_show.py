"""What is shown, what fails, what counts as not checked, and what a scan passes over."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

import provenance
from detectors.errors import ConfigError

Run = Callable[..., Any]
FIXTURES = Path(__file__).parent.parent.parent / "fixtures"
MARKED = "As an AI language model, I cannot write this for you. I hope this helps."
LOOK = ("--only", "text_marks,credentials,metadata")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an item at `high`, at `review`, one without findings, and one unreadable."""
    made = tmp_path / "in"
    made.mkdir()
    shutil.copy(FIXTURES / "signed" / "ai.jpg", made / "high.jpg")
    (made / "review.txt").write_text(MARKED)
    (made / "plain.txt").write_text("Some words by someone.")
    (made / "broken.txt").touch()
    return made


def names(screen: str) -> set[str]:
    """Return the items that a screen names; where a path is long, a line may end in a name."""
    known = ("high.jpg", "review.txt", "plain.txt", "broken.txt")
    return {name for name in known if name in "".join(screen.split())}


@pytest.mark.parametrize("fail_on", ["high", "never"])
def test_what_is_shown_does_not_hang_on_what_fails(run: Run, folder: Path, fail_on: str) -> None:
    options = (*LOOK, "--fail-on", fail_on)
    files = sorted(folder.iterdir())
    assert names(run("scan", folder, *options).stdout) == {"high.jpg", "review.txt", "broken.txt"}
    assert len(names(run("check", *files, *options).stdout)) == 4
    for command in (("scan", folder), ("check", *files)):
        shown = run(*command, *options, "--show", "high").stdout
        assert names(shown) == {"high.jpg", "broken.txt"}
        quiet = run(*command, *options, "-q")
        assert names(quiet.stdout) == ({"high.jpg"} if fail_on == "high" else set())
        assert "broken.txt" in quiet.stderr


def test_quiet_gives_the_first_reason(run: Run, folder: Path) -> None:
    done = run("check", folder / "review.txt", *LOOK, "-q", "--fail-on", "review")
    assert done.stdout.startswith("!  REVIEW")
    assert "As an AI language model" in " ".join(done.stdout.split())
    assert "Policy" not in done.stdout


def test_verbose_gives_every_fact_of_what_a_scan_shows(run: Run, folder: Path) -> None:
    shown = run("scan", folder, *LOOK, "-v").stdout
    assert shown.count("sha256: ") == 3
    assert "4 checked" in shown


def test_what_no_detector_looks_at_is_no_fault(run: Run, records: Run, folder: Path) -> None:
    done = run("check", folder / "plain.txt", "--only", "credentials")
    assert (done.returncode, done.stderr) == (0, "")
    (record,) = records("check", folder / "plain.txt", "--only", "credentials")
    assert (record["item"]["kind"], record["verdict"]["complete"]) == ("text", False)
    (signal,) = record["signals"]
    assert (signal["outcome"], signal["reason"]["code"]) == ("not_assessed", "item.nothing_applies")


def test_other_types_count_where_they_claim_or_are_named(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    program, icon = b"\x7fELF" + bytes(200), b"\0\0\1\0\1\0" + bytes(50)
    (folder / "tool").write_bytes(program)
    (folder / "font.woff").write_bytes(bytes(range(200)) * 3)
    (folder / "empty.py").touch()
    done = run("scan", "in", *LOOK)
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 checked" in done.stdout
    assert "3 of types not examined" in " ".join(done.stdout.split())
    assert len(run("scan", "in", *LOOK, "--format", "jsonl").stdout.splitlines()) == 3
    assert run("scan", "in", "in/tool", *LOOK).returncode == 3
    assert run("check", "in/tool", *LOOK).returncode == 3
    for name, data in (("A.JPG", program), ("icon", icon), ("a.pdf", program), ("b.txt", b"")):
        (folder / name).write_bytes(data)
        done = run("scan", "in", *LOOK)
        assert (done.returncode, f"in/{name}" in done.stderr) == (3, True)
        (folder / name).unlink()


def test_links_and_left_out_folders_are_told(run: Run, folder: Path) -> None:
    (folder / "link").symlink_to("plain.txt")
    (folder / ".git").mkdir()
    shutil.copy(folder / "high.jpg", folder / ".git")
    done = run("scan", "in/link", *LOOK)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Exit 0: none at or above high.")
    assert "in/link" in done.stderr
    assert "`provenance check` follows links" in done.stderr
    done = run("scan", "in", *LOOK, "--format", "jsonl")
    assert "in/.git" not in done.stdout
    assert "1 folders (.git); --no-default-excludes" in done.stderr
    assert "in/link" not in done.stderr
    told = run("scan", "in", *LOOK, "-v").stderr
    assert "in/link" in told
    assert "in/.git" in told
    for more in (("in/.git",), ("in", "--no-default-excludes")):
        assert "in/.git/high.jpg" in run("scan", *more, *LOOK).stdout
    assert run("check", "in/link", *LOOK).returncode == 0


@pytest.mark.parametrize("word", ["-v", "--format", "-", "--fail-on=never"])
def test_a_word_that_is_an_option_and_a_file_is_refused(
    run: Run, tmp_path: Path, word: str
) -> None:
    (tmp_path / word).write_text(MARKED)
    done = run("check", "a.txt", word, "jsonl")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"./{word}" in done.stderr
    assert run("check", *LOOK, f"./{word}").returncode == 0
    if word != "-":
        assert word in run("check", *LOOK, "--", word).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chekc", "a.txt"], "Did you mean 'check'?"),
        (["version"], "Did you mean '--version'?"),
        (["trust", "imprt"], "Did you mean 'import'?"),
        (["bank", "ad"], "Did you mean 'add'?"),
        (["config", "alow"], "Did you mean 'allow'?"),
    ],
)
def test_the_command_that_was_meant_is_named(run: Run, words: list[str], said: str) -> None:
    done = run(*words)
    assert (done.returncode, said in done.stderr) == (2, True)


def test_locations_are_relative_to_the_checkout(run: Run, folder: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    (folder / "sub").mkdir()
    outside = folder.parent / "x%41.txt"
    outside.write_text(MARKED)
    command = ("check", "../high.jpg", "../review.txt", outside, *LOOK)
    (found,) = json.loads(run(*command, "--format", "sarif", cwd=folder / "sub").stdout)["runs"]
    uris = [
        r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in found["results"]
    ]
    assert uris == ["high.jpg", "review.txt", f"file://{folder.parent}/x%2541.txt"]
    text = run(*command, "--format", "junit", cwd=folder / "sub").stdout
    cases = ET.fromstring(text)  # noqa: S314 - our own
    assert [case.get("name") for case in cases.iter("testcase")] == uris
    shown = run(*command, "--root", folder.parent, "--format", "sarif", cwd=folder / "sub").stdout
    assert '"uri":"in/high.jpg","uriBaseId":"ROOT"' in shown
    assert run(*command, "--root", "nowhere", cwd=folder).returncode == 2


def test_python_takes_names_as_bytes_and_no_file_of_posts(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words")
    (tmp_path / "p.jsonl").write_text(json.dumps({"post_id": "p1", "text": "words"}) + "\n")
    assert provenance.check(bytes(tmp_path / "a.txt")).item.kind == "text"
    with pytest.raises(ConfigError, match="scan"):
        provenance.check(tmp_path / "p.jsonl")
    (record,) = provenance.scan(bytes(tmp_path / "p.jsonl"))
    assert record.item.uri == f"{tmp_path}/p.jsonl#p1"


def test_explain_takes_one_item(run: Run, tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"text": "a"}\n{"text": "b"}\n')
    done = run("explain", "p.jsonl")
    assert (done.returncode, "several items" in done.stderr) == (2, True)
