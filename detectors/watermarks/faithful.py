"""Whether a file keeps its pixels well enough for a message to survive being moved off its grid."""

import io
from typing import Final

from detectors.item import Item

LOSSLESS: Final = ("image/png", "image/bmp", "image/tiff", "image/x-portable-pixmap")
WEBP_LOSSLESS: Final = b"VP8L"
WEBP_HEAD: Final = 2**16
"""Bytes in which a WebP begins its pixels, but for a large colour profile before them."""
LUMINANCE_88: Final = 884
"""Sum of the luminance table of quality 88: the 64 values of ITU-T T.81, table K.1, at 24 %."""


def is_faithful(item: Item) -> bool:
    """Tell whether a picture is stored without loss, or as a JPEG of quality 88 and more."""
    if item.media_type == "image/webp":
        return WEBP_LOSSLESS in item.data[:WEBP_HEAD]
    if item.media_type == "image/jpeg":
        return _luminance(item.data) <= LUMINANCE_88
    return item.media_type in LOSSLESS


def _luminance(data: bytes) -> int:
    """Return the sum of the luminance table of a JPEG, which Pillow reads without decoding."""
    from PIL import JpegImagePlugin

    tables = JpegImagePlugin.JpegImageFile(io.BytesIO(data)).quantization
    return sum(tables[min(tables)]) if tables else LUMINANCE_88 + 1
