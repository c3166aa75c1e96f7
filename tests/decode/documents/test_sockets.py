"""No item of any kind makes the command open an internet socket, not even to this machine."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

FIXTURES = Path(__file__).parents[3] / "fixtures"
HOOK = """
import os, socket, sys

INTERNET = (socket.AF_INET, socket.AF_INET6)

def watch(event, args):
    if event.startswith("socket.") and (
        (event == "socket.__new__" and args[1] in INTERNET)
        or (event in ("socket.bind", "socket.connect") and args[0].family in INTERNET)
        or event in ("socket.getaddrinfo", "socket.gethostbyname")
    ):
        with open(os.environ["SEEN"], "a") as out:
            print(event, args[1:], file=out)

sys.addaudithook(watch)
"""
PAGE = "<html><body><main><article>" + "<p>One sentence after the other.</p>" * 60 + "</article>"


def items(folder: Path) -> list[Path]:
    """Return one item of each kind."""
    folder.mkdir()
    made = {"page.html": PAGE, "note.txt": "A note.", "mail.eml": f"Subject: x\n\n{PAGE}",
            "posts.jsonl": json.dumps({"post_id": "1", "text": "a"})}  # fmt: skip
    for name, text in made.items():
        (folder / name).write_text(text)
    for kind in ("signed", "documents", "marks"):
        seen: set[str] = set()
        for file in sorted((FIXTURES / kind).rglob("*")):
            if file.is_file() and file.suffix not in seen:
                seen.add(file.suffix)
                shutil.copy(file, folder / f"{kind}-{file.name}")
    return sorted(folder.iterdir())


class Checked(NamedTuple):
    """What a command did that checked an item of each kind."""

    out: str
    watched: Path
    """Where the interpreter wrote of internet sockets that it opened."""
    traced: str | None
    """What strace wrote of all sockets that were opened; None: it may not trace."""


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    """Check an item of each kind, watched from within and from outside."""
    folder = tmp_path_factory.mktemp("sockets")
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(HOOK)
    seen, files = folder / "seen", items(folder / "items")
    path = f"{folder / 'site'}:{Path(__file__).parents[3]}"
    environment = {"PYTHONPATH": path, "SEEN": str(seen), "HOME": str(folder)}
    probe = [sys.executable, "-c", "import socket; socket.socket()"]
    subprocess.run(probe, env=environment, check=True)
    assert seen.read_text().startswith("socket.__new__")  # the watcher watches
    seen.unlink()
    trace = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", folder / "trace"]
    trace += ["-e", "trace=socket,bind,connect"]
    command = [sys.executable, "-m", "provenance", "check", *files, "--format", "jsonl"]
    may = may_trace(trace)
    done = subprocess.run(
        [*trace, *command] if may else command,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert len(done.stdout.splitlines()) >= len(files), done.stderr
    return Checked(done.stdout, seen, (folder / "trace").read_text() if may else None)


def may_trace(trace: list[str | Path]) -> bool:
    """Tell whether strace is there and may trace."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run([*trace, "true"], capture_output=True, check=False).returncode == 0


def test_no_kind_of_item_opens_an_internet_socket(checked: Checked) -> None:
    assert "trafilatura" in checked.out
    assert not checked.watched.exists(), checked.watched.read_text()


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_no_library_opens_one_either(checked: Checked) -> None:
    if checked.traced is None:
        pytest.skip("strace may not trace here")
    assert "AF_INET" not in checked.traced
