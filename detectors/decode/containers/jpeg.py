"""JPEG segments (ITU-T T.81, annex B)."""

import re

from detectors.decode.containers.walk import Basket, Walk

SOI, EOI, SOS, COM, APP0, APP15 = 0xD8, 0xD9, 0xDA, 0xFE, 0xE0, 0xEF
MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")
"""A marker with something to say; in entropy-coded data 0xFF is stuffed, a fill or a restart."""


def segments(data: bytes) -> Walk:
    """Return the APPn segments (`APP0` … `APP15`) and comments (`COM`) before the first scan.

    What stands behind the first scan is not looked at, as in other readers of metadata.
    """
    basket = Basket(data)
    position = 2
    while basket.room():
        found = MARKER.search(data, position)
        if found is None or found.start() + 4 > len(data):
            return basket.walk(whole=False)
        kind, start = data[found.start() + 1], found.start() + 4
        if kind in (SOS, EOI):
            return basket.walk(whole=kind == SOS)
        length = _length(data, start)
        if kind == COM or APP0 <= kind <= APP15:
            basket.put("COM" if kind == COM else f"APP{kind - APP0}", start, start + length)
        position = start + length
    return basket.walk(whole=True)


def _length(data: bytes, start: int) -> int:
    """Return the payload length of the segment whose payload starts there."""
    return max(0, int.from_bytes(data[start - 2 : start], "big") - 2)
