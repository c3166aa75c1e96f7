"""How far it has come is said on stderr, and never costs a byte of standard output."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provenance.cli.progress import Progress

FORMATS = ("terminal", "json", "jsonl", "sarif", "junit", "github", "gitlab")
COMMANDS = [
    *(("check", form) for form in FORMATS),
    *(("scan", form) for form in FORMATS if form != "json"),
]
ONLY = ("--only", "text_marks,metadata", "--jobs", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "items"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number:02}.txt").write_text(f"Words of number {number}. " * 20)
    (folder / "residue.txt").write_text("As an AI language model, I cannot write this for you.")
    (folder / "nothing.txt").write_bytes(b"")
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PROVENANCE", "XDG"))}
    return kept | {"HOME": str(tmp_path), "TERM": "xterm", "PYTHONUTF8": "1"}


@pytest.fixture
def watched(tmp_path: Path, environment: dict[str, str]) -> Callable[..., tuple[int, str]]:
    """Return a function that runs a command whose stderr is a terminal."""

    def run(*args: str, stdout: int | None = None) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        with subprocess.Popen(
            [sys.executable, "-m", "provenance", *args],
            stdin=theirs,
            stdout=theirs if stdout is None else stdout,
            stderr=theirs,
            cwd=tmp_path,
            env=environment,
            start_new_session=True,
        ) as process:
            os.close(theirs)
            screen = b"".join(chunks(ours))
        os.close(ours)
        return process.returncode, screen.decode()

    return run


def chunks(terminal: int) -> Iterator[bytes]:
    """Yield what is written to a terminal until nobody holds it any more."""
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # EIO: the other side has closed
            return
        if not chunk:
            return
        yield chunk


def arguments(command: str, form: str, folder: Path) -> list[str]:
    names = [str(folder)] if command == "scan" else sorted(map(str, folder.iterdir()))
    return [command, *names, "--format", form, *ONLY]


def without_times(text: str, form: str) -> object:
    if form == "json":
        return [record | {"elapsed_ms": 0} for record in json.loads(text)]
    if form == "jsonl":
        return [json.loads(line) | {"elapsed_ms": 0} for line in text.splitlines()]
    if form == "junit":
        return [line.partition(' time="')[0] for line in text.splitlines()]
    return text


@pytest.mark.parametrize("asked", COMMANDS, ids=" ".join)
def test_a_terminal_on_stderr_costs_no_byte_of_the_records(
    watched: Callable[..., tuple[int, str]],
    run: Callable[..., "subprocess.CompletedProcess[str]"],
    tmp_path: Path,
    folder: Path,
    asked: tuple[str, str],
) -> None:
    form = asked[1]
    args = arguments(*asked, folder)
    plain = run(*args)
    wanted = without_times(plain.stdout, form)
    with (tmp_path / "out").open("wb") as file:
        code, screen = watched(*args, stdout=file.fileno())
    assert without_times((tmp_path / "out").read_text(), form) == wanted
    assert code == plain.returncode
    assert "provenance.record" not in screen

    ours, theirs = os.pipe()
    with os.fdopen(ours, "rb") as reader:
        process = subprocess.Popen(["cat"], stdin=reader, stdout=-1)
    code, _ = watched(*args, stdout=theirs)
    os.close(theirs)
    piped, _ = process.communicate()
    assert without_times(piped.decode(), form) == wanted
    assert code == plain.returncode


def test_rows_and_progress_share_a_terminal(
    watched: Callable[..., tuple[int, str]], folder: Path
) -> None:
    code, screen = watched(
        "scan", str(folder), *ONLY, "--fail-on", "review", "--format", "terminal"
    )
    seen = [line.rpartition("\r\x1b[K")[2] for line in screen.split("\r\n")]  # what stays
    assert code == 1
    assert [line for line in seen if "Checking" in line or "Listing" in line] == []
    assert [line for line in seen if "residue.txt" in line]


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_log_gets_a_line_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    progress = Progress("Checking", 1000, clock=clock)
    for _ in progress.watch(range(1000)):
        clock.now += 1 / 8
    err = capsys.readouterr().err
    assert err.splitlines() == [
        "provenance: Checking: 480 of 1,000, 8.0 a second, about 60 s left",
        "provenance: Checking: 960 of 1,000, 8.0 a second, about 10 s left",
    ]


def test_a_short_run_says_nothing_to_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in Progress("Checking", 3).watch("abc"):
        pass
    assert capsys.readouterr().err == ""


def test_a_slow_start_does_not_lengthen_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    progress = Progress("Checking", 400, clock=clock)
    clock.now = 300  # models are loaded
    for _ in progress.watch(range(121)):
        clock.now += 1
    assert capsys.readouterr().err.splitlines() == [
        "provenance: Checking: 1 of 400",
        "provenance: Checking: 61 of 400, 1.0 a second, about 6 min left",
        "provenance: Checking: 121 of 400, 1.0 a second, about 5 min left",
    ]


def test_more_than_were_counted_are_not_set_against_the_count(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    for _ in Progress("Checking", 1, clock=clock).watch(range(70)):  # posts of one file
        clock.now += 1
    assert capsys.readouterr().err == "provenance: Checking: 60, 1.0 a second\n"
