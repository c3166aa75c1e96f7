"""Flat graphics: flags, letters, logos, whose brightness alone does not tell them apart.

Hashes and local features see brightness. Two flags, or two placeholders, of the same shapes in
other colours are alike to them, so an entry that is a flat graphic keeps its colours, and counts
only where they agree as well.
"""

from typing import TYPE_CHECKING, Final

import numpy as np

from detectors.bank.features import ENTRY_FEATURES, block_colours, entry_block
from detectors.hashing.flatness import (
    CELLS,
    MOST_DENSE,
    MOST_TEXTURE,
    cells,
    dense_in,
    share_of,
    soft_pixels,
)
from detectors.hashing.picture import ORIENTATIONS
from detectors.hashing.views import views

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.decode.picture import Picture
    from detectors.hashing.views import PictureHashes

OTHER: Final = 4
"""Cells of the 256 that may have any colour, as a mark on a copy gives them."""
MOST_LEVELS: Final = 24
"""Levels of colour, of 255, by which a copy of a flat graphic may differ: of 90 graphics at 240
pixels and JPEG quality 50 the worst had 11, at 120 pixels 26; of 824 pairs of different flags that
a hash took for one, four had less than 25."""


def entry_look(picture: "Picture") -> bytes:
    """Return the bytes that an entry keeps of a picture's look.

    A picture with little texture keeps its colours. If no part of it is a photograph, it keeps no
    local features: how often these agree by chance is known of photographs alone.
    """
    soft = soft_pixels(picture.grey)
    colours, most = np.zeros((0, CELLS, CELLS, 3), np.uint8), ENTRY_FEATURES
    if share_of(soft) < MOST_TEXTURE:
        shown = views(picture, gallery=True)
        colours = np.stack([cells(picture.rgb, view.box) for view in shown])
        most = most if dense_in(soft) >= MOST_DENSE else 0
    return entry_block(picture.grey, colours, most)


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
    return int(levels_apart(one, entry).min())


def levels_apart(one: "NDArray[np.uint8]", many: "NDArray[np.uint8]") -> "NDArray[np.int64]":
    """Return by how many levels colours differ from each of many, but for a few cells.

    Args:
        one: (cells, cells, 3).
        many: (n, cells, cells, 3).

    Returns:
        (n,).
    """
    apart = np.abs(one.astype(np.int64) - many.astype(np.int64)).max(axis=-1)
    return np.sort(apart.reshape(len(many), -1), axis=1)[:, -OTHER]


def same_colours(one: bytes, other: bytes) -> bool | None:
    """Tell whether the colours of two entries agree; None where one of them keeps none."""
    ours, theirs = block_colours(one), block_colours(other)
    if ours is None or theirs is None or not len(ours) or not len(theirs):
        return None
    return differing(ours[0], theirs) <= MOST_LEVELS
