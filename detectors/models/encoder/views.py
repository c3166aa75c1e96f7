"""What the encoder is shown of a picture: the square in its middle, and the same after delivery."""

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from detectors.models.encoder.forward import SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

PLATFORM_TRANSFORMS = {"q75": (1.0, 75), "half": (0.5, 90)}
"""How platforms transform pictures: name → (scale, JPEG quality), 4:2:0."""


def square(rgb: "Pixels") -> "Pixels":
    """Return (224, 224, 3): the largest square in the middle, resampled bicubically."""
    height, width = rgb.shape[:2]
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(Image.fromarray(rgb).resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box))


def recompressed(rgb: "Pixels", how: str) -> "Pixels":
    """Return a picture as it looks after a platform transform named in `PLATFORM_TRANSFORMS`."""
    scale, quality = PLATFORM_TRANSFORMS[how]
    image = Image.fromarray(rgb)
    if scale != 1:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=2)
    with Image.open(buffer) as again:
        return np.asarray(again.convert("RGB"))
