"""PNG chunks (W3C PNG, third edition, clause 5)."""

import struct

from detectors.decode.containers.walk import Basket, Walk

HEAD = struct.Struct(">I4s")
PIXELS = (b"IDAT", b"fdAT")


def stream(data: bytes, limit: int) -> bytes:
    """Return the first bytes of the packed pixels, at most so many."""
    parts: list[memoryview] = []
    basket, position, left = Basket(data), 8, limit
    while left > 0 and position + 8 <= basket.size and basket.room():
        length, tag = HEAD.unpack_from(data, position)
        start = position + 8
        if tag == b"IDAT":
            parts.append(basket.view[start : start + min(length, left)])
            left -= len(parts[-1])
        elif parts:
            break
        position = start + length + 4
    return b"".join(parts)


def chunks(data: bytes) -> Walk:
    """Return the chunks that are not pixels, before and after them; checksums are not judged."""
    basket = Basket(data)
    position = 8
    while basket.room():
        if position + 8 > basket.size:
            return basket.walk(whole=False)
        length, tag = HEAD.unpack_from(data, position)
        start = position + 8
        if tag == b"IEND":
            return basket.walk(whole=True)
        if tag not in PIXELS and not basket.put(tag.decode("latin-1"), start, start + length):
            return basket.walk(whole=False)
        position = start + length + 4
    return basket.walk(whole=True)
