"""The log as writers see it: lines are added under a lock, and signed for from time to time.

1. A line is durable when `append` returns. A batch takes the lock once, and one `fsync`.
2. Every line names the SHA-256 of the one before; every file but the last is 64 MiB long.
3. A checkpoint is signed before 1,000 lines lie behind the last one, and when a writer is done.
4. A writer signs only what continues the last checkpoint: it takes up the tree that this was signed
   over (from `tree.json`, which must give the signed root, else from all lines), so whoever changes
   older lines gets no signature under them.
5. What another writer added meanwhile is read under the lock, and must continue the chain. An
   unfinished line is what a killed writer left; it is set aside, and a line says so.
"""

import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec
from msgspec import UnsetType

from detectors.decode.untrusted import MALFORMED
from detectors.errors import ConfigError, DamagedError, UnavailableError
from detectors.storing import journal
from detectors.storing.atomic import appended, atomic_write
from provenance.audit import checkpoint, keys
from provenance.audit.checkpoint import Checkpoint
from provenance.audit.end import End, signed_end
from provenance.audit.entry import HEAD, Repair
from provenance.audit.folder import LogFolder, Segment, digest, read
from provenance.audit.tree import Tree
from provenance.canonical import canonical_json
from provenance.record import Record
from provenance.verdict import Policy

MOST_BYTES: Final = 64 << 20
"""Bytes of a file."""
UNSIGNED: Final = 1000
"""Lines that lie behind a checkpoint at most."""
BATCH: Final = 128
"""Lines that are written at once."""
DUE: Final = 1.0
"""Seconds after which records are written, however few they are."""


def make(path: Path, name: str, key: Path | None) -> tuple[keys.PublicKey, Path]:
    """Make a log and its key; return the public key, and where the private one lies.

    Args:
        path: of the log: a folder that is empty or not there.
        name: of the log, the origin of its checkpoints.
        key: where the private key goes; None: into the user's data folder.

    Raises:
        ConfigError: a name, folder or file that cannot be used.
        UnavailableError: something cannot be written.
    """
    keys.checked_name(name)
    if key is not None and key.absolute().is_relative_to(path.absolute()):
        raise ConfigError(f"{key}: whoever has the log must not have its key; name another folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise ConfigError(f"{path}: is not empty, so no log is made there")
    except OSError as error:
        raise ConfigError(f"{path}: no log can be made here: {error.strerror}") from error
    private, where = keys.make(name, key)
    keys.note(private.public, where)
    first = Checkpoint(name, 0, Tree().root)
    atomic_write(path / "checkpoint", checkpoint.signed(first, private))
    return private.public, where


class AuditLog:
    """Adds lines to a log. Any number of processes may, at once, and threads share one.

    Example:
        with AuditLog(Path("log"), config.policy) as log:
            log.append(records(items, config, jobs, settings=log.bodies))
    """

    def __init__(
        self,
        path: Path,
        policy: Policy | None = None,
        *,
        actor: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Open a log.

        Args:
            path: its folder.
            policy: what judges the records that will be appended.
            actor: who has the lines written; empty: the user of this process.
            now: gives the time of a line.

        Raises:
            ConfigError: no log was made there, or its key is not known.
            DamagedError: its lines are not those that were signed.
            UnavailableError: it cannot be read or written.
        """
        self.folder = LogFolder(path)
        public, private = self.folder.public_key()
        self.key = keys.load(public, private)
        self.bodies = dict[str, bytes]()
        """Digest → body of the settings of records; what checks items puts them here first."""
        self._kept = set[str]()
        self._mine = threading.Lock()
        self._end = End(public.name)
        self._unsigned = 0
        """Lines behind the last checkpoint."""
        self.repaired: Repair | None = None
        """What was set aside last."""
        self._actor, self._now = actor or user(), now
        with self._alone():
            self._resume()
            self._catch_up()
            if policy is not None:
                self.folder.keep(self.folder.policy(policy.sha256), policy.data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def size(self) -> int:
        """Lines, as far as this writer knows."""
        return self._end.tree.size

    @property
    def checkpoint(self) -> Checkpoint:
        """What would be signed now."""
        return Checkpoint(self.key.public.name, self._end.tree.size, self._end.tree.root)

    def append(self, records: Iterable[Record]) -> None:
        """Add a line for each record, durable when this returns.

        Raises:
            KeyError: the body of a record's settings is not known.
            OSError: the disk is full; what was appended before stands.
        """
        source = iter(records)
        while batch := list(islice(source, BATCH)):
            self._add([_of(one) for one in batch], {one.tool.settings for one in batch})

    def logged(self, records: Generator[Record]) -> Generator[Record]:
        """Yield records once they are in the log, a few at a time; close the log at their end.

        What was decided stands in the log also where the reader breaks off.

        Args:
            records: as they are made.

        Raises:
            UnavailableError: the log cannot be written.
            OSError: the disk is full.
        """
        waiting, since = list[Record](), time.monotonic()
        with closing(records):
            try:
                for record in records:
                    waiting.append(record)
                    if len(waiting) >= BATCH or time.monotonic() - since >= DUE:
                        done, waiting = waiting, []
                        self.append(done)
                        yield from done
                        since = time.monotonic()
            finally:
                self.append(waiting)
        self.close()
        yield from waiting

    def add(self, **said: msgspec.Struct) -> None:
        """Add a line about a line, or about the log: `appeal`, `repair` or `forget`.

        Raises:
            OSError: the disk is full.
        """
        self._add([said])

    def sign(self) -> None:
        """Renew the checkpoint.

        Raises:
            UnavailableError: it cannot be written.
        """
        with self._alone():
            self._catch_up()
            self._sign()

    def close(self) -> None:
        """Renew the checkpoint where lines lie behind it."""
        if self._unsigned:
            self.sign()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of writers; what cannot be written is said as such.

        Raises:
            UnavailableError: something cannot be written.
            OSError: the disk is full.
        """
        try:
            with self._mine, self.folder.writing():
                yield
        except (OSError, UnavailableError) as error:
            cause = error.__cause__ if isinstance(error, UnavailableError) else error
            if isinstance(cause, OSError) and cause.errno in journal.FULL:
                raise cause from None
            if isinstance(error, OSError):
                what = f"{self.folder.path}: the log cannot be written: {error.strerror}"
                raise UnavailableError(what, "what was appended before is safe") from error
            raise

    def _keep(self, settings: Iterable[str | UnsetType]) -> None:
        """Keep bodies of settings beside the lines that name them."""
        for sha256 in settings:
            if isinstance(sha256, str) and sha256 not in self._kept:
                path = self.folder.settings(sha256)
                if not path.exists():
                    self.folder.keep(path, self.bodies[sha256])
                self._kept.add(sha256)

    def _add(
        self, said: Sequence[Mapping[str, Any]], settings: Iterable[str | UnsetType] = ()
    ) -> None:
        with self._alone():
            self._keep(settings)
            self._catch_up()
            self._write(said)
            if self._unsigned > UNSIGNED - BATCH:
                self._sign()

    def _write(self, said: Sequence[Mapping[str, Any]]) -> None:
        """Write lines at the end, those that go into one file at once."""
        waiting = list[bytes]()
        filled = self._end.stop
        for line in self._lines(said):
            if filled and filled + len(line) > MOST_BYTES:
                self._put(waiting)
                waiting, filled = [], 0
                self._end.turn_to(self._end.file + 1)
            waiting.append(line)
            filled += len(line)
        self._put(waiting)

    def _lines(self, said: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
        """Yield the lines, each with the digest of the one before."""
        n, prev = self._end.tree.size, self._end.prev
        moment = self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for each in said:
            named = {"n": n, "time": moment, "prev": prev, "actor": self._actor, **each}
            line = canonical_json(msgspec.json.encode(named))
            yield line + b"\n"
            n, prev = n + 1, digest(line)

    def _put(self, lines: Sequence[bytes]) -> None:
        """Write lines at the end of the last file, and know of them."""
        if not lines:
            return
        path = self.folder.lines(self._end.file)
        journal.append_to(path, b"".join(lines))
        for line in lines:
            self._take(line[:-1])

    def _take(self, line: bytes) -> None:
        """Know of a line that lies at the end."""
        self._end.take(line)
        self._unsigned += 1

    def _sign(self) -> None:
        atomic_write(self.folder.tree, msgspec.json.encode(self._end.state) + b"\n")
        atomic_write(self.folder.checkpoint, checkpoint.signed(self.checkpoint, self.key))
        self._unsigned = 0

    def _resume(self) -> None:
        """Take up the end that the last checkpoint was signed over.

        Raises:
            DamagedError: the lines are not those that were signed.
        """
        signed = checkpoint.opened(self.folder.note(), self.key.public)
        if signed is None:
            raise self._damaged("its checkpoint does not hold")
        end = signed_end(self.folder, signed)
        if end is None:
            raise self._damaged(f"its first {signed.size} lines are not those that were signed")
        self._end = end

    def _catch_up(self) -> None:
        """Read what other writers have added, and set aside what one of them left unfinished.

        Raises:
            DamagedError: it does not continue the chain.
        """
        while True:
            number, end = self._end.file, self._end.stop
            path = self.folder.lines(number)
            size = path.stat().st_size if path.exists() else 0
            if size < end:
                raise self._damaged("lines have been cut off")
            if size > end:
                self._follow(Segment(number, path, size, forgotten=False))
            if not self.folder.lines(number + 1).exists():
                return
            self._end.turn_to(number + 1)

    def _follow(self, segment: Segment) -> None:
        """Read the lines behind the position."""
        for line in read(segment, self._end.stop):
            if not line.whole:
                if self.folder.lines(segment.number + 1).exists():
                    raise self._damaged(f"{segment.path.name} ends in the middle of a line")
                self._set_aside(line.data)
                return
            try:
                head = HEAD.decode(line.data)
            except MALFORMED:
                head = None
            if head is None or (head.n, head.prev) != (self._end.tree.size, self._end.prev):
                raise self._damaged(f"line {self._end.tree.size} does not continue the chain")
            self._take(line.data)

    def _set_aside(self, torn: bytes) -> None:
        """Put a line that says so in the place of an unfinished one.

        At every moment either the unfinished line lies there, or it is safe beside the log and
        what lies there begins with the line that says so.
        """
        number, end = self._end.file, self._end.stop
        aside = self.folder.torn(number, end)
        aside.parent.mkdir(exist_ok=True)
        atomic_write(aside, torn)
        path = self.folder.lines(number)
        self.repaired = Repair(
            file=path.name,
            offset=end,
            bytes=len(torn),
            sha256=digest(torn),
            aside=str(aside.relative_to(self.folder.path)),
        )
        (line,) = self._lines([{"repair": self.repaired}])
        with appended(path) as file:
            journal.put(file, line, end)
            os.ftruncate(file.fileno(), end + len(line))
            os.fsync(file.fileno())
        self._take(line[:-1])

    def _damaged(self, what: str) -> DamagedError:
        return DamagedError(
            f"{self.folder.path}: {what}", f"`provenance audit verify {self.folder.path}` says more"
        )


def user() -> str:
    """Return the name of the user of this process."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _of(record: Record) -> dict[str, Any]:
    """Return what a line says of a decision."""
    told = record.tool.settings
    return {
        "item": record.item,
        "signals": record.signals,
        "verdict": record.verdict,
        "tool": record.tool,
        "settings": told if isinstance(told, str) else None,
    }
