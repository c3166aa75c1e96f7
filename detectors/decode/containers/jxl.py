"""Boxes of JPEG XL (ISO/IEC 18181-2)."""

from detectors.decode.containers.bmff import children
from detectors.decode.containers.walk import Basket, Walk

CODESTREAM = b"\xff\x0a"
KEPT = {b"Exif": "Exif", b"xml ": "XMP", b"jumb": "jumb"}
"""Boxes that hold metadata → the name under which their kind is read everywhere."""
PACKED = b"brob"
"""A box packed with Brotli, which nothing here unpacks; its first four bytes name what it holds."""


def boxes(data: bytes) -> Walk:
    """Return the boxes that hold metadata: `Exif`, `XMP`, `jumb`, and `brob:Exif` where packed.

    A bare codestream holds none. Where EXIF or XMP is packed, the walk is not whole.
    """
    basket = Basket(data)
    if data.startswith(CODESTREAM):
        return basket.walk(whole=True)
    end, unread = 0, False
    for box in children(data, 0, len(data)):
        if box.kind in KEPT:
            basket.put(KEPT[box.kind], box.start, box.end)
        elif box.kind == PACKED:
            inner = data[box.start : box.start + 4]
            basket.put(f"brob:{inner.decode('latin-1')}", box.start + 4, box.end)
            unread = unread or inner in KEPT
        end = box.end
        if not basket.room():
            break
    return basket.walk(whole=len(data) - 8 < end <= len(data) and not unread)
