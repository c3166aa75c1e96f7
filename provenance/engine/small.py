"""Small copies of pictures, made anew from their pixels, to be shown beside a record."""

import io
from typing import TYPE_CHECKING, Final

from detectors.decode.headers import jpeg_header
from detectors.decode.limits import MOST_COEFFICIENTS, MOST_SCAN_PIXELS, MOST_SCANS
from detectors.item import Item

if TYPE_CHECKING:
    from PIL import Image

SIDE: Final = 64
"""Pixels of the longer side."""
QUALITY: Final = 40
"""Of WebP: some 700 bytes a picture."""
METHOD: Final = 2
"""Of WebP, 0 to 6: above this, a few bytes less cost twice the time."""


def small_copy(item: Item, side: int = SIDE, quality: int = QUALITY) -> bytes:
    """Return a small copy of a picture, WebP without metadata; empty where it is too laborious.

    From its pixels where they were decoded with their colours already; else of a JPEG at a fraction
    of its size, which spares most of the decoding.

    Args:
        item: a picture.
        side: pixels of the longer side; a smaller picture stays as it is.
        quality: of WebP, 0 to 100.

    Raises:
        CannotAssess: it cannot be decoded; so do the errors of `open_picture.BROKEN`.
    """
    from PIL import Image  # costs what a call without pictures need not pay

    if item.media_type == "image/jpeg" and not item.has_colours:
        if _laborious(item.data):
            return b""
        image = _fraction(item.data, side)
    else:
        image = Image.fromarray(item.picture.rgb)
    image.thumbnail((side, side), Image.Resampling.BILINEAR, reducing_gap=1.0)
    out = io.BytesIO()
    image.save(out, "WEBP", quality=quality, method=METHOD)
    return out.getvalue()


def _fraction(data: bytes, side: int) -> "Image.Image":
    """Decode a JPEG at the smallest fraction of its size that has the pixels."""
    from PIL import ImageOps, JpegImagePlugin

    image: Image.Image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    image.draft("RGB", (side, side))
    image = ImageOps.exif_transpose(image).convert("RGB")
    image.info.clear()  # neither profile nor metadata
    return image


def _laborious(data: bytes) -> bool:
    """Tell whether a JPEG is one that no detector decodes either: `detectors.decode.limits`."""
    header = jpeg_header(data)
    return (
        header is None
        or header.scans > MOST_SCANS
        or header.scans * header.width * header.height > MOST_SCAN_PIXELS
        or header.coefficients > MOST_COEFFICIENTS
    )
