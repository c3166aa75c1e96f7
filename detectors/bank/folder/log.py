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
_DECODER: Final = msgspec.json.Decoder(Entry)


def line(entry: Entry) -> bytes:
    """Return an entry as a line of the log, with its digest as the last key."""
    body = msgspec.json.encode(entry)[:-1]
    return body + MARK + digest(body).encode() + END


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
    """Yield offset in bytes, length and entry of each line; an unsound last line is passed over.

    Args:
        path: of the log.
        start: bytes to pass over, whole lines.
        before: how many lines those are, for messages.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(start)
            for number, data in enumerate(file, before + 1):
                if start + len(data) >= size and whole(data) is None:
                    return
                yield start, len(data), read(data, f"{path}:{number}")
                start += len(data)
    except OSError as error:
        what = f"{path}: cannot be read: {error.strerror}"
        raise UnavailableError(what, "see who may read it") from error


def sound(path: Path) -> int:
    """Return the bytes of a log up to the end of its last sound line."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        data, at = b"", size
        while at > 0 and data.count(b"\n") < 3:  # the last two lines, whole
            at = max(0, at - CHUNK)
            file.seek(at)
            data = file.read(size - at)
    end = data.rfind(b"\n") + 1
    start = data.rfind(b"\n", 0, max(0, end - 1)) + 1
    return at + (end if end == 0 or whole(data[start:end]) is not None else start)
