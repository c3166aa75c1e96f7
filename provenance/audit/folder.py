"""The folder of a log: its files in order, the lines in them, and what lies beside them."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from detectors.errors import ConfigError, UnavailableError
from detectors.storing.atomic import atomic_write
from detectors.storing.lock import locked
from provenance.audit import checkpoint, keys
from provenance.audit.keys import PublicKey

CHECKPOINT: Final = "checkpoint"
TREE: Final = "tree.json"
LOCK: Final = "lock"
SETTINGS: Final = "settings"
TORN: Final = "torn"
"""Folder of unfinished lines that were set aside."""
LINES: Final = re.compile(r"(\d{6})\.(jsonl|hashes)")
HASH: Final = 32
"""Bytes of a hash."""
PATIENCE: Final = 60.0
"""Seconds for which other writers are waited for: each holds the lock for one batch."""


class Segment(NamedTuple):
    """A file of a log."""

    number: int
    path: Path
    size: int
    """Bytes, when the files were listed."""
    forgotten: bool
    """Whether it holds the hashes of lines that were dropped, instead of lines."""


class Line(NamedTuple):
    """A line as it lies in its file."""

    data: bytes
    """Without its line feed."""
    whole: bool
    """Whether it has one."""


class LogFolder:
    """Where a log lies."""

    def __init__(self, path: Path) -> None:
        """Find a log.

        Raises:
            ConfigError: none was made there.
        """
        self.path = path
        if not (self.checkpoint.is_file() or self._file(0).is_file()):
            raise ConfigError(
                f"{path}: there is no audit log; `provenance audit init {path} --name NAME` makes"
                " one"
            )

    @property
    def checkpoint(self) -> Path:
        """The signed note."""
        return self.path / CHECKPOINT

    @property
    def tree(self) -> Path:
        """What a writer remembers of the tree; without it, it reads every line."""
        return self.path / TREE

    def lines(self, number: int) -> Path:
        """Return where the lines of a file lie."""
        return self._file(number)

    def hashes(self, number: int) -> Path:
        """Return where the leaf hashes of a dropped file lie."""
        return self.path / f"{number:06}.hashes"

    def torn(self, number: int, offset: int) -> Path:
        """Return where an unfinished line of a file is set aside."""
        return self.path / TORN / f"{number:06}-{offset}"

    def settings(self, digest: str) -> Path:
        """Return where the body of settings lies."""
        return self.path / SETTINGS / f"{digest}.json"

    def policy(self, digest: str) -> Path:
        """Return where the text of a policy lies."""
        return self.path / SETTINGS / f"{digest}.toml"

    def keep(self, path: Path, body: bytes) -> None:
        """Keep a body of settings or the text of a policy, unless it is there.

        Raises:
            UnavailableError: it cannot be written.
        """
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            atomic_write(path, body)

    def _file(self, number: int) -> Path:
        return self.path / f"{number:06}.jsonl"

    def writing(self) -> AbstractContextManager[object]:
        """Return what holds the lock of writers.

        Raises:
            UnavailableError: another process holds it for too long.
        """
        busy = f"{self.path}: other processes have been writing to this log for {PATIENCE:g} s"
        return locked(self.path / LOCK, busy, PATIENCE)

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Keep writers away, where this process may; it makes no file.

        Raises:
            UnavailableError: another process holds the lock for too long.
        """
        with ExitStack() as held:
            if (self.path / LOCK).exists():
                with suppress(OSError):  # a copy that may only be read has no writers
                    held.enter_context(self.writing())
            yield

    def segments(self) -> list[Segment]:
        """Return the files in their order.

        Raises:
            UnavailableError: the folder cannot be read.
        """
        found = dict[int, Segment]()
        try:
            for path in self.path.iterdir():
                if (named := LINES.fullmatch(path.name)) and path.is_file():
                    number, forgotten = int(named[1]), named[2] == "hashes"
                    if not (forgotten and number in found):  # lines come before their hashes
                        size = path.stat().st_size
                        found[number] = Segment(number, path, size, forgotten)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        return [found[number] for number in sorted(found)]

    def note(self) -> bytes:
        """Return the checkpoint; empty where it is missing.

        Raises:
            UnavailableError: it cannot be read.
        """
        try:
            return self.checkpoint.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise _unreadable(self.checkpoint, error) from error

    @property
    def name(self) -> str:
        """The origin that its checkpoint states, which is not verified."""
        return self.note().partition(b"\n")[0].decode("utf-8", "replace")

    def public_key(self) -> tuple[PublicKey, Path]:
        """Return the key of this log that the user's data folder knows, and where its private is.

        Raises:
            ConfigError: it knows none.
        """
        for signature in checkpoint.signatures(self.note()):
            noted = keys.noted(signature.key_id)
            if noted is not None:
                key = PublicKey.parse(noted.public, f"the note of key {signature.key_id.hex()}")
                if key.name == signature.name:
                    return key, Path(noted.key)
        raise ConfigError(
            f"{self.path}: nothing is known here of the key that signs this log; name the public"
            " key with --key"
        )


def read(segment: Segment, offset: int = 0) -> Iterator[Line]:
    """Yield the lines of a file, as long as it was when it was listed.

    Raises:
        UnavailableError: it cannot be read.
    """
    try:
        with segment.path.open("rb") as file:
            file.seek(offset)
            left = segment.size - offset
            for data in file:
                if left <= 0:
                    return
                cut = data[:left]
                left -= len(cut)
                whole = cut.endswith(b"\n")
                yield Line(cut[:-1] if whole else cut, whole)
    except OSError as error:
        raise _unreadable(segment.path, error) from error


def hashes(segment: Segment) -> Iterator[bytes]:
    """Yield the leaf hashes of a file that was dropped.

    Raises:
        UnavailableError: it cannot be read.
    """
    try:
        data = segment.path.read_bytes()
    except OSError as error:
        raise _unreadable(segment.path, error) from error
    for at in range(0, len(data), HASH):
        yield data[at : at + HASH]


def digest(data: bytes) -> str:
    """Return the SHA-256 of some bytes, hex."""
    return hashlib.sha256(data).hexdigest()


def _unreadable(path: Path, error: OSError) -> UnavailableError:
    return UnavailableError(f"{path}: cannot be read: {error.strerror}", "see who may read it")
