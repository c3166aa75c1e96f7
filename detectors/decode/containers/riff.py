"""WebP chunks (RFC 9649)."""

import struct
from collections.abc import Iterator

from detectors.decode.containers.walk import Basket, Walk

HEAD = struct.Struct("<4sI")
PIXELS = (b"VP8 ", b"VP8L", b"ALPH", b"ANMF")


def chunks(data: bytes) -> Walk:
    """Return the chunks of a WebP file besides pixels: `VP8X`, `ICCP`, `EXIF`, `XMP `, `C2PA`."""
    basket = Basket(data)
    end = 8 + int.from_bytes(data[4:8], "little")
    for tag, start, length in every_chunk(data, min(end, basket.size)):
        if not basket.room():
            break
        if tag not in PIXELS and not basket.put(tag.decode("latin-1"), start, start + length):
            return basket.walk(whole=False)
    return basket.walk(whole=end <= basket.size)


def every_chunk(data: bytes, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and length of each payload that begins before an offset."""
    position = 12
    while position + 8 <= end:
        tag, length = HEAD.unpack_from(data, position)
        yield tag, position + 8, length
        position += 8 + length + length % 2
