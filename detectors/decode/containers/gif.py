"""GIF extensions (GIF89a specification)."""

from detectors.decode.containers.walk import Basket, Walk

EXTENSION, IMAGE, APPLICATION, COMMENT = 0x21, 0x2C, 0xFF, 0xFE
MAX_COMMENTS = 64
"""Comments that are kept; programs write one, and a file can hold hundreds of thousands."""
MAX_BLOCKS = 1_000_000
"""Sub-blocks stepped over in one file; a full one holds 255 bytes."""


def extensions(data: bytes) -> Walk:
    """Return the application extensions, named by their identifier, and the first comments (`COM`).

    The payload is given as it lies, the length bytes of its sub-blocks included: XMP is written
    without sub-blocks; `joined` takes them out.
    """
    basket, comments = Basket(data), 0
    position, left = 13 + _table(data, 10), MAX_BLOCKS
    while position + 2 < basket.size and data[position] in (EXTENSION, IMAGE):
        kind, label = data[position], data[position + 1]
        start = position + 2
        if kind == IMAGE:
            start = position + 11 + _table(data, position + 9)
        end, left = _end(data, start, left)
        if left <= 0 or not basket.room():
            basket.full = True
            break
        if kind == EXTENSION and label == COMMENT and comments < MAX_COMMENTS:
            comments += 1
            basket.put("COM", start, end)
        if kind == EXTENSION and label == APPLICATION and data[start : start + 1] == b"\x0b":
            basket.put(data[start + 1 : start + 12].decode("latin-1"), start + 12, end)
        position = end + 1
    return basket.walk(whole=data[position : position + 1] == b";")


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
