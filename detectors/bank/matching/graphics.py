"""Flat graphics: flags, letters, logos, whose brightness alone does not tell them apart.

Hashes and local features see brightness. Two flags, or two placeholders, of the same shapes in
other colours are alike to them, so an entry that is a flat graphic keeps its colours, and counts
only where they agree as well.
"""

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from PIL import Image

from detectors.bank.features import CELLS, ENTRY_FEATURES, block_colours, entry_block
from detectors.hashing.picture import ORIENTATIONS
from detectors.hashing.views import views, working

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.decode.picture import Picture
    from detectors.hashing.views import Box, PictureHashes

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
OTHER: Final = 4
"""Cells of the 256 that may have any colour, as a mark on a copy gives them."""
MOST_LEVELS: Final = 24
"""Levels of colour, of 255, by which a copy of a flat graphic may differ: of 90 graphics at 240
pixels and JPEG quality 50 the worst had 11, at 120 pixels 26; of 824 pairs of different flags that
a hash took for one, four had less than 25."""


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


def entry_look(picture: "Picture") -> bytes:
    """Return the bytes that an entry keeps of a picture's look.

    A picture with little texture keeps its colours. If no part of it is a photograph, it keeps no
    local features: how often these agree by chance is known of photographs alone.
    """
    share, dense = texture(picture.grey)
    colours = np.zeros((0, CELLS, CELLS, 3), np.uint8)
    if share < MOST_TEXTURE:
        shown = views(picture, gallery=True)
        colours = np.stack([cells(picture.rgb, view.box) for view in shown])
    most = ENTRY_FEATURES if share >= MOST_TEXTURE or dense >= MOST_DENSE else 0
    return entry_block(picture.grey, colours, most)


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


def view_cells(
    picture: "Picture", seen: "PictureHashes", view: str, orientation: str
) -> "NDArray[np.uint8]":
    """Return the colours of a view, turned as the entry is that it matched."""
    rgb = picture.bare if view.startswith("bare_") else picture.rgb
    found = cells(rgb, seen.boxes[seen.names.index(view)])
    number = ORIENTATIONS.index(orientation)
    found = found[:, ::-1] if number & 1 else found
    found = found[::-1] if number & 2 else found
    return found.swapaxes(0, 1) if number & 4 else found


def differing(one: "NDArray[np.uint8]", entry: "NDArray[np.uint8]") -> int:
    """Return by how many levels the colours of a view differ from those of an entry.

    The nearer of the entry's views counts, and all but a few cells of it.
    """
    apart = np.abs(one.astype(np.int64) - entry.astype(np.int64)).max(axis=-1)
    return int(np.sort(apart.reshape(len(entry), -1), axis=1)[:, -OTHER].min())


def same_colours(one: bytes, other: bytes) -> bool | None:
    """Tell whether the colours of two entries agree; None where one of them keeps none."""
    ours, theirs = block_colours(one), block_colours(other)
    if ours is None or theirs is None or not len(ours) or not len(theirs):
        return None
    return differing(ours[0], theirs) <= MOST_LEVELS
