"""WebP chunks (RFC 9649)."""

import struct

from detectors.decode.containers.walk import Basket, Walk

HEAD = struct.Struct("<4sI")
PIXELS = (b"VP8 ", b"VP8L", b"ALPH", b"ANMF")


def chunks(data: bytes) -> Walk:
    """Return the chunks of a WebP file besides pixels: `VP8X`, `ICCP`, `EXIF`, `XMP `, `C2PA`."""
    basket = Basket(data)
    end = 8 + int.from_bytes(data[4:8], "little")
    position = 12
    while position + 8 <= min(end, basket.size) and basket.room():
        tag, length = HEAD.unpack_from(data, position)
        start = position + 8
        if tag not in PIXELS and not basket.put(tag.decode("latin-1"), start, start + length):
            return basket.walk(whole=False)
        position = start + length + length % 2
    return basket.walk(whole=end <= basket.size)
