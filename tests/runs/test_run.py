"""A run through the command: the same records as `scan`, whatever came between."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

FIXTURES = Path(__file__).parents[2] / "fixtures"
ALL = "credentials,metadata,text_marks,text_credentials"
NAMED = {"run.json", "records.jsonl", "summary.json", "groups.jsonl"}


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Return a folder of pictures, copies, texts, posts with a medium, and an archive."""
    folder = tmp_path / "in"
    (folder / "posts" / "media").mkdir(parents=True)
    for name in ("signed/ai.jpg", "signed/capture.jpg", "marks/a1111.png", "marks/flag.png"):
        shutil.copy(FIXTURES / name, folder)
    shutil.copy(FIXTURES / "signed/ai.jpg", folder / "again.jpg")
    shutil.copy(FIXTURES / "signed/ai.jpg", folder / "again.txt")
    (folder / "a.c2pa").write_bytes(b"no manifest")
    shutil.copy(FIXTURES / "marks/flag.png", folder / "a.png")
    for number in range(8):
        (folder / f"{number}.txt").write_text(f"As an AI language model I say {number}.")
    (folder / "empty.txt").touch()
    (folder / "new\nline.txt").write_text("A name of two lines.")
    shutil.copy(FIXTURES / "marks/firefly.jpg", folder / "posts" / "media" / "m.jpg")
    post = {"post_id": "p", "text": "A post.", "media": ["media/m.jpg", "media/none.jpg"]}
    lines = [json.dumps(post), "no json", json.dumps({"post_id": "q", "text": "Another."})]
    (folder / "posts" / "feed.jsonl").write_text("\n".join(lines) + "\n")
    with zipfile.ZipFile(folder / "bundle.zip", "w") as archive:
        archive.writestr("one.txt", "Words of a member.")
        archive.writestr("two.txt", "As an AI language model, I am a member too.")
    return folder


def lines(text: str) -> list[dict[str, Any]]:
    """Return records without what may differ between two looks."""
    found = [json.loads(line) for line in text.splitlines()]
    for record in found:
        del record["elapsed_ms"], record["tool"]["date"]
    return found


@pytest.fixture
def fresh(run: Run) -> Callable[..., tuple[list[dict[str, Any]], int]]:
    """Return what `scan` writes, and its exit code."""

    def scanned(*args: str, only: str = ALL) -> tuple[list[dict[str, Any]], int]:
        done = run("scan", "in", "--format", "jsonl", "--only", only, *args)
        return lines(done.stdout), done.returncode

    return scanned


@pytest.fixture
def kept(run: Run, tmp_path: Path) -> Callable[..., tuple[list[dict[str, Any]], int, Any, str]]:
    """Return the records of a pass, its exit code, its summary and what it says."""

    def passed(
        *args: str, only: str = ALL, sources: tuple[str, ...] = ("in",)
    ) -> tuple[list[dict[str, Any]], int, Any, str]:
        asked = ("--format", "jsonl", "--out", "run", "--only", only)
        done = run("scan", *sources, *asked, *args)
        assert done.stdout == ""
        folder = tmp_path / "run"
        told = json.loads((folder / "summary.json").read_bytes())
        state = json.loads((folder / "run.json").read_bytes())["state"]
        assert state == told["state"] == "complete"
        assert told["looked_at"] + told["reused"] + told["same_bytes"] == told["items"]
        records = lines((folder / "records.jsonl").read_text("utf-8"))
        return records, done.returncode, told, done.stderr

    return passed


def unreadable(folder: Path) -> dict[Path, bytes]:
    """Put other bytes of the same size and time into every file; return what was there."""
    before = {}
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_size:
            found = path.stat()
            before[path] = path.read_bytes()
            path.write_bytes(os.urandom(found.st_size))
            os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    return before


@pytest.mark.usefixtures("world")
def test_a_run_has_the_records_of_a_scan_and_looks_at_nothing_twice(
    fresh: Any, kept: Any, tmp_path: Path
) -> None:
    want, code = fresh()
    records, made, summary, _ = kept()
    assert (records, made) == (want, code)
    assert summary["same_bytes"] == 1  # again.txt is called a text, so it is looked at by itself
    assert kept()[:2] == (want, code)
    again = kept()[2]
    assert (again["looked_at"], again["reused"], again["same_bytes"]) == (0, len(want), 0)
    (group,) = [
        json.loads(line) for line in (tmp_path / "run" / "groups.jsonl").read_text().splitlines()
    ][:1]
    assert group["kind"] == "same_bytes"
    assert {"in/ai.jpg", "in/again.jpg"} <= set(group["items"])


def test_another_policy_judges_what_was_seen_without_opening_a_file(
    world: Path, fresh: Any, kept: Any
) -> None:
    plain, other = fresh(), fresh("--policy", "newsroom")
    kept()
    unreadable(world)
    records, code, summary, said = kept("--policy", "newsroom")
    assert (records, code) == other
    assert summary["looked_at"] == 0
    assert "another policy" in said
    assert kept()[:2] == plain


def test_a_detector_less_opens_nothing_and_a_detector_more_looks_alone(
    world: Path, fresh: Any, kept: Any
) -> None:
    few, many = "metadata,text_credentials", ALL + ",known_fakes"
    less, more = fresh(only=few), fresh("--fingerprints", only=many)
    kept()
    before = unreadable(world)
    records, code, summary, said = kept(only=few)
    assert (records, code, summary["looked_at"]) == (*less, 0)
    assert "text_marks: left out" in said
    for path, data in before.items():
        there = path.stat()
        path.write_bytes(data)
        os.utime(path, ns=(there.st_atime_ns, there.st_mtime_ns))
    records, code, summary, _ = kept("--fingerprints", only=many)
    assert (records, code) == more
    assert 0 < summary["looked_at"] < len(records)


@pytest.mark.usefixtures("world")
def test_fingerprints_come_and_go_where_no_detector_looks_at_a_picture(
    fresh: Any, kept: Any
) -> None:
    kept(only="text_marks")
    assert kept("--fingerprints", only="text_marks")[:2] == fresh(
        "--fingerprints", only="text_marks"
    )
    records, code, summary, _ = kept(only="text_marks")
    assert (records, code) == fresh(only="text_marks")
    assert summary["looked_at"] == 0


def test_what_changed_came_or_went_is_looked_at_and_nothing_else(
    world: Path, fresh: Any, kept: Any
) -> None:
    kept()
    (world / "1.txt").write_text("Something else.")
    (world / "added.txt").write_text("New here.")
    (world / "2.txt").unlink()
    (world / "3.txt").rename(world / "renamed.txt")
    (world / "a.c2pa").write_bytes(b"another sidecar")
    (world / "posts" / "media" / "none.jpg").write_bytes((world / "ai.jpg").read_bytes())
    records, code, summary, _ = kept()
    assert (records, code) == fresh()
    assert (summary["looked_at"], summary["same_bytes"]) == (4, 2)


@pytest.mark.usefixtures("world")
def test_further_detectors_look_at_chosen_items_alone(
    fresh: Any, kept: Any, tmp_path: Path
) -> None:
    names = tmp_path / "names"
    names.write_text('in/0.txt\n"in/new\\nline.txt"\n')
    few, many = fresh(only="text_credentials")[0], fresh(only="text_credentials,text_marks")[0]
    kept(only="text_credentials")
    records, _, summary, _ = kept(
        "--deepen", f"@{names}", only="text_credentials,text_marks", sources=()
    )
    asked = {"in/0.txt", "in/new\nline.txt"}
    both = zip(few, many, strict=True)
    assert records == [more if more["item"]["uri"] in asked else less for less, more in both]
    assert summary["looked_at"] == 2


@pytest.mark.usefixtures("world")
def test_without_its_own_files_or_with_a_torn_line_a_run_goes_on(
    fresh: Any, kept: Any, tmp_path: Path
) -> None:
    want = fresh()
    kept()
    with (tmp_path / "run" / "records.jsonl").open("ab") as file:
        file.write(b'{"schema":"provenance.record/1","item":{"uri":"in/to')
    assert kept()[:2] == want
    for path in (tmp_path / "run").iterdir():
        if path.name not in NAMED:
            shutil.rmtree(path)
    assert kept()[:2] == want
    (tmp_path / "run" / "ledger" / "ledger.sqlite").write_bytes(b"no database" * 100)
    assert kept()[:2] == want
    (tmp_path / "run" / "records.jsonl").write_bytes(b"")
    assert kept()[:2] == want


def heard() -> None:
    """Let an interrupt be heard, also where the tests run in the background of a script."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(tmp_path: Path) -> "subprocess.Popen[str]":
    """Start a pass over a folder and wait until some of its records are there."""
    call = ("scan", "in", "--out", "run", "--only", ALL, "--jobs", "2", "--format", "jsonl")
    process = subprocess.Popen(
        [sys.executable, "-m", "provenance", *call],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "HOME": str(tmp_path), "PYTHONUTF8": "1"},
        preexec_fn=heard,  # noqa: PLW1509 - no thread runs here
    )
    records = tmp_path / "run" / "records.jsonl"
    until = time.monotonic() + 120
    while not (records.exists() and records.stat().st_size) and time.monotonic() < until:
        time.sleep(0.01)
    return process


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Return a folder of two thousand texts."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(2000):
        text = f"Words of number {number}. " * (1 + number % 7)
        (folder / f"{number:05}.txt").write_text(text)
    return folder


@pytest.mark.usefixtures("many")
def test_a_killed_pass_is_continued_and_a_second_process_waits_for_none(
    fresh: Any, kept: Any, run: Run, tmp_path: Path
) -> None:
    with start(tmp_path) as process:
        os.killpg(process.pid, signal.SIGSTOP)
        second = run("scan", "in", "--out", "run", "--only", ALL)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert (second.returncode, second.stdout) == (2, "")
    assert str(process.pid) in second.stderr
    whole = (tmp_path / "run" / "records.jsonl").read_bytes().split(b"\n")[:-1]
    assert all(map(json.loads, whole))
    records, code, summary, _ = kept()
    assert (records, code) == fresh()
    assert summary["reused"] >= len(whole) // 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.usefixtures("many")
def test_an_interrupted_pass_says_so_and_keeps_what_is_done(
    kept: Any, tmp_path: Path, number: int, code: int
) -> None:
    with start(tmp_path) as process:
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
    assert process.returncode == code
    assert "interrupted after" in said
    told = json.loads((tmp_path / "run" / "summary.json").read_bytes())
    there = (tmp_path / "run" / "records.jsonl").read_bytes().count(b"\n")
    assert told["state"] == "interrupted"
    assert told["items"] == there > 0
    summary = kept()[2]
    assert (summary["items"], summary["reused"] >= there) == (2000, True)


@pytest.mark.usefixtures("many")
def test_a_disk_that_is_full_ends_the_pass_to_be_continued(kept: Any, tmp_path: Path) -> None:
    call = ["scan", "in", "--out", "run", "--only", ALL, "--format", "jsonl"]
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (200000, 200000));"
        f"sys.argv[1:] = {call}; from provenance.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        env={**os.environ, "HOME": str(tmp_path), "PYTHONUTF8": "1"},
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "the pass ends here, to be continued" in done.stderr
    assert json.loads((tmp_path / "run" / "run.json").read_bytes())["state"] == "interrupted"
    assert kept()[2]["items"] == 2000


@pytest.mark.usefixtures("many")
def test_a_source_that_vanishes_ends_the_pass_to_be_continued(kept: Any, tmp_path: Path) -> None:
    with start(tmp_path) as process:
        (tmp_path / "in").rename(tmp_path / "elsewhere")
        _, said = process.communicate(timeout=120)
    assert process.returncode == 3
    assert "in has vanished meanwhile" in said
    assert json.loads((tmp_path / "run" / "run.json").read_bytes())["state"] == "interrupted"
    (tmp_path / "elsewhere").rename(tmp_path / "in")
    records, _, summary, _ = kept()
    assert (summary["items"], summary["failed"]) == (2000, [])
    assert len(records) == 2000


def test_runs_and_banks_inside_a_source_are_passed_over(run: Run, world: Path) -> None:
    run("bank", "add", "--bank", world / "some.bank", world / "ai.jpg")
    asked = ("scan", "in", "--out", "in/sub/run", "--only", ALL, "--format", "jsonl")
    first, second = run(*asked), run(*asked)
    assert "passed over 2 folders of runs, banks and logs" in second.stderr
    assert first.returncode == second.returncode
    names = [
        json.loads(line)["item"]["uri"]
        for line in (world / "sub" / "run" / "records.jsonl").read_text("utf-8").splitlines()
    ]
    assert not [name for name in names if name.startswith(("in/sub/run", "in/some.bank"))]


@pytest.mark.usefixtures("world")
def test_what_goes_wrong_with_the_folder_is_exit_2(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    assert "is no run, and not empty" in run("scan", "in", "--out", "other").stderr
    below = run("scan", "in", "--out", "other/file/run", "--only", ALL)
    assert (below.returncode, below.stderr.count("\n")) == (2, 1)
    sarif = run("scan", "in", "--out", "run", "--format", "sarif")
    assert (sarif.returncode, "use one of terminal, jsonl" in sarif.stderr) == (2, True)
    assert run("scan", "--out", "run", "--deepen", "review").returncode == 2
    assert run("scan", "in", "--out", "run", "--deepen", "much", "--only", ALL).returncode == 2
    assert run("scan", "in", "--deepen", "review").returncode == 2
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("world")
def test_the_screen_names_the_worst_first_and_counts(run: Run, kept: Any) -> None:
    kept()
    said = run("scan", "in", "--out", "run", "--only", ALL).stdout.splitlines()
    risks = [line.split()[1] for line in said if line[:2] in ("!!", "! ")]
    assert risks == sorted(risks)  # HIGH, then REVIEW
    assert set(risks) == {"HIGH", "REVIEW"}
    assert any("the same bytes: in/again.jpg, in/again.txt" in line for line in said)
    assert any("0 looked at" in line for line in said)


def test_the_ledger_holds_no_more_than_the_run(kept: Any, world: Path, tmp_path: Path) -> None:
    kept()
    (world / "5.txt").unlink()
    records, *_ = kept("--policy", "newsroom")
    with sqlite3.connect(tmp_path / "run" / "ledger" / "ledger.sqlite") as db:
        (count,) = db.execute("SELECT COUNT(*) FROM items WHERE file = 0").fetchone()
    assert count == len(records)
    assert not list((tmp_path / "run" / "ledger").glob("earlier-*"))


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("fact", ["not_after", "fresh_until"])
def test_what_has_expired_since_the_last_pass_is_looked_at_again(
    run: Run, kept: Any, tmp_path: Path, fact: str
) -> None:
    """The stored records are made to be of a day before that on which it expired, of it, behind."""
    today = datetime.now(UTC).date().isoformat()
    mine = ("--name", "mine", "--issued", today, "--use", "signers")
    assert run("trust", "import", FIXTURES / "signed/trust/root.pem", *mine).returncode == 0
    want, code, *_ = kept(only="credentials,metadata")
    concerned = len([record for record in want if fact in json.dumps(record)])
    assert concerned
    file = tmp_path / "run" / "records.jsonl"
    for day, looked_at in (("2024-05-01", concerned), ("2024-06-15", concerned), ("2024-07-01", 0)):
        text = re.sub(rf'"{fact}":"[^"]{{10}}', f'"{fact}":"2024-06-15', file.read_text("utf-8"))
        file.write_text(re.sub(r'"date":"[^"]{10}"(?=,"detectors")', f'"date":"{day}"', text))
        records, again, summary, _ = kept(only="credentials,metadata")
        assert (summary["looked_at"] + summary["same_bytes"], again) == (looked_at, code)
        assert (records == want) is bool(looked_at)
