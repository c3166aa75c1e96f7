"""JPEG segments (ITU-T T.81, annex B)."""

import re
from collections.abc import Iterator

from detectors.decode.containers.walk import Basket, Walk

SOI, EOI, SOS, COM, APP0, APP15 = 0xD8, 0xD9, 0xDA, 0xFE, 0xE0, 0xEF
MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")
"""A marker that starts a segment; in entropy-coded data 0xFF is stuffed, a fill or a restart."""


def segments(data: bytes) -> Walk:
    """Return the APPn segments (`APP0` … `APP15`) and comments (`COM`) before the first scan.

    What stands behind the first scan is not looked at, as in other readers of metadata.
    """
    basket = Basket(data)
    for kind, start, length in every_segment(data):
        if not basket.room():
            return basket.walk(whole=True)
        if kind == SOS:
            return basket.walk(whole=True)
        if kind == COM or APP0 <= kind <= APP15:
            basket.put("COM" if kind == COM else f"APP{kind - APP0}", start, start + length)
    return basket.walk(whole=False)


def every_segment(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and length of each payload to the end of the image, scans included.

    Entropy-coded data are passed over.
    """
    position = 2
    while found := MARKER.search(data, position):
        kind, start = data[found.start() + 1], found.start() + 4
        if kind == SOI:  # has no length
            position = found.end()
            continue
        if kind == EOI or start > len(data):
            return
        length = max(0, int.from_bytes(data[start - 2 : start], "big") - 2)
        yield kind, start, length
        position = start + length
