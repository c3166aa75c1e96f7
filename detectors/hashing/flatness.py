"""Flat graphics: plain areas and edges, whose brightness alone does not tell them apart.

Two flags, or two placeholders, of the same shapes in other colours are alike to a hash of
brightness, so the mean colours of their cells are compared as well.
"""

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from detectors.decode.opencv import cv2
from detectors.hashing.views import reduced

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


def soft_pixels(grey: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    """Return where a picture has texture as photographs have it, 255 there and 0 elsewhere."""
    small = np.ascontiguousarray(reduced(grey))
    kernel = np.ones((3, 3), np.uint8)
    steps = cv2.subtract(cv2.dilate(small, kernel), cv2.erode(small, kernel))
    return np.asarray(cv2.inRange(steps, SLOW, STEEP), np.uint8)


def share_of(soft: "NDArray[np.uint8]") -> float:
    """Return the share of pixels as photographs have them.

    Args:
        soft: as `soft_pixels` gives it.
    """
    return cv2.countNonZero(soft) / soft.size


def dense_in(soft: "NDArray[np.uint8]") -> float:
    """Return the share of windows full of pixels as photographs have them.

    Args:
        soft: as `soft_pixels` gives it.
    """
    sums = cv2.boxFilter(soft, cv2.CV_32S, (WINDOW, WINDOW), normalize=False)
    return cv2.countNonZero(np.asarray(sums > DENSE * 255 * WINDOW**2, np.uint8)) / soft.size


def flat(picture: "Picture") -> bool:
    """Say whether a picture is a flat graphic and no part of it a photograph."""
    soft = soft_pixels(picture.grey)
    return share_of(soft) < MOST_TEXTURE and dense_in(soft) < MOST_DENSE


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
