"""The folder of a bank: a manifest, a log that only grows, and a file of local features.

Every change appends the whole entry as one line of `entries.jsonl` that carries its own digest;
the last line of an id is what counts. A change is acknowledged after it lies on the disk. What a
killed writer leaves behind is harmless: half a line is passed over by readers and cut off by the
next writer, and features that no line names lie unused. One writer at a time; readers need no lock.
"""

import fcntl
import hashlib
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from detectors.errors import ConfigError
from detectors.known_fakes.bank.entry import Entry, Local, checked

FORMAT: Final = "provenance.bank/1"
MANIFEST: Final = "bank.json"
LOG: Final = "entries.jsonl"
FEATURES: Final = "features.bin"
LOCK: Final = "lock"
MARK: Final = b',"check":"'
CHECK: Final = 16
"""Hex digits of SHA-256 at the end of each line and of each entry's features."""
END: Final = b'"}\n'


class Manifest(msgspec.Struct, frozen=True):
    """`bank.json`: what the folder is."""

    format: str
    created: str


class Bank:
    """The entries of a bank as they stood when it was opened."""

    def __init__(self, path: Path) -> None:
        """Read the log.

        Raises:
            ConfigError: the folder is no bank, of a later format, or damaged.
        """
        self.path = path
        self.name = path.resolve().name.removesuffix(".bank")
        self.manifest = _manifest(path)
        self.entries: dict[str, Entry] = {}
        """By id, withdrawn ones too, in the order in which they came."""
        self.changes = 0
        """Lines of the log: the state of a bank is its name and this number."""
        for line, entry in _lines(path / LOG):
            self.entries[entry.id] = entry
            self.changes = line

    def features(self, entry: Entry) -> bytes | None:
        """Give the local features of an entry; None where it has none or they are damaged."""
        if entry.local is None or self._mapped is None:
            return None
        at, length = entry.local.at, entry.local.length
        blob = bytes(self._mapped[at : at + length])
        return blob if _digest(blob) == entry.local.sha256.encode() else None

    def head(self, entry: Entry, length: int) -> memoryview:
        """Give the first bytes of an entry's features unchecked, empty where it has none."""
        if entry.local is None or self._mapped is None:
            return memoryview(b"")
        at = entry.local.at
        return memoryview(self._mapped)[at : at + min(length, entry.local.length)]

    @property
    def _mapped(self) -> mmap.mmap | None:
        """The feature file, as it is now."""
        kept: mmap.mmap | None = self.__dict__.get("_map")
        if kept is None:
            try:
                with (self.path / FEATURES).open("rb") as file:
                    kept = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except (OSError, ValueError):  # absent, or empty
                return None
            self.__dict__["_map"] = kept
        return kept


def create(path: Path, now: str) -> None:
    """Make an empty bank where there is none; an existing one stays as it is.

    Raises:
        ConfigError: something else lies there, or it cannot be written.
    """
    if path.is_dir() and (path / MANIFEST).is_file():
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
        strangers = {item.name for item in path.iterdir()} - {LOCK, LOG, MANIFEST + ".new"}
        if strangers:
            raise ConfigError(f"{path}: is a folder with other things in it, not a bank")
        body = msgspec.json.encode(Manifest(FORMAT, now))
        fresh = path / (MANIFEST + ".new")
        with fresh.open("wb") as file:
            file.write(body + b"\n")
            _flushed(file)
        (path / LOG).touch()
        fresh.replace(path / MANIFEST)
        _folder_flushed(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot make a bank here: {error.strerror}") from error


class Writer:
    """Appends to a bank; `commit` returns when all that was put lies on the disk."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self._log = (bank.path / LOG).open("r+b")
        self._features = (bank.path / FEATURES).open("ab")
        self._log.truncate(_sound(bank.path / LOG))
        self._log.seek(0, os.SEEK_END)
        self.pending: list[Entry] = []

    def put(self, entry: Entry, features: bytes | None = None) -> None:
        """Take an entry, new or changed; features replace what it had.

        Raises:
            ConfigError: one of its hashes cannot be one.
        """
        for algorithm, hashes in entry.hashes.items():
            for each in hashes:
                checked(algorithm, each.value)
        if features is not None:
            at = self._features.seek(0, os.SEEK_END)
            self._features.write(features)
            local = Local(at, len(features), _digest(features).decode())
            entry = msgspec.structs.replace(entry, local=local)
        self.pending.append(entry)

    def commit(self) -> list[Entry]:
        """Write what was put, and give it once it is safe: features first, then the lines."""
        done, self.pending = self.pending, []
        _flushed(self._features)
        self._log.write(b"".join(_line(entry) for entry in done))
        _flushed(self._log)
        for entry in done:
            self.bank.entries[entry.id] = entry
        self.bank.changes += len(done)
        return done

    def close(self) -> None:
        """Let go of the files."""
        self._log.close()
        self._features.close()


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """Open a bank as its only writer; it is read anew under the lock.

    Raises:
        ConfigError: another process writes to it, or it cannot be used.
    """
    _manifest(path)
    try:
        with (path / LOCK).open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(f"{path}: another process is writing to this bank") from None
            writer = Writer(Bank(path))
            try:
                yield writer
            finally:
                writer.close()
    except OSError as error:
        raise ConfigError(f"{path}: cannot write to the bank: {error.strerror}") from error


def damage(path: Path) -> list[str]:
    """Give what is wrong with a bank, in words; empty where every line and feature holds.

    Raises:
        ConfigError: the folder is no bank.
    """
    _manifest(path)
    try:
        bank = Bank(path)
    except ConfigError as error:
        return [str(error)]
    found = [
        f"{name}: its local features are damaged; add the picture again"
        for name, entry in bank.entries.items()
        if entry.local is not None and bank.features(entry) is None
    ]
    tail = (path / LOG).stat().st_size - _sound(path / LOG)
    if tail:
        found.append(f"{LOG}: {tail} bytes of an unfinished change at the end; nothing is lost")
    return found


def _manifest(path: Path) -> Manifest:
    """Give the manifest of a bank."""
    if not path.is_dir():
        what = "is no folder; a bank is one" if path.exists() else "there is no such bank"
        raise ConfigError(f"{path}: {what} (`provenance bank add --bank {path} PICTURES`)")
    try:
        raw = (path / MANIFEST).read_bytes()
        manifest = msgspec.json.decode(raw, type=Manifest)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no bank: it has no {MANIFEST}") from None
    except OSError as error:
        raise ConfigError(f"{path / MANIFEST}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ConfigError(f"{path / MANIFEST}: is not the manifest of a bank") from None
    if manifest.format != FORMAT:
        raise ConfigError(f"{path}: format {manifest.format[:40]!r}; this program reads {FORMAT!r}")
    return manifest


def _line(entry: Entry) -> bytes:
    """Give an entry as a line of the log, with its digest as the last key."""
    body = msgspec.json.encode(entry)[:-1]
    return body + MARK + _digest(body) + END


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest()[:CHECK].encode()


def _whole(line: bytes) -> bytes | None:
    """Give the JSON of a line without its digest, or None where the digest does not fit."""
    cut = len(line) - len(END) - CHECK - len(MARK)
    if cut <= 0 or line[cut : cut + len(MARK)] != MARK or not line.endswith(END):
        return None
    fits = _digest(line[:cut]) == line[cut + len(MARK) : -len(END)]
    return line[:cut] + b"}" if fits else None


def _lines(path: Path) -> Iterator[tuple[int, Entry]]:
    """Give number and entry of each line; an unsound last line is passed over."""
    decoder = msgspec.json.Decoder(Entry)
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        body = _whole(line)
        if body is None:
            if number == len(lines):
                return
            raise ConfigError(f"{path}:{number}: damaged; restore the bank from a copy")
        try:
            entry = decoder.decode(body)
            for algorithm, hashes in entry.hashes.items():
                for each in hashes:
                    checked(algorithm, each.value)
        except (msgspec.DecodeError, ConfigError) as error:
            raise ConfigError(f"{path}:{number}: {error}") from error
        yield number, entry


def _sound(path: Path) -> int:
    """Give the bytes of a log up to the end of its last sound line."""
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    start = data.rfind(b"\n", 0, max(0, end - 1)) + 1
    return end if end == 0 or _whole(data[start:end]) is not None else start


def _flushed(file: BinaryIO) -> None:
    """Bring what was written to the disk."""
    file.flush()
    os.fsync(file.fileno())


def _folder_flushed(path: Path) -> None:
    """Bring a folder's names to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
