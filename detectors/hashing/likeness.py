"""What is kept of a picture so that it can be found among others without its file."""

from typing import TYPE_CHECKING, Final

import numpy as np

from detectors.decode.opencv import cv2
from detectors.hashing.flatness import (
    CELLS,
    MOST_DENSE,
    MOST_TEXTURE,
    cells,
    dense_in,
    share_of,
    soft_pixels,
)
from detectors.hashing.picture import BITS, bits, pdq64
from detectors.hashing.views import LEAST_DEVIATION, LEAST_QUALITY, WHOLE_BOX, reduced

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.decode.picture import Picture

HASH_BYTES: Final = BITS // 8
"""Bytes of the hash, which come first."""
FLAT: Final = b"f"
"""A flat graphic; its colours follow."""
SMOOTH: Final = b"s"
"""Little texture, but a part may be a photograph; the colours follow."""


def likeness(picture: "Picture") -> bytes:
    """Return what tells a picture from others; nothing where there is too little in it.

    Returns:
        The 32 bytes of its hash `pdq64.v1`, PDQ of exact means, which does not move with the size
        of the picture; then, of a picture with little texture, `FLAT` or `SMOOTH` and
        the mean colours of 16 x 16 cells.
    """
    grey = reduced(picture.grey)
    _, ((deviation,),) = cv2.meanStdDev(grey)
    spectrum = pdq64(grey.astype(np.float32))
    if spectrum.quality < LEAST_QUALITY or deviation < LEAST_DEVIATION:
        return b""
    soft, colours = soft_pixels(grey), b""
    if share_of(soft) < MOST_TEXTURE:
        kind = FLAT if dense_in(soft) < MOST_DENSE else SMOOTH
        colours = kind + cells(picture.rgb, WHOLE_BOX).tobytes()
    return bits(spectrum.waves).tobytes() + colours


def kind_of(like: bytes) -> bytes:
    """Return `FLAT`, `SMOOTH`, or nothing for a picture with texture."""
    return like[HASH_BYTES : HASH_BYTES + 1]


def colours_of(likes: list[bytes]) -> "NDArray[np.uint8]":
    """Return the colours of pictures with little texture, (n, cells, cells, 3)."""
    raw = b"".join(like[HASH_BYTES + 1 :] for like in likes)
    return np.frombuffer(raw, np.uint8).reshape(-1, CELLS, CELLS, 3)
