"""Thread-safe Pillow settings; conversion of every mode to L, RGB or RGBA of 8 bits."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from PIL import Image, ImageFile

TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
WIDE: Final = 257
"""65535 / 255: from 16 to 8 bits, white to white."""


_PILLOW = threading.Lock()


@contextmanager
def quiet(*, cut: bool) -> Iterator[None]:
    """Use our limits in place of Pillow's and silence its warnings; restore both afterwards."""
    with _PILLOW, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS
        ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = cut, None
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = before


def upright(image: Image.Image, turn: int) -> Image.Image:
    """Return the image turned as its orientation says."""
    return image.transpose(TURNS[turn]) if turn in TURNS else image


def reduced(image: Image.Image, factor: int) -> Image.Image:
    """Return the image in 8 bits, both sides divided by the factor; by strips, to spare memory."""
    if factor == 1:
        return eight_bits(image)
    strips, step = [], 64 * factor
    for top in range(0, image.height, step):
        strip = image.crop((0, top, image.width, min(image.height, top + step)))
        strip.info = image.info
        strips.append(eight_bits(strip).reduce(factor))
    whole = Image.new(strips[0].mode, (strips[0].width, sum(strip.height for strip in strips)))
    top = 0
    for strip in strips:
        whole.paste(strip, (0, top))
        top += strip.height
    return whole


def eight_bits(image: Image.Image) -> Image.Image:
    """Return the image in mode L, RGB or RGBA, whatever it was stored in."""
    with quiet(cut=False):
        if image.mode.startswith("I;16") or image.mode in ("I", "F"):
            return _from_wide(image)
        if image.mode in ("LA", "La", "PA", "RGBa", "RGBA"):
            return (
                image.convert("RGBA") if image.mode != "La" else image.convert("LA").convert("RGBA")
            )
        if image.info.get("transparency") is not None and image.mode in ("1", "L", "P", "RGB"):
            return image.convert("RGBA")
        return image.convert("L") if image.mode in ("1", "L") else image.convert("RGB")


def _from_wide(image: Image.Image) -> Image.Image:
    """Return mode L from whole numbers of 16 bits, or from floating point 0..1 or 0..255."""
    import numpy as np

    wide = np.asarray(image)
    if image.mode == "F":
        highest = float(np.nanmax(wide, initial=0.0))
        wide = np.nan_to_num(wide) * (255 if highest <= 1 else 1)
    elif image.mode != "I" or wide.max(initial=0) > 255:  # a byte in a wide mode
        wide = (wide.astype(np.int32) + WIDE // 2) // WIDE
    return Image.fromarray(np.clip(wide, 0, 255).astype(np.uint8))


def decoded_rows(image: Image.Image) -> int:
    """Count the rows decoded from a truncated file: all above the last run of rows of one value.

    A reader fills what is missing with one colour (JPEG: grey; others: zero).
    """
    import numpy as np

    last = np.asarray(image.crop((image.width - 1, image.height - 1, image.width, image.height)))
    for bottom in range(image.height, 0, -64):
        strip = np.asarray(image.crop((0, max(0, bottom - 64), image.width, bottom)))
        rows = (strip != last[0, 0]).reshape(strip.shape[0], -1).any(axis=1).nonzero()[0]
        if rows.size:
            return bottom - int(strip.shape[0]) + int(rows[-1]) + 1
    return 0
