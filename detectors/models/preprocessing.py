"""Preprocessing for external picture models: resize, crop and normalise as their makers did."""

from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Floats = NDArray[np.float32]

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Preprocessing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a picture is resized, cropped and normalised."""

    size: int
    """Sides, in pixels, of the square that the model takes."""
    resize: int | None
    """Shorter side before the square in the middle is cut out; None: no cut, the whole picture is
    squashed to the square."""
    interpolation: Interpolation
    """As Pillow does it: with anti-aliasing."""
    mean: tuple[float, float, float]
    """Mean of red, green and blue in 0..1, subtracted."""
    std: tuple[float, float, float]
    """Standard deviation of the same, divided by."""

    def __post_init__(self) -> None:
        """Refuse what shows nothing.

        Raises:
            ValueError: msgspec turns it into a ValidationError with the path.
        """
        if not 0 < self.size <= (self.resize or self.size):
            raise ValueError("size is above 0, and resize not below it")
        if min(self.std) <= 0:
            raise ValueError("std is above 0")


def preprocess(rgb: "Pixels", how: Preprocessing) -> "Floats":
    """Return (1, 3, size, size), as torchvision's Resize, CenterCrop, ToTensor and Normalize do.

    Args:
        rgb: (height, width, 3), 0..255.
        how: the model's how.

    Source: torchvision.transforms on a Pillow image; the longer side is cut to whole pixels, and a
    half pixel in the middle is rounded to the even one.
    """
    import numpy as np
    from PIL import Image

    filtering = Image.Resampling[how.interpolation.upper()]
    image, size = Image.fromarray(rgb), how.size
    if how.resize is None:
        image = image.resize((size, size), filtering)
    else:
        shorter, longer = sorted(image.size)
        long = int(how.resize * longer / shorter)
        across = (how.resize, long) if image.width <= image.height else (long, how.resize)
        image = image.resize(across, filtering)
        left, top = (round((side - size) / 2) for side in image.size)
        image = image.crop((left, top, left + size, top + size))
    mean, std = (np.array(three, np.float32) for three in (how.mean, how.std))
    values: Floats = (np.asarray(image, np.float32) / np.float32(255) - mean) / std
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])
