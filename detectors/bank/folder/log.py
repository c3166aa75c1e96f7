"""The log of a bank: one line a change, the whole entry in it, its own digest at its end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from detectors.bank.entry import CHECK, Entry, check_hashes, digest
from detectors.errors import ConfigError, DamagedError, UnavailableError

MARK: Final = b',"check":"'
END: Final = b'"}\n'
CHUNK: Final = 1 << 16
"""Bytes that are read at once when the last line is looked for."""
RESTORE: Final = "restore the bank from a copy"
"""What to do about a damaged log."""


class _Unfinished(msgspec.Struct, frozen=True):
    """What a line says of the transaction that it belongs to."""

    begun: int | None = None


def line(entry: Entry, begun: int | None = None) -> bytes:
    """Return an entry as a line of the log, with its digest as the last key.

    Args:
        entry: as it stands after the change.
        begun: offset in bytes where the transaction began that further lines belong to; None for
            its last line. A log that ends behind such a line is read as if it ended at `begun`.
    """
    body = msgspec.json.encode(entry)[:-1]
    body += b"" if begun is None else b',"begun":%d' % begun
    return body + MARK + digest(body).encode() + END


_DECODER: Final = msgspec.json.Decoder(Entry)
_UNFINISHED: Final = msgspec.json.Decoder(_Unfinished)


def whole(data: bytes) -> bytes | None:
    """Return the JSON of a line without its digest, or None where the digest does not fit."""
    cut = len(data) - len(END) - CHECK - len(MARK)
    if cut <= 0 or data[cut : cut + len(MARK)] != MARK or not data.endswith(END):
        return None
    fits = digest(data[:cut]).encode() == data[cut + len(MARK) : -len(END)]
    return data[:cut] + b"}" if fits else None


def read(data: bytes, where: str) -> Entry:
    """Read the entry of a line.

    Raises:
        DamagedError: the line, which the message calls `where`, is damaged or no entry.
    """
    body = whole(data)
    if body is None:
        raise DamagedError(f"{where}: damaged", RESTORE)
    try:
        entry = _DECODER.decode(body)
        check_hashes(entry)
    except (msgspec.DecodeError, ConfigError) as error:
        raise DamagedError(f"{where}: {error}", RESTORE) from error
    return entry


def changes(path: Path, start: int = 0, before: int = 0) -> Iterator[tuple[int, int, Entry]]:
    """Yield offset in bytes, length and entry of each line up to the end of the last whole change.

    Args:
        path: of the log.
        start: bytes to pass over, whole lines.
        before: how many lines those are, for messages.
    """
    try:
        end = sound(path)
        with path.open("rb") as file:
            file.seek(start)
            for number, data in enumerate(file, before + 1):
                if start >= end:
                    return
                yield start, len(data), read(data, f"{path}:{number}")
                start += len(data)
    except OSError as error:
        what = f"{path}: cannot be read: {error.strerror}"
        raise UnavailableError(what, "see who may read it") from error


def sound(path: Path) -> int:
    """Return the bytes of a log up to the end of its last whole change.

    An unsound last line does not count, nor do the lines of a transaction that was not finished.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        data, at = b"", size
        while at > 0 and data.count(b"\n") < 3:  # the last two lines, whole
            at = max(0, at - CHUNK)
            file.seek(at)
            data = file.read(size - at)
    end = data.rfind(b"\n") + 1
    if end and whole(data[data.rfind(b"\n", 0, end - 1) + 1 : end]) is None:
        end = data.rfind(b"\n", 0, end - 1) + 1
    start = data.rfind(b"\n", 0, max(0, end - 1)) + 1
    begun = _begun(data[start:end])
    return at + end if begun is None else min(begun, at + start)


def _begun(data: bytes) -> int | None:
    """Return where the unfinished transaction began that ends with a line; None: it is finished."""
    body = whole(data)
    if body is None or b'"begun":' not in body:
        return None
    return _UNFINISHED.decode(body).begun
