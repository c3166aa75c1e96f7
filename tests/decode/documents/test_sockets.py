"""No item of any kind makes the command open an internet socket, not even to this machine."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

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


def test_no_kind_of_item_opens_an_internet_socket(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(HOOK)
    seen = tmp_path / "seen"
    files = items(tmp_path / "items")
    path = f"{tmp_path / 'site'}:{Path(__file__).parents[3]}"
    environment = {"PYTHONPATH": path, "SEEN": str(seen), "HOME": str(tmp_path)}
    probe = subprocess.run(
        [sys.executable, "-c", "import socket; socket.socket()"], env=environment, check=True
    )
    assert probe.returncode == 0
    assert seen.read_text().startswith("socket.__new__")  # the watcher watches
    seen.unlink()
    command = [sys.executable, "-m", "provenance", "check", *files, "--format", "jsonl"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert len(done.stdout.splitlines()) >= len(files), done.stderr
    assert "trafilatura" in done.stdout
    assert not seen.exists(), seen.read_text()


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_no_library_opens_one_either(tmp_path: Path) -> None:
    files = items(tmp_path / "items")
    trace = ["strace", "-f", "-qq", "-o", tmp_path / "trace", "-e", "trace=socket,bind,connect"]
    if subprocess.run([*trace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace here")
    command = [sys.executable, "-m", "provenance", "check", *files, "--format", "jsonl"]
    done = subprocess.run([*trace, *command], capture_output=True, text=True, check=False)
    assert len(done.stdout.splitlines()) >= len(files), done.stderr
    assert "AF_INET" not in (tmp_path / "trace").read_text()
