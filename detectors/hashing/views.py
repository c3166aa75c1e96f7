"""The views of a picture that are compared: whole, without border, inside an avatar's circle."""

import math
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
from PIL import Image

from detectors.hashing.picture import bits, dihedral, pdq, pdq64

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.decode.picture import Picture

LONG_SIDE: Final = 512
"""Pixels; larger pictures are reduced by a whole factor before they are looked at."""
PLAIN: Final = 4.0
"""Standard deviation under which a row or column at the rim is border, not picture."""
ROUNDS: Final = 3
"""Borders in borders."""
OPAQUE: Final = 128
LEAST_QUALITY: Final = 50
"""PDQ's quality under which its makers do not use a hash."""
LEAST_DEVIATION: Final = 8.0
"""Standard deviation of brightness under which there is too little to compare."""
SMALLEST: Final = 16
"""Pixels of a view's shorter side."""


Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of a picture, as shares of its width and height."""
Cut = tuple[slice, slice]
"""Rows and columns of a part, in pixels of the working copy."""
WHOLE_BOX: Final = (0.0, 0.0, 1.0, 1.0)


class View(msgspec.Struct, frozen=True):
    """One way to look at a picture."""

    name: str
    """`whole`, `trimmed`, `inner`, or these of the colours under transparency: `bare_…`."""
    luma: "NDArray[np.float32]"
    box: Box = WHOLE_BOX


class PictureHashes(msgspec.Struct, frozen=True):
    """What of a picture is compared with a bank."""

    pdq: "NDArray[np.uint8]"
    """(32,), of the whole picture."""
    turned: "NDArray[np.uint8]"
    """(8, 32): its PDQ mirrored and turned."""
    quality: int
    """Quality of its PDQ hash, 0..100."""
    deviation: float
    """Standard deviation of brightness, 0..128."""
    names: tuple[str, ...]
    """Names of the views."""
    stable: "NDArray[np.uint8]"
    """(views, 8, 32): pdq64.v1 of each view, mirrored and turned."""
    boxes: tuple[Box, ...] = (WHOLE_BOX,)
    """Boxes of the views."""

    @property
    def low_detail(self) -> bool:
        """Whether there is too little in the picture to tell it from others."""
        return self.quality < LEAST_QUALITY or self.deviation < LEAST_DEVIATION


def hash_views(picture: "Picture", *, gallery: bool = False) -> PictureHashes:
    """Return the hashes of a picture's views.

    Args:
        picture: as it came.
        gallery: only the views that an entry is stored with: whole and inner.
    """
    whole = pdq(picture.grey.astype(np.float32))
    shown = views(picture, gallery=gallery)
    spectra = np.stack([pdq64(view.luma).waves for view in shown])
    turned = bits(dihedral(whole.waves))
    return PictureHashes(
        pdq=turned[0],
        turned=turned,
        quality=whole.quality,
        deviation=float(shown[0].luma.std()),
        names=tuple(view.name for view in shown),
        stable=bits(dihedral(spectra)),
        boxes=tuple(view.box for view in shown),
    )


def views(picture: "Picture", *, gallery: bool = False) -> list[View]:
    """Return the views of a picture, brightness at most 512 pixels wide and high."""
    whole = working(picture.grey)
    if gallery:
        return _large_enough([View("whole", whole), _inner("", whole, _all(whole))])
    found = [View("whole", whole)]
    if (alpha := picture.alpha) is None:
        cuts = [("", whole, _all(whole))]
    else:
        box = _opaque(working(alpha))
        under = working(np.asarray(Image.fromarray(picture.bare).convert("L")))
        cuts = [("", whole, box), ("bare_", under, box)]
    for prefix, luma, cut in cuts:
        trim = _trim(luma, cut)
        if luma[trim].shape != whole.shape:
            found.append(_part(f"{prefix}trimmed", luma, trim))
        found.append(_inner(prefix, luma, trim))
    return _large_enough(found)


def _part(name: str, luma: "NDArray[np.float32]", cut: Cut) -> View:
    """Return the view of a part."""
    height, width = luma.shape
    rows, columns = cut
    box = columns.start / width, rows.start / height, columns.stop / width, rows.stop / height
    return View(name, luma[cut], box)


def _inner(prefix: str, luma: "NDArray[np.float32]", cut: Cut) -> View:
    """Return the view of the square inside the circle of a part."""
    rows, columns = cut
    height, width = rows.stop - rows.start, columns.stop - columns.start
    side = max(1, int(min(height, width) / math.sqrt(2)))
    top, left = rows.start + (height - side) // 2, columns.start + (width - side) // 2
    square = slice(top, top + side), slice(left, left + side)
    return _part(f"{prefix}inner", luma, square)


def working(grey: "NDArray[np.uint8]") -> "NDArray[np.float32]":
    """Return brightness at most 512 pixels wide and high, as (height, width), 0..255."""
    return reduced(grey).astype(np.float32)


def reduced(grey: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    """Return brightness at most 512 pixels wide and high, in whole steps."""
    factor = max(grey.shape) // LONG_SIDE
    if factor > 1:
        grey = np.asarray(Image.fromarray(grey).reduce(factor))
    return grey


def _trim(luma: "NDArray[np.float32]", cut: Cut) -> Cut:
    """Return a part without plain rows and columns at its rim; a plain one as it is."""
    rows, columns = cut
    for _ in range(ROUNDS):
        part = luma[rows, columns]
        busy = [np.flatnonzero(part.std(axis=axis) >= PLAIN) for axis in (1, 0)]
        if not all(each.size for each in busy):
            break
        (top, bottom), (left, right) = ((int(each[0]), int(each[-1]) + 1) for each in busy)
        if (bottom - top, right - left) == part.shape:
            break
        rows = slice(rows.start + top, rows.start + bottom)
        columns = slice(columns.start + left, columns.start + right)
    return rows, columns


def _all(luma: "NDArray[np.float32]") -> Cut:
    """Return the whole of a picture as a part."""
    return slice(0, luma.shape[0]), slice(0, luma.shape[1])


def _opaque(alpha: "NDArray[np.float32]") -> Cut:
    """Return the box of what can be seen; everything where nothing can."""
    seen = alpha > OPAQUE
    rows, columns = (np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return _all(alpha)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _large_enough(found: list[View]) -> list[View]:
    """Return the first view, and those of the others that are large enough to say something."""
    return found[:1] + [view for view in found[1:] if min(view.luma.shape) >= SMALLEST]
