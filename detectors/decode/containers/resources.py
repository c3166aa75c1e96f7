"""Image resources of Photoshop, in its own files and inside other formats.

After Adobe's "Photoshop File Formats Specification".
"""

from collections.abc import Iterator

from detectors.decode.containers.walk import Basket, Walk

MARKS = (b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR")
HEADER = 26
"""Bytes of the head of a Photoshop file, behind which two sections with their lengths follow."""


def resources(data: bytes | memoryview, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (number, start, end) of the resources between two offsets; stops where malformed."""
    position = start
    while position + 12 <= end and bytes(data[position : position + 4]) in MARKS:
        number = int.from_bytes(data[position + 4 : position + 6], "big")
        name = 1 + data[position + 6]
        at = position + 6 + name + name % 2
        size = int.from_bytes(data[at : at + 4], "big")
        yield number, at + 4, at + 4 + size
        position = at + 4 + size + size % 2


def sections(data: bytes) -> Walk:
    """Return the image resources of a PSD or PSB file, named `8BIM:0x0424`."""
    basket = Basket(data)
    colours = HEADER + 4 + int.from_bytes(data[HEADER : HEADER + 4], "big")
    start = colours + 4
    end = start + int.from_bytes(data[colours:start], "big")
    reached = start
    for number, begins, ends in resources(data, start, min(end, len(data))):
        basket.put(f"8BIM:0x{number:04X}", begins, ends)
        reached = ends
        if not basket.room():
            break
    return basket.walk(whole=start <= len(data) and end - 2 < reached + 1 and end <= len(data))
