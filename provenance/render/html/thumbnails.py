"""Small copies of the pictures of a report, made anew from files that are still what they were.

Pictures of strangers are decoded in a process of its own, with limits. It writes what it made into
a file that this process reads: what was made before a picture broke it stands, and the next process
goes on behind that picture.
"""

import io
import os
import signal
import struct
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, Final, NamedTuple

from PIL import Image, ImageOps, JpegImagePlugin  # noqa: TID253 - imported where pages are written

from detectors.decode.headers import jpeg_header
from detectors.decode.limits import MOST_COEFFICIENTS, MOST_SCAN_PIXELS, MOST_SCANS
from detectors.decode.open_picture import BROKEN  # noqa: TID253
from detectors.errors import CannotAssess, ConfigError
from detectors.item import Item, Kind
from provenance.engine.isolated import isolated
from provenance.intake import archives, files
from provenance.intake.archives.items import items as members
from provenance.intake.location import MARK
from provenance.record import Record

SIDE: Final = 64
"""Pixels of the longer side."""
QUALITY: Final = 40
"""Of WebP: some 700 bytes a picture."""
FINE: Final = 80
"""Of a copy that is looked at closely."""
CPU_SECONDS: Final = 10
"""That one picture may take."""
AT_ONCE: Final = 2000
"""Files that one process opens."""
FRAME: Final = struct.Struct("<LL")
"""Number of a picture, and bytes of its small copy: 0 before the picture is opened."""


class Wanted(NamedTuple):
    """A picture that a record names."""

    number: int
    """Of the record, from 0."""
    uri: str
    sha256: str


def small_copies(records: Iterator[Record]) -> Iterator[tuple[int, bytes]]:
    """Yield numbers of records and small copies of their pictures, WebP.

    There is none where a file is not there, holds other bytes than it did, or cannot be decoded.
    """
    plain: list[Wanted] = []
    packed: dict[str, list[Wanted]] = {}
    for number, record in enumerate(records):
        item = record.item
        if item.kind is Kind.IMAGE and item.sha256:
            source = packed.setdefault(path, []) if (path := _archive(item.uri)) else plain
            source.append(Wanted(number, item.uri, item.sha256))
    with tempfile.TemporaryFile(prefix="provenance-") as file:
        for start in range(0, len(plain), AT_ONCE):
            yield from _made(file, plain[start : start + AT_ONCE], "")
        for path, wanted in packed.items():
            yield from _made(file, wanted, path)


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
    return _small(item, side) if item.sha256 == sha256 else b""


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
            small = _small(item) if item.sha256 == one.sha256 else b""
        if small:
            os.write(out, FRAME.pack(one.number, len(small)) + small)


def _item(uri: str) -> Item:
    return files.item(_path(uri), follow=False)


def _small(item: Item, side: int = SIDE) -> bytes:
    """Return a small copy of a picture; of a JPEG without decoding what is not needed."""
    if item.media_type == "image/jpeg":
        if _laborious(item.data):
            return b""
        image: Image.Image = JpegImagePlugin.JpegImageFile(io.BytesIO(item.data))
        image.draft("RGB", (2 * side, 2 * side))
        image = ImageOps.exif_transpose(image)
    else:
        image = Image.fromarray(item.picture.rgb)
    image = image.convert("RGB")
    image.thumbnail((side, side), Image.Resampling.BILINEAR)
    image.info.clear()  # neither profile nor metadata
    out = io.BytesIO()
    image.save(out, "WEBP", quality=QUALITY if side == SIDE else FINE, method=2)
    return out.getvalue()


def _laborious(data: bytes) -> bool:
    """Tell whether a JPEG is one that no detector decodes either: `detectors.decode.limits`."""
    header = jpeg_header(data)
    return (
        header is None
        or header.scans > MOST_SCANS
        or header.scans * header.width * header.height > MOST_SCAN_PIXELS
        or header.coefficients > MOST_COEFFICIENTS
    )
