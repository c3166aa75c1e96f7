"""How much of a picture is decoded at most."""

from typing import Final

MEGA: Final = 1_000_000
MOST_MEGAPIXELS: Final = {
    "image/jpeg": 256,
    "image/png": 120,
    "image/gif": 120,
    "image/bmp": 120,
    "image/tiff": 120,
    "image/webp": 60,
    "image/avif": 60,
    "image/heic": 60,
    "image/heif": 60,
}
"""Most million pixels of a picture: telephones make JPEGs of 200; the last four formats are decoded
whole into several copies, so that the lower limit keeps the same memory."""
KEPT: Final = 16 * MEGA
"""Pixels that are kept; a larger picture is reduced by a whole factor while it is decoded."""
MOST_SCANS: Final = 500
"""Scans of a JPEG, as in DALI; cameras and encoders write 1 to 20."""
MOST_SCAN_PIXELS: Final = 10_000 * MEGA
"""Scans x pixels of a JPEG: about one second of decoding."""
MOST_COEFFICIENTS: Final = 600 * MEGA
"""Bytes that a progressive JPEG makes its decoder keep."""
MOST_SOUGHT: Final = 200 * MEGA
"""Pixels that are decoded to reach a later frame: formats keep each as a change to the last."""
FEWEST_ROWS: Final = 8
"""Rows that have to come of a cut file for it to be a picture."""
