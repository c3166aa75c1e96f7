"""Boxes of the ISO base media file format, and the items of HEIF (ISO/IEC 14496-12, 23008-12)."""

from collections.abc import Iterator
from itertools import islice

import msgspec

from detectors.decode.containers.walk import Basket, Walk

MAX_ITEMS = 4_096
MAX_EXTENTS = 64
"""Pieces of one item."""
WIDE = 16
"""Bytes of a box head with a 64-bit size; 8 without."""
HOLDERS = (
    b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"udta", b"mvex", b"moof",
    b"traf", b"mfra", b"meco", b"meta", b"sinf", b"schi", b"iprp", b"ipco",
)  # fmt: skip
"""Boxes that hold boxes (ISO/IEC 14496-12, 23008-12)."""
MOVIE = {b"XMP_": "XMP", b"CMT1": "EXIF", b"CMT2": "EXIF"}
"""Boxes inside a movie: XMP (Adobe XMP, part 3), and of a CR3 its main and its Exif directory, each
a TIFF stream (ExifTool, Canon.pm)."""
CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
XMP_TYPE = b"application/rdf+xml"


class Box(msgspec.Struct, frozen=True):
    """A box: its type and where its payload lies."""

    kind: bytes
    start: int
    end: int


class _Item(msgspec.Struct, frozen=True):
    """Where an item lies: in the file (0) or in the `idat` box (1), in pieces."""

    method: int
    extents: tuple[tuple[int, int], ...]


def boxes(data: bytes) -> Walk:
    """Return the items that hold metadata (`Exif`, `XMP`) and the `uuid:…` boxes of the top level.

    Of a sequence, those of the movie and of its tracks too; of CR3, the directories that Canon
    keeps there. An `Exif` chunk holds the item as it lies: four bytes of offset, then, usually,
    the TIFF header.
    """
    basket = Basket(data)
    end = 0
    for box in children(data, 0, len(data)):
        if box.kind == b"uuid":
            basket.put(f"uuid:{data[box.start : box.start + 16].hex()}", box.start + 16, box.end)
        elif box.kind == b"meta":
            _items(data, Box(box.kind, box.start + 4, min(box.end, len(data))), basket)
        elif box.kind == b"moov":
            _movie(data, box.start, min(box.end, len(data)), basket)
        end = box.end
        if not basket.room():
            break
    return basket.walk(whole=len(data) - 8 < end <= len(data))


def _movie(data: bytes, start: int, end: int, basket: Basket) -> None:
    """Keep the metadata of a movie and of what it holds: tracks, user data, Canon's box."""
    waiting = [(start, end)]
    while waiting:
        first, last = waiting.pop()
        for box in children(data, first, last):
            if not basket.room():
                return
            reach = min(box.end, last)
            if box.kind == b"meta":
                _items(data, Box(box.kind, box.start + 4, reach), basket)
            elif box.kind in MOVIE:
                basket.put(MOVIE[box.kind], box.start, reach)
            elif box.kind in (b"trak", b"udta"):
                waiting.append((box.start, reach))
            elif box.kind == b"uuid" and data[box.start : box.start + 16] == CANON:
                waiting.append((box.start + 16, reach))


def has_still(data: bytes) -> bool:
    """Tell whether a file has a picture of its own, and not a sequence alone."""
    kinds = [box.kind for box in islice(children(data, 0, len(data)), MAX_ITEMS)]
    return b"meta" in kinds or b"moov" not in kinds


def boxes_within(data: bytes, most: int) -> int:
    """Return the number of boxes, those inside others included, counted up to a number."""
    count, waiting = 0, [(0, len(data))]
    while waiting and count < most:
        for box in children(data, *waiting.pop()):
            count += 1
            if box.kind in HOLDERS:
                full = 4 if box.kind == b"meta" else 0
                waiting.append((box.start + full, min(box.end, len(data))))
            if count >= most:
                break
    return count


def children(data: bytes, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes between two offsets; the last may claim to reach beyond."""
    while start + 8 <= end:
        size, head = int.from_bytes(data[start : start + 4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(data[start + 8 : start + WIDE], "big"), WIDE
        elif size == 0:
            size = end - start
        if size < head:
            return
        yield Box(data[start + 4 : start + 8], start + head, start + size)
        start += size


def _items(data: bytes, meta: Box, basket: Basket) -> None:
    """Keep the items of a `meta` box that hold EXIF or XMP."""
    found: dict[bytes, Box] = {}
    for box in children(data, meta.start, meta.end):
        found.setdefault(box.kind, Box(box.kind, box.start, min(box.end, meta.end)))
    if b"iinf" not in found or b"iloc" not in found:
        return
    located = _item_locations(data[found[b"iloc"].start : found[b"iloc"].end])
    for number, tag in _names(data, found[b"iinf"]):
        if not basket.room():
            return
        location = located.get(number)
        base = found[b"idat"].start if b"idat" in found else 0
        if location is None or not location.extents:
            continue
        if location.method == 0:
            _put(basket, tag, location, 0)
        elif location.method == 1 and base:
            _put(basket, tag, location, base)


def _put(basket: Basket, tag: str, location: _Item, base: int) -> None:
    """Keep an item; one in several pieces is joined."""
    if len(location.extents) == 1:
        offset, length = location.extents[0]
        basket.put(tag, base + offset, base + offset + (length or basket.size))
        return
    pieces = [(base + offset, base + offset + length) for offset, length in location.extents]
    basket.put_joined(tag, pieces)


def _names(data: bytes, box: Box) -> Iterator[tuple[int, str]]:
    """Yield (item id, tag) of the items of an `iinf` box that hold metadata."""
    head = 6 if data[box.start : box.start + 1] == b"\0" else 8
    for count, entry in enumerate(children(data, box.start + head, box.end)):
        if count >= MAX_ITEMS:
            return
        body = data[entry.start : min(entry.end, entry.start + 256)]
        wide = 4 if body[:1] == b"\3" else 2
        number, kind = int.from_bytes(body[4 : 4 + wide], "big"), body[6 + wide : 10 + wide]
        if kind == b"Exif":
            yield number, "Exif"
        elif kind == b"mime" and XMP_TYPE in body[10 + wide :].split(b"\0")[:3]:
            yield number, "XMP"


def _item_locations(body: bytes) -> dict[int, _Item]:
    """Return where the items of an `iloc` box lie, by id; stops where the box does."""
    if len(body) < 8:  # version, flags, sizes and a count
        return {}
    version, sizes = body[0], body[4] << 8 | body[5]
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version in (1, 2) else 0
    wide = 4 if version == 2 else 2  # version 2 has 32-bit numbers
    cursor = _Cursor(body, 6)
    located: dict[int, _Item] = {}
    for _ in range(min(cursor.take(wide), MAX_ITEMS)):
        number = cursor.take(wide)
        method = cursor.take(2) & 15 if version in (1, 2) else 0
        cursor.take(2)  # data reference
        base = cursor.take(base_size)
        extents = []
        count = cursor.take(2)
        for _ in range(min(count, MAX_EXTENTS)):
            cursor.take(index_size)
            extents.append((base + cursor.take(offset_size), cursor.take(length_size)))
        if cursor.done or count > MAX_EXTENTS:
            break
        located[number] = _Item(method, tuple(extents))
    return located


class _Cursor:
    """Reads big-endian numbers one after another; zeros behind the end."""

    def __init__(self, body: bytes, position: int) -> None:
        self.body = body
        self.position = position

    @property
    def done(self) -> bool:
        """Whether more was taken than there is."""
        return self.position > len(self.body)

    def take(self, size: int) -> int:
        """Return the next number of this many bytes."""
        self.position += size
        return int.from_bytes(self.body[self.position - size : self.position], "big")
