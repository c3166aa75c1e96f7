"""GIF blocks (GIF89a specification)."""

from collections.abc import Iterator
from typing import Final

import msgspec

from detectors.decode.containers.walk import Basket, Walk

EXTENSION, IMAGE, APPLICATION, COMMENT = 0x21, 0x2C, 0xFF, 0xFE
PICTURE: Final = -1
"""Label of a picture, which has none of its own."""
MAX_COMMENTS = 64
"""Comments that are kept; programs write one, and a file can hold hundreds of thousands."""
MAX_BLOCKS = 1_000_000
"""Sub-blocks stepped over in one file; a full one holds 255 bytes."""


def extensions(data: bytes) -> Walk:
    """Return the application extensions, named by their identifier, and the first comments (`COM`).

    The payload is given as it lies, the length bytes of its sub-blocks included: XMP is written
    without sub-blocks; `joined` takes them out.
    """
    basket, comments, position = Basket(data), 0, 13 + _table(data, 10)
    for block in blocks(data):
        if block.cut or not basket.room():
            basket.full = True
            break
        start, end, position = block.start, block.end, block.end + 1
        if block.label == COMMENT and comments < MAX_COMMENTS:
            comments += 1
            basket.put("COM", start, end)
        if block.label == APPLICATION and data[start : start + 1] == b"\x0b":
            basket.put(data[start + 1 : start + 12].decode("latin-1"), start + 12, end)
    return basket.walk(whole=data[position : position + 1] == b";")


class Block(msgspec.Struct, frozen=True, gc=False):
    """A picture or an extension of a GIF."""

    label: int
    """Label of an extension; -1 for a picture."""
    start: int
    """Offset of its first sub-block."""
    end: int
    """Offset of the byte that ends its sub-blocks."""
    cut: bool
    """Whether the limit of sub-blocks was reached within it."""


def blocks(data: bytes, left: int = MAX_BLOCKS) -> Iterator[Block]:
    """Yield the pictures and extensions, up to the first byte that begins neither.

    Args:
        data: the file.
        left: sub-blocks after which to stop.
    """
    position = 13 + _table(data, 10)
    while position + 2 < len(data) and left > 0 and data[position] in (EXTENSION, IMAGE):
        picture = data[position] == IMAGE
        start = position + 11 + _table(data, position + 9) if picture else position + 2
        end, left = _end(data, start, left)
        yield Block(PICTURE if picture else data[position + 1], start, end, left <= 0)
        position = end + 1


def joined(payload: memoryview) -> bytes:
    """Return the bytes of sub-blocks without their lengths."""
    parts, position = [], 0
    while position < len(payload) and payload[position]:
        parts.append(payload[position + 1 : position + 1 + payload[position]])
        position += 1 + payload[position]
    return b"".join(parts)


def _table(data: bytes, flags: int) -> int:
    """Return the size of the colour table that the flags at this offset announce."""
    packed = data[flags] if flags < len(data) else 0
    return 3 << (packed & 7) + 1 if packed & 0x80 else 0


def _end(data: bytes, start: int, left: int) -> tuple[int, int]:
    """Return the offset of the terminator of the sub-blocks that start here, and the steps left."""
    position = start
    while left > 0 and position < len(data) and data[position]:
        position += 1 + data[position]
        left -= 1
    return min(position, len(data)), left
