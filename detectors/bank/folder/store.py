"""The folder of a bank: a manifest, a log that only grows, a file of local features, an index.

Every change appends the whole entry as one line of `entries.jsonl` that carries its own digest;
the last line of an id is what counts. A change is acknowledged after it lies on the disk. What a
killed writer leaves behind is harmless: half a line is passed over by readers and cut off by the
next writer, features that no line names lie unused, and so does an index that the manifest does not
name. The index is a snapshot of arrays made from the log; it is written anew beside the old one,
and in use once the manifest, replaced in one step, names it. One writer at a time; readers need no
lock, and keep what they opened.
"""

import mmap
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import msgspec

from detectors.bank.entry import CHECK, Entry, History, Local, check_hashes, digest
from detectors.bank.folder import log
from detectors.bank.folder.entries import Entries
from detectors.bank.folder.snapshot import DamagedIndexError, Snapshot, SnapshotInfo
from detectors.errors import ConfigError, DamagedError, Error, UnavailableError
from detectors.storing import journal
from detectors.storing.atomic import PREFIX, appended, atomic_write, flushed
from detectors.storing.lock import locked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detectors.bank.folder.compaction import Change

FORMAT: Final = "provenance.bank/1"
MANIFEST: Final = "bank.json"
LOG: Final = "entries.jsonl"
FEATURES: Final = "features.bin"
LOCK: Final = "lock"
OLD_FRESH: Final = "bank.json.new"
"""What earlier versions left of a manifest when they were killed."""
MOST_UNCOMPACTED: Final = 2048
"""Changes that are read from the log at opening (30 ms); with more, a writer makes a snapshot."""
SHARE: Final = 4
"""While a writer goes on, it waits until the bank has grown by a quarter."""
ATTEMPTS: Final = 5
"""Times a reader looks for the snapshot that a manifest names before it reads the log instead:
a writer may replace both in between."""


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """`bank.json`: what the folder is."""

    format: str
    created: str
    id: str | None = None
    """Random, made with the bank; older banks have none and are known by `created`."""
    generation: SnapshotInfo | None = None
    """The index in use; none in small banks."""


class Bank:
    """The entries of a bank as they stood when it was opened."""

    def __init__(self, path: Path, *, whole: bool = False) -> None:
        """Map the snapshot and read the log lines after it.

        Args:
            path: of the folder.
            whole: read the whole log instead.

        Raises:
            ConfigError: the folder is no bank, of a later format, or damaged.
        """
        self.path = path
        self.name = path.resolve().name.removesuffix(".bank")
        self.manifest = _manifest(path)
        self.id = self.manifest.id or self.manifest.created
        self.entries = Entries(None if whole else self._mapped_snapshot())
        """Id → entry, withdrawn ones too, in the order in which they came."""
        self.changes = 0
        """Lines of the log: the state of a bank is its name and this number."""
        self.offsets: dict[int, int] = {}
        """Ordinal → offset of the line of an entry that is not in the index."""
        self.sound = 0
        """Bytes of the log that were read."""
        self._map: mmap.mmap | bytes = b""
        """The feature file, as long as it was when last needed."""
        if self.entries.snapshot is not None:
            self.changes = self.entries.snapshot.info.changes
            self.sound = self.entries.snapshot.info.log_bytes
        for at, length, entry in log.changes(path / LOG, self.sound, self.changes):
            self.take(entry, at, length)

    def take(self, entry: Entry, at: int, length: int) -> None:
        """Add an entry whose line lies in the log."""
        self.offsets[self.entries.put(entry)] = at
        self.changes += 1
        self.sound = at + length

    def news(self) -> list[Entry]:
        """Return the entries that were appended since the bank was opened.

        Raises:
            Error: the log cannot be read, or is damaged.
        """
        return [entry for _, _, entry in log.changes(self.path / LOG, self.sound, self.changes)]

    def history(self) -> History:
        """Return which change made each entry.

        Raises:
            Error: the log cannot be read, or is damaged.
        """
        import numpy as np

        from detectors.bank.folder.history import history

        last = np.zeros(len(self.entries), np.int64)
        if (snapshot := self.entries.snapshot) is not None:
            last[: self.entries.before] = snapshot.array("offsets")
        last[[*self.offsets]] = [*self.offsets.values()]
        return history(self.path / LOG, self.sound, last, self.entries.ordinal)

    def _mapped_snapshot(self) -> Snapshot | None:
        """Map the snapshot that the manifest names, or none where it cannot be used."""
        for _ in range(ATTEMPTS):
            if self.manifest.generation is None:
                return None
            with suppress(OSError, ValueError):
                return Snapshot(self.path, self.manifest.generation, LOG)
            self.manifest = _manifest(self.path)
        return None

    def features(self, entry: Entry) -> bytes | None:
        """Return the local features of an entry; None where it has none or they are damaged."""
        if entry.local is None:
            return None
        blob = bytes(self.head(entry, entry.local.length))
        return blob if digest(blob) == entry.local.sha256 else None

    def head(self, entry: Entry, length: int) -> memoryview:
        """Return the first bytes of an entry's features unchecked, empty where it has none."""
        if entry.local is None:
            return memoryview(b"")
        at, end = entry.local.at, entry.local.at + entry.local.length
        if len(self._map) < end:
            self._map = _feature_file(self.path / FEATURES)
        return memoryview(self._map)[at : min(at + length, end)]


def begun(path: Path) -> bool:
    """Tell whether there is something to be read as a bank: all but what `create` would finish."""
    return path.exists() and not _half_made(path)


def create(path: Path, now: str) -> None:
    """Make an empty bank where there is none, or finish one whose making was interrupted.

    An existing one stays as it is.

    Raises:
        ConfigError: something else lies there, or it cannot be written.
    """
    if path.is_dir() and (path / MANIFEST).is_file():
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not (_half_made(path) or (path / MANIFEST).is_file()):
            raise ConfigError(f"{path}: is a folder with other things in it, not a bank")
        with _locked(path):
            if not (path / MANIFEST).is_file():  # else another process has made it since
                with appended(path / LOG):
                    pass
                _replace_manifest(path, Manifest(FORMAT, now, uuid4().hex))
    except OSError as error:
        what = f"{path}: cannot make a bank here: {error.strerror}"
        raise UnavailableError(what, "name a folder that is yours to write to") from error


def _half_made(path: Path) -> bool:
    """Tell whether a folder holds no more than what `create` leaves behind when it is killed."""
    if not path.is_dir():
        return False
    names = {item.name for item in path.iterdir() if not item.name.startswith(PREFIX)}
    empty = LOG not in names or (path / LOG).lstat().st_size == 0
    return names <= {LOCK, LOG, OLD_FRESH} and empty


def _locked(path: Path) -> AbstractContextManager[object]:
    return locked(path / LOCK, f"{path}: another process is writing to this bank")


class Writer:
    """Appends to a bank; `commit` returns when all that was put lies on the disk."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self._open = ExitStack()
        self._log = self._open.enter_context(appended(bank.path / LOG))
        self._features = self._open.enter_context(appended(bank.path / FEATURES))
        self._log.truncate(log.sound(bank.path / LOG))
        self._log.seek(0, os.SEEK_END)
        self.pending: list[Entry] = []

    def put(self, entry: Entry, features: bytes | None = None) -> None:
        """Take an entry, new or changed; features replace what it had.

        Raises:
            ConfigError: one of its hashes cannot be one.
        """
        check_hashes(entry)
        if features is not None:
            at = self._features.seek(0, os.SEEK_END)
            self._features.write(features)
            local = Local(at, len(features), digest(features))
            entry = msgspec.structs.replace(entry, local=local)
        self.pending.append(entry)

    def commit(self, *, whole: bool = False) -> list[Entry]:
        """Write what was put, and give it once it is safe: features first, then the lines.

        Args:
            whole: a writer that is killed leaves all of it or nothing, not a part.
        """
        done, self.pending = self.pending, []
        flushed(self._features)
        begun = os.fstat(self._log.fileno()).st_size if whole else None
        lines = [log.line(entry, begun) for entry in done[:-1]]
        lines += [log.line(entry) for entry in done[-1:]]
        at = journal.append(self._log, b"".join(lines))
        for entry, line in zip(done, lines, strict=True):
            self.bank.take(entry, at, len(line))
            at += len(line)
        self.compact(max(MOST_UNCOMPACTED, len(self.bank.entries) // SHARE))
        return done

    def compact(self, most: int = MOST_UNCOMPACTED) -> None:
        """Write a new snapshot if more than so many changes are in none."""
        bank = self.bank
        old = bank.manifest.generation
        ready = bank.entries.snapshot.info.changes if bank.entries.snapshot else 0
        if bank.changes - ready <= most:
            return
        from detectors.bank.folder import compaction

        try:
            made = compaction.Compaction(bank.entries.snapshot, _changes(bank)).arrays(self._codes)
        except DamagedIndexError:
            every = _changes(Bank(bank.path, whole=True))
            made = compaction.Compaction(None, every).arrays(self._codes)
        with (bank.path / LOG).open("rb") as file:
            file.seek(bank.sound - len(log.END) - CHECK)
            last = file.read(CHECK).decode()
        saved = compaction.write(
            bank.path, made, number=old.number + 1 if old else 1,
            log_bytes=bank.sound, changes=bank.changes, last=last,
        )  # fmt: skip
        bank.manifest = msgspec.structs.replace(bank.manifest, generation=saved)
        _replace_manifest(bank.path, bank.manifest)
        bank.entries.rebase(Snapshot(bank.path, saved, LOG))
        bank.offsets = {}
        if old:
            (bank.path / old.name).unlink(missing_ok=True)

    def _codes(self, entry: Entry) -> "NDArray[np.uint64]":
        from detectors.bank.features import CODES_END, block_codes

        return block_codes(self.bank.head(entry, CODES_END))

    def close(self) -> None:
        """Let go of the files."""
        self._open.close()


def _changes(bank: Bank) -> "Iterator[Change]":
    """Yield the entries of a bank that are not in its snapshot."""
    from detectors.bank.folder.compaction import Change

    for ordinal, offset in bank.offsets.items():
        yield Change(ordinal, offset, bank.entries.uncompacted[ordinal])


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """Open a bank as its only writer; it is read anew under the lock.

    Raises:
        ConfigError: another process writes to it, or it cannot be used.
    """
    _manifest(path)
    try:
        with _locked(path):
            writer = Writer(Bank(path))
            try:
                yield writer
                writer.compact()
            finally:
                writer.close()
    except OSError as error:
        what = f"{path}: cannot write to the bank: {error.strerror}"
        raise UnavailableError(what, "what was acknowledged before is safe") from error


def damage(path: Path) -> list[str]:
    """Return what is wrong with a bank, in words; empty where every line and feature holds.

    Raises:
        ConfigError: the folder is no bank.
    """
    _manifest(path)
    try:
        bank = Bank(path, whole=True)
        saved = Bank(path).entries.snapshot
    except Error as error:
        return [str(error)]
    found = [
        f"{name}: its local features are damaged; add the picture again"
        for name, entry in bank.entries.items()
        if entry.local is not None and bank.features(entry) is None
    ]
    if bank.manifest.generation and not (saved and saved.whole()):
        name = bank.manifest.generation.name
        found.append(
            f"{name}: damaged or missing; delete it, and the next `bank add` makes it anew"
        )
    rest = (path / LOG).stat().st_size - log.sound(path / LOG)
    if rest:
        found.append(f"{LOG}: {rest} bytes of an unfinished change at the end; nothing is lost")
    return found


def _manifest(path: Path) -> Manifest:
    """Return the manifest of a bank."""
    if not path.is_dir():
        what = "is no folder; a bank is one" if path.exists() else "there is no such bank"
        raise ConfigError(f"{path}: {what} (`provenance bank add --bank {path} PICTURES`)")
    try:
        raw = (path / MANIFEST).read_bytes()
        manifest = msgspec.json.decode(raw, type=Manifest)
    except FileNotFoundError:
        hint = "; `provenance bank add` makes or finishes one here" if _half_made(path) else ""
        raise ConfigError(f"{path}: no bank: it has no {MANIFEST}{hint}") from None
    except OSError as error:
        what = f"{path / MANIFEST}: cannot be read: {error.strerror}"
        raise UnavailableError(what, "see who may read it") from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        what = f"{path / MANIFEST}: is not the manifest of a bank"
        raise DamagedError(what, "restore the bank from a copy") from None
    if manifest.format != FORMAT:
        raise ConfigError(f"{path}: format {manifest.format[:40]!r}; this program reads {FORMAT!r}")
    return manifest


def _feature_file(path: Path) -> mmap.mmap | bytes:
    """Map the feature file; empty where there is none."""
    with suppress(OSError, ValueError), path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return b""


def _replace_manifest(path: Path, manifest: Manifest) -> None:
    """Bring a manifest into use, in one step and for good."""
    atomic_write(path / MANIFEST, msgspec.json.encode(manifest) + b"\n")
