"""Flat graphics: plain areas and edges, whose brightness alone does not tell them apart.

Two flags, or two placeholders, of the same shapes in other colours are alike to a hash of
brightness, so the mean colours of their cells are compared as well.
"""

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from PIL import Image

from detectors.hashing.views import working

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.decode.picture import Picture
    from detectors.hashing.views import Box

CELLS: Final = 16
"""Cells across and down whose mean colours are kept."""
SLOW: Final = 3
STEEP: Final = 24
"""Levels between neighbouring pixels that photographs are full of: graphics have none, or edges."""
MOST_TEXTURE: Final = 0.3
"""Share of such pixels under which a picture may be a graphic: of 1,059 flags 1,042 had less, of
490 faces the least had .35."""
WINDOW: Final = 16
DENSE: Final = 0.6
MOST_DENSE: Final = 0.005
"""Share of windows full of them from which a part of the picture is a photograph."""


def texture(grey: "NDArray[np.uint8]") -> tuple[float, float]:
    """Return the share of pixels as photographs have them, and of windows full of them."""
    small = np.ascontiguousarray(working(grey).astype(np.uint8))
    kernel = np.ones((3, 3), np.uint8)
    steps = cv2.dilate(small, kernel) - cv2.erode(small, kernel)
    soft = ((steps >= SLOW) & (steps <= STEEP)).astype(np.float32)
    return float(soft.mean()), float((cv2.blur(soft, (WINDOW, WINDOW)) > DENSE).mean())


def flat(picture: "Picture") -> bool:
    """Say whether a picture is a flat graphic and no part of it a photograph."""
    share, dense = texture(picture.grey)
    return share < MOST_TEXTURE and dense < MOST_DENSE


def cells(rgb: "NDArray[np.uint8]", box: "Box") -> "NDArray[np.uint8]":
    """Return the mean colours of the cells of a part of a picture.

    Args:
        rgb: (height, width, 3).
        box: of the part, as shares of width and height.
    """
    height, width = rgb.shape[:2]
    part = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    made = Image.fromarray(rgb).resize((CELLS, CELLS), Image.Resampling.BOX, box=part)
    return np.asarray(made)
