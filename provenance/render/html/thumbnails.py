"""Small copies of the pictures of a report: those that a run keeps, others made anew.

They are made anew from files that are still what they were. Pictures of strangers are decoded in a
process of its own, with limits. It writes what it made into a file that this process reads: what
was made before a picture broke it stands, and the next process goes on behind that picture.
"""

import os
import signal
import struct
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from detectors.decode.open_picture import BROKEN  # noqa: TID253 - where pages are written
from detectors.errors import CannotAssess, ConfigError
from detectors.item import Item, Kind
from provenance.engine.isolated import isolated
from provenance.engine.small import SIDE, small_copy
from provenance.intake import archives, files
from provenance.intake.archives.items import items as members
from provenance.intake.location import MARK
from provenance.intake.remote import is_remote
from provenance.record import Record
from provenance.runs import ledger as ledgers

FINE: Final = 80
"""Quality of a copy that is looked at closely."""
CPU_SECONDS: Final = 10
"""That one picture may take."""
AT_ONCE: Final = 2000
"""Files that one process opens."""
FRAME: Final = struct.Struct("<LL")
"""Number of a picture, and bytes of its small copy: 0 before the picture is opened."""
WEBP: Final = struct.Struct("<4s4x4s4s4x6xHH")
"""RIFF, its length, WEBP, the chunk `VP8 ` with its length, the head of a frame, width and height
(RFC 9649, 2.5; RFC 6386, 9.1)."""


class Wanted(NamedTuple):
    """A picture that a record names."""

    number: int
    uri: str
    sha256: str


def small_copies(
    records: Iterable[Record], ledger: Path | None, numbers: Mapping[str, int]
) -> Iterator[tuple[int, bytes]]:
    """Yield numbers of pictures and their small copies, WebP, each once.

    There is none where the run has none and a file is not there, lies in a bucket, holds other
    bytes than it did, or cannot be decoded.

    Args:
        records: that name the pictures.
        ledger: of the run; None: there is none.
        numbers: SHA-256 of a picture → its number.
    """
    left = dict(numbers)
    for digest, small in ledgers.small_copies(ledger) if ledger else ():
        if digest in left and _is_small(small):
            yield left.pop(digest), small
    plain, packed = _wanted(records, left)
    with tempfile.TemporaryFile(prefix="provenance-") as file:
        for start in range(0, len(plain), AT_ONCE):
            yield from _made(file, plain[start : start + AT_ONCE], "")
        for path, wanted in packed.items():
            yield from _made(file, wanted, path)


def _is_small(copy: bytes) -> bool:
    """Tell whether bytes are a picture as `small_copy` makes it."""
    if len(copy) < WEBP.size:
        return False
    riff, webp, chunk, width, height = WEBP.unpack_from(copy)
    return (riff, webp, chunk) == (b"RIFF", b"WEBP", b"VP8 ") and max(width, height) <= SIDE


def _wanted(
    records: Iterable[Record], left: Mapping[str, int]
) -> tuple[list[Wanted], dict[str, list[Wanted]]]:
    """Return the pictures to be made, of equal bytes the first that is there: files, by archive."""
    found: dict[str, tuple[str, str]] = {}
    for record in records if left else ():
        item = record.item
        digest = item.sha256 if item.kind is Kind.IMAGE else None
        if digest and digest in left and digest not in found:
            if is_remote(item.uri):
                continue
            path = _archive(item.uri)
            if path or os.path.lexists(_path(item.uri)):
                found[digest] = path, item.uri
    plain: list[Wanted] = []
    packed: dict[str, list[Wanted]] = {}
    for sha256, (path, uri) in found.items():
        source = packed.setdefault(path, []) if path else plain
        source.append(Wanted(left[sha256], uri, sha256))
    return plain, packed


def preview(path: str, sha256: str, side: int) -> bytes:
    """Return a smaller copy of a picture, WebP; empty where there is none.

    Args:
        path: of the file, links followed.
        sha256: what the file must hold.
        side: pixels of the longer side.
    """
    with suppress(ConfigError):
        return isolated(path, _preview, path, sha256, side)
    return b""


def _preview(path: str, sha256: str, side: int) -> bytes:
    item = files.item(path, follow=True)
    return small_copy(item, side, FINE) if item.sha256 == sha256 else b""


def _archive(uri: str) -> str:
    """Return the path of the archive that an item is a member of; "" for a file."""
    if MARK not in uri or os.path.lexists(_path(uri)):
        return ""
    parts = uri.split(MARK)
    holders = (_path(MARK.join(parts[:count])) for count in range(1, len(parts)))
    return next(filter(os.path.isfile, holders), "")


def _path(uri: str) -> str:
    return os.fsdecode(files.raw_name(uri))


def _made(file: BinaryIO, wanted: list[Wanted], archive: str) -> Iterator[tuple[int, bytes]]:
    """Yield the small copies of files, or of members of an archive."""
    while wanted:
        file.seek(0)
        file.truncate()
        ended = False
        with suppress(ConfigError):
            isolated("small copies", _write, wanted, archive, file.fileno())
            ended = True
        begun = set()
        for number, small in _frames(file):
            begun.add(number)
            if small:
                yield number, small
        if ended or not begun:
            return
        wanted = [one for one in wanted if one.number not in begun]


def _frames(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield whole frames; the last one may be torn."""
    file.seek(0)
    while len(head := file.read(FRAME.size)) == FRAME.size:
        number, length = FRAME.unpack(head)
        small = file.read(length)
        if len(small) == length:
            yield number, small


def _write(wanted: list[Wanted], archive: str, out: int) -> None:
    """Write two frames for each picture that is there; called in a process of its own."""
    numbers = {one.uri: one for one in wanted}
    opened = archives.opened(archive, follow=False) if archive else None
    items = members(archive, opened) if opened else (_item(one.uri) for one in wanted)
    for item in items:
        if (one := numbers.get(item.uri)) is None:
            continue
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        os.write(out, FRAME.pack(one.number, 0))
        small = b""
        with suppress(*BROKEN, CannotAssess, MemoryError):
            small = small_copy(item) if item.sha256 == one.sha256 else b""
        if small:
            os.write(out, FRAME.pack(one.number, len(small)) + small)


def _item(uri: str) -> Item:
    return files.item(_path(uri), follow=False)
