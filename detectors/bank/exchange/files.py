"""Files of others, read within bounds."""

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from detectors.decode.untrusted import MALFORMED
from detectors.errors import ConfigError

MOST_DOCUMENT: Final = 512 * 2**20
"""Bytes of a JSON document, which has to be held whole; JSONL, CSV and XML are read as streams."""
MOST_LINE: Final = 2**20
"""Bytes of a line, and of one row of an XML document; an entry has a few hundred."""
HEAD: Final = 2**16
MOSTLY: Final = 0.7
"""Share of zeros in every second byte from which a file is taken for UTF-16."""
BLANK: Final = re.compile(r"[\s,]*")
BOM: Final = b"\xef\xbb\xbf"


def regular(path: Path) -> None:
    """Refuse what cannot be read twice.

    Raises:
        ConfigError: it is a folder, a pipe or a device.
    """
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder; name a file, or use `provenance bank merge`")
    if path.exists() and not path.is_file():
        raise ConfigError(f"{path}: is read twice, so it has to be a file, no pipe or device")


def head(path: Path) -> bytes:
    """Return the beginning of a file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def chunks(path: Path) -> Iterator[bytes]:
    """Yield a file piece by piece.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            while chunk := file.read(HEAD):
                yield chunk
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield number and content of each line that is not blank; None for one that is too long.

    Raises:
        ConfigError: the file cannot be read.
    """
    number, kept, size = 1, bytearray(), 0
    for chunk in _recoded(path):
        for piece in chunk.splitlines(keepends=True) if b"\n" in chunk else [chunk]:
            size += len(piece)
            if size <= MOST_LINE:
                kept += piece
            if piece.endswith(b"\n"):
                if size > MOST_LINE or kept.strip():
                    yield number, None if size > MOST_LINE else bytes(kept).strip()
                number, kept, size = number + 1, bytearray(), 0
    if size > MOST_LINE or kept.strip():
        yield number, None if size > MOST_LINE else bytes(kept).strip()


def encoding(path: Path) -> str | None:
    """Return `utf-16-le` or `utf-16-be` for a file that is so written, as spreadsheets do."""
    start = head(path)[:512]
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16-le" if start.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
    zeros = [start[at::2].count(0) for at in (0, 1)]
    half = len(start) // 2
    if half > 1 and max(zeros) > half * MOSTLY and min(zeros) < half * (1 - MOSTLY):
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    return None


def _recoded(path: Path) -> Iterator[bytes]:
    """Yield a file as UTF-8 whose lines end in line feeds, piece by piece."""
    name = encoding(path)
    decoder = codecs.getincrementaldecoder(name)("replace") if name else None
    ended = False
    for chunk in chunks(path):
        piece = decoder.decode(chunk).encode("utf-8", "replace") if decoder else chunk
        if ended and piece.startswith(b"\n"):
            piece = piece[1:]
        ended = piece.endswith(b"\r")
        yield piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def documents(path: Path) -> list[bytes]:
    """Return the JSON documents of a file: pages of an answer are often saved one after the other.

    Raises:
        ConfigError: it cannot be read, is too large, or breaks off behind a document.
    """
    raw = document(path)
    if decoded(raw) is not None:
        return [raw]
    decoder, found, at = json.JSONDecoder(), list[bytes](), 0
    said = raw.decode("utf-8", "replace")
    try:
        while (start := _next(said, at)) < len(said):
            _, at = decoder.raw_decode(said, start)
            found.append(said[start:at].encode())
    except (ValueError, RecursionError) as error:
        if found:
            raise ConfigError(
                f"{path}: what follows JSON document {len(found)} is no JSON; it may be cut off"
            ) from error
        return [raw]
    return found or [raw]


def _next(said: str, at: int) -> int:
    """Return where the next document begins."""
    blank = BLANK.match(said, at)
    return blank.end() if blank else at


def document(path: Path) -> bytes:
    """Return a whole file.

    Raises:
        ConfigError: it cannot be read, or is too large.
    """
    try:
        size = path.stat().st_size
        if size > MOST_DOCUMENT:
            raise ConfigError(
                f"{path}: {size} bytes; at most {MOST_DOCUMENT} can be read at once. Split it, or "
                "ask for JSONL or CSV, which are read line by line"
            )
        return path.read_bytes().removeprefix(BOM)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def decoded(raw: "bytes | msgspec.Raw", kind: Any = Any) -> Any:
    """Read JSON as Python values; None where it is none, or not of this type."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except MALFORMED:
        return None


def listed(value: Any) -> list[Any]:
    """Return a value that is a list, else an empty one; Graph API lists lie under `data`."""
    if isinstance(value, dict):
        value = value.get("data")
    return value if isinstance(value, list) else []
