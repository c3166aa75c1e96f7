"""How a command ends when it may not go on: real signals, a full device, a reader that has gone."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lxml import etree

Start = Callable[..., "subprocess.Popen[str]"]

ENDS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
ONLY = ("--only", "text_marks")
FULL = Path("/dev/full")
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Return a function that starts the command and does not wait for it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PROVENANCE", "XDG"))}

    def begin(*args: str, stdout: int = subprocess.PIPE) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "provenance", *args],
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=kept | {"HOME": str(tmp_path), "COLUMNS": "80", "PYTHONUTF8": "1"},
            text=True,
            preexec_fn=heard,  # noqa: PLW1509 - no thread runs here
        )

    return begin


def heard() -> None:
    """Let an interrupt be heard, also where the tests run in the background of a script."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 3,000 texts, the first of which is empty and so named on stderr."""
    folder = tmp_path_factory.mktemp("items")
    (folder / "0000.txt").touch()
    for number in range(1, 3000):
        (folder / f"{number:04}.txt").write_text(f"Words of number {number}. " * 100)
    return folder


@contextmanager
def begun(start: Start, form: str, number: int) -> Iterator["subprocess.Popen[str]"]:
    """Yield a run that has done one item of three, waits for standard input, and gets a signal."""
    names = ("missing.txt", "-", "last.txt")
    with start("check", *names, "--format", form, *ONLY, "--jobs", "1") as process:
        assert process.stderr is not None
        assert "missing.txt" in process.stderr.readline()
        process.send_signal(number)
        yield process


@pytest.mark.parametrize(("number", "code"), ENDS)
@pytest.mark.parametrize("form", ["terminal", "json", "jsonl", "sarif", "junit"])
def test_what_is_done_is_written_and_says_that_it_is_not_all(
    start: Start, form: str, number: int, code: int
) -> None:
    with begun(start, form, number) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == code
    assert err == ("" if form == "terminal" else "provenance: interrupted after 1 of 3\n")
    SAYS[form](out, code)


def json_says(out: str, _code: int) -> None:
    (record,) = json.loads(out)
    assert record["item"]["uri"] == "missing.txt"


def jsonl_says(out: str, _code: int) -> None:
    assert json.loads(out)["item"]["uri"] == "missing.txt"


def sarif_says(out: str, _code: int) -> None:
    (run,) = json.loads(out)["runs"]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    said = [n["message"]["text"] for n in invocation["toolExecutionNotifications"]]
    assert said[-1] == "interrupted after 1 of 3"


def junit_says(out: str, _code: int) -> None:
    cases = etree.fromstring(out.encode()).findall(".//testcase")
    assert [case.get("name") for case in cases] == ["missing.txt", "interrupted"]
    error = cases[1].find("error")
    assert error is not None
    assert error.get("message") == "interrupted after 1 of 3"


def terminal_says(out: str, code: int) -> None:
    assert out.splitlines()[-1].strip().startswith(f"Exit {code}: interrupted after 1 of 3;")
    assert "none at or above" not in out


SAYS = {
    "json": json_says,
    "jsonl": jsonl_says,
    "sarif": sarif_says,
    "junit": junit_says,
    "terminal": terminal_says,
}


@pytest.mark.parametrize(("number", "code"), ENDS)
def test_a_scan_at_work_ends_after_whole_records(
    start: Start, folder: Path, number: int, code: int
) -> None:
    with start("scan", str(folder), "--format", "jsonl", *ONLY, "--jobs", "1") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
    lines += out.splitlines()
    names = [json.loads(line)["item"]["uri"] for line in lines]
    assert names == [str(folder / f"{i:04}.txt") for i in range(len(names))]
    assert len(names) < 3000
    assert err.splitlines()[1:] == [f"provenance: interrupted after {len(names):,} of 3,000"]
    assert process.returncode == code


def test_the_counts_of_an_interrupted_scan_do_not_say_clean(start: Start, folder: Path) -> None:
    with start("scan", str(folder), *ONLY) as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err == ""
    assert "Exit 130: interrupted after " in out
    assert " of 3,000; what was done is above." in out
    assert "none at or above" not in out


def listening(process: "subprocess.Popen[str]") -> None:
    """Wait until the command has begun to hear signals, which it does before all else."""
    status = Path(f"/proc/{process.pid}/status")
    while True:
        caught = next(line for line in status.read_text().splitlines() if "SigCgt" in line)
        if int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.001)


@LINUX
@pytest.mark.parametrize("wait", [0, 0.02, 0.05, 0.1, 0.15, 0.2])
@pytest.mark.parametrize("command", ["scan", "explain", "import"])
def test_an_early_signal_is_one_line_and_its_code(
    start: Start, folder: Path, tmp_path: Path, command: str, wait: float
) -> None:
    (tmp_path / "feed").write_text("".join(f"{i:064x}\n" for i in range(200_000)))
    args = {
        "scan": ["scan", str(folder), "--format", "sarif"],
        "explain": ["explain", "-"],
        "import": ["bank", "import", "--bank", "a.bank", "feed"],
    }
    with start(*args[command]) as process:
        listening(process)
        time.sleep(wait)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 143
    assert "Traceback" not in err
    said = [line for line in err.splitlines() if "empty" not in line]
    assert said == [] or (len(said) == 1 and said[0].startswith("provenance: interrupted"))
    assert out == "" or json.loads(out)["runs"][0]["invocations"][0]["executionSuccessful"] is False


def test_an_interrupted_import_goes_on_with_the_same_call(start: Start, tmp_path: Path) -> None:
    hashes = (f"{i:032x}{2**128 - 1 - i:032x}" for i in range(20_000))  # half of the bits are set
    (tmp_path / "feed").write_text("\n".join(hashes))
    args = ("bank", "import", "--bank", "a.bank", "feed")
    with start(*args) as process:
        while not (tmp_path / "a.bank" / "bank.json").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err) == (130, "", "provenance: interrupted\n")
    for again in (args, ("bank", "verify", "--bank", "a.bank")):
        with start(*again) as process:
            said = process.communicate(timeout=120)
        assert process.returncode == 0, said


SHORT = [
    ["--help"],
    ["--version"],
    ["check", "a.txt", *ONLY],
    ["check", "a.txt", *ONLY, "--format", "json"],
    ["check", "a.txt", *ONLY, "--format", "sarif"],
    ["scan", ".", *ONLY],
    ["scan", ".", *ONLY, "--format", "jsonl"],
    ["scan", ".", *ONLY, "--format", "junit"],
    ["explain", "a.txt", *ONLY],
    ["detectors"],
    ["detectors", "--format", "json"],
    ["config", "show"],
    ["trust", "list"],
    ["doctor"],
    ["completion", "bash"],
]


@pytest.mark.skipif(not FULL.exists(), reason="no full device here")
@pytest.mark.parametrize("args", SHORT, ids=" ".join)
def test_a_full_disk_is_one_line_and_exit_3(start: Start, tmp_path: Path, args: list[str]) -> None:
    (tmp_path / "a.txt").write_text("As an AI language model, I cannot write this for you.")
    with FULL.open("w") as full, start(*args, stdout=full.fileno()) as process:
        _, err = process.communicate(timeout=120)
    assert err == "provenance: standard output cannot be written: No space left on device\n"
    assert process.returncode == 3


@pytest.mark.skipif(not FULL.exists(), reason="no full device here")
def test_a_full_disk_wins_over_what_was_flagged(start: Start, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("As an AI language model, I cannot write this for you.")
    args = ("check", "a.txt", *ONLY, "--fail-on", "review")
    with start(*args) as process:
        process.communicate(timeout=120)
    assert process.returncode == 1
    with FULL.open("w") as full, start(*args, stdout=full.fileno()) as process:
        process.communicate(timeout=120)
    assert process.returncode == 3


@pytest.mark.parametrize("args", SHORT, ids=" ".join)
def test_a_reader_that_has_gone_is_no_error(start: Start, tmp_path: Path, args: list[str]) -> None:
    (tmp_path / "a.txt").write_text("Some words by someone.")
    ours, theirs = os.pipe()
    os.close(ours)
    with start(*args, stdout=theirs) as process:
        os.close(theirs)
        _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (141, "")


def test_without_standard_output_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Some words by someone.")
    command = [sys.executable, "-m", "provenance", "check", "a.txt", *ONLY]
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stderr.startswith("provenance: standard output cannot be written: ")
    assert len(done.stderr.splitlines()) == 1


@LINUX
def test_workers_end_with_a_command_that_is_killed(start: Start, folder: Path) -> None:
    with start("scan", str(folder), "--format", "jsonl", *ONLY, "--jobs", "2") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
        process.wait()
        until = time.monotonic() + 60
        while any(alive(pid) for pid in children) and time.monotonic() < until:
            time.sleep(0.02)
        assert len(children) == 2
        assert not [pid for pid in children if alive(pid)]
        assert "Traceback" not in process.stderr.read()


def alive(pid: str) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
