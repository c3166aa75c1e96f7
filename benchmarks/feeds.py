"""CPU time and traffic of a feed of many entries: publish, follow, and take in some changes.

    python benchmarks/feeds.py [--entries 1000000] [--changes 1000]

The entries are made up, an AI face with one PDQ hash each (`benchmarks/lookup.py`). The follower
fetches over HTTP from this machine; bytes are those of all answers. Seconds are user and system, of
the whole command.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import numpy as np
from lookup import BATCH, NOW, hashes

from detectors.bank.entry import Entry, EntryKind, Hash, Tlp
from detectors.bank.folder.store import create, writing

LATER = "2026-02-03T04:05:06Z"


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder, and counts what it sends."""

    sent = 0

    def copyfile(self, source: Any, outputfile: Any) -> None:
        """Send a file."""
        data = source.read()
        Handler.sent += len(data)
        outputfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def entry(number: int, pdq: bytes) -> Entry:
    """Return an entry."""
    put = {"pdq": (Hash(pdq.hex()),)}
    return Entry(
        id=f"{number}", kind=EntryKind.AI_FACE, hashes=put, created=NOW, modified=NOW, tlp=Tlp.GREEN
    )


def run(home: Path, *words: str | Path) -> tuple[float, int]:
    """Run a command; return its CPU seconds and its peak memory in MB."""
    command = [sys.executable, "-m", "provenance", *map(str, words)]
    script = (
        "import json, resource, subprocess, sys;"
        " done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
        " used = resource.getrusage(resource.RUSAGE_CHILDREN);"
        " print(json.dumps([done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss]))"
    )
    env = {"HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script, *command], env=env, stdout=subprocess.PIPE, check=True
    )
    code, seconds, kilobytes = json.loads(done.stdout)
    if code:
        sys.exit(f"{' '.join(command)}: exit {code}")
    return seconds, kilobytes // 1024


def told(what: str, used: tuple[float, int], size: int | None = None) -> None:
    """Print a row."""
    moved = "" if size is None else f"{size / 1e6:.2f} MB"
    print(f"| {what} | {used[0]:.1f} | {used[1]} | {moved} |", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--changes", type=int, default=1_000)
    asked = parser.parse_args()
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as scratch:
        home, bank, feed = Path(scratch), Path(scratch) / "own.bank", Path(scratch) / "feed"
        create(bank, NOW)
        kept: list[Entry] = []
        with writing(bank) as writer:
            for start in range(0, asked.entries, BATCH):
                rows = hashes(rng, min(BATCH, asked.entries - start))
                for number, row in enumerate(rows, start):
                    writer.put(made := entry(number, row.tobytes()))
                    if number % (asked.entries // asked.changes) == 0:
                        kept.append(made)
                writer.commit()
        print(f"{asked.entries:,} entries\n\n| | CPU s | MB | fetched |\n|---|---|---|---|")
        said = ("--name", "a", "--publisher", "A", "--contact", "a@example.org")
        run(home, "feed", "init", feed, *said)
        told("publish", run(home, "feed", "publish", feed, "--bank", bank))
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(feed)))
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        root = hashlib.sha256((feed / "metadata/1.root.json").read_bytes()).hexdigest()
        other = home / "other.bank"
        run(home, "feed", "follow", address, "--fingerprint", root, "--bank", other)
        Handler.sent = 0
        told("first update", run(home, "feed", "update"), Handler.sent)
        with writing(bank) as writer:
            for each in kept:
                writer.put(msgspec.structs.replace(each, modified=LATER, tags=("seen again",)))
            writer.commit()
        told(f"publish {len(kept):,} changes", run(home, "feed", "publish", feed, "--bank", bank))
        Handler.sent = 0
        told(f"update of {len(kept):,} changes", run(home, "feed", "update"), Handler.sent)
        Handler.sent = 0
        told("update without news", run(home, "feed", "update"), Handler.sent)
        server.shutdown()


if __name__ == "__main__":
    main()
