"""PNG chunks (W3C PNG, third edition, clause 5)."""

import struct
from collections.abc import Iterator

from detectors.decode.containers.walk import Basket, Walk

HEAD = struct.Struct(">I4s")
PIXELS = (b"IDAT", b"fdAT")


def stream(data: bytes, limit: int) -> bytes:
    """Return the first bytes of the packed pixels, at most so many."""
    parts: list[memoryview] = []
    basket, left = Basket(data), limit
    for tag, start, length in every_chunk(data):
        if left <= 0 or not basket.room():
            break
        if tag == b"IDAT":
            parts.append(basket.view[start : start + min(length, left)])
            left -= len(parts[-1])
        elif parts:
            break
    return b"".join(parts)


def every_chunk(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and length of each payload whose head the file holds."""
    position = 8
    while position + 8 <= len(data):
        length, tag = HEAD.unpack_from(data, position)
        yield tag, position + 8, length
        position += 12 + length


def chunks(data: bytes) -> Walk:
    """Return the chunks that are not pixels, before and after them; checksums are not judged."""
    basket = Basket(data)
    for tag, start, length in every_chunk(data):
        if not basket.room() or tag == b"IEND":
            return basket.walk(whole=True)
        if tag not in PIXELS and not basket.put(tag.decode("latin-1"), start, start + length):
            return basket.walk(whole=False)
    return basket.walk(whole=False)
