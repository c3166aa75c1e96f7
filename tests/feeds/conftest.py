"""A publisher and a follower, each with a home, and a feed of entries that are hashes alone."""

import hashlib
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Row = dict[str, Any]


def pdq(seed: int) -> str:
    bits = random.Random(seed).sample(range(256), 128)  # noqa: S311 - of a test
    return f"{sum(1 << bit for bit in bits):064x}"


def row(name: str, seed: int, **said: Any) -> Row:
    times = {"created": "2026-11-01T00:00:00Z", "modified": "2026-11-01T00:00:00Z"}
    hashes = {"pdq": [{"value": pdq(seed), "quality": 100}]}
    return {"id": name, "class": "ai_face", "tlp": "GREEN", "hashes": hashes, **times, **said}


class Person:
    """Somebody with a home and a bank."""

    def __init__(self, run: Run, home: Path) -> None:
        home.mkdir()
        self.home, self.bank, self._run = home, home / "own.bank", run

    def __call__(self, *args: str | Path, code: int = 0, **variables: str) -> Any:
        done = self._run(*args, cwd=self.home, HOME=str(self.home), **variables)
        assert done.returncode == code, done.stderr + done.stdout
        assert "Traceback" not in done.stderr
        return done

    def takes(self, *rows: Row) -> None:
        file = self.home / "rows.jsonl"
        file.write_text("".join(json.dumps(each) + "\n" for each in rows))
        self("bank", "import", "--bank", self.bank, file)

    def publishes(self, feed: Path, **more: str) -> Any:
        return self("feed", "publish", feed, "--bank", self.bank, **more)

    def publishes_not(self, feed: Path, **more: str) -> Any:
        return self("feed", "publish", feed, "--bank", self.bank, code=2, **more)

    def states(self) -> dict[str, str]:
        done = self("bank", "list", "--bank", self.bank, "--all", "--format", "json")
        return {each["id"]: each["status"] for each in json.loads(done.stdout)}


@pytest.fixture
def anna(run: Run, tmp_path: Path) -> Person:
    """Return a publisher."""
    return Person(run, tmp_path / "anna")


@pytest.fixture
def ben(run: Run, tmp_path: Path) -> Person:
    """Return a follower."""
    return Person(run, tmp_path / "ben")


@pytest.fixture
def entry() -> Callable[..., Row]:
    """Return what makes a row of an entry."""
    return row


@pytest.fixture
def feed(anna: Person) -> Path:
    """Return a feed of anna's, sequence 1, with the entries a and b."""
    folder = anna.home / "feed"
    said = ("--name", "alpha", "--publisher", "Anna's desk", "--contact", "anna@example.org")
    done = anna("feed", "init", folder, *said)
    root = (folder / "metadata/1.root.json").read_bytes()
    assert re.search("[0-9a-f]{64}", done.stdout)[0] == hashlib.sha256(root).hexdigest()  # type: ignore[index]
    anna.takes(row("a", 1), row("b", 2))
    anna.publishes(folder)
    return folder


@pytest.fixture
def follows(ben: Person, feed: Path) -> Person:
    """Return ben, who follows anna's feed and has its entries."""
    root = feed / "metadata/1.root.json"
    ben("feed", "follow", feed, "--root", root, "--bank", ben.bank)
    ben("feed", "update")
    return ben
