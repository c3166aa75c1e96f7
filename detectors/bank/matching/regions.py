"""Finds pictures inside a picture: avatars on a screen, a photograph between captions, a collage.

A page is plain ground with things on it. Ground has no steps of brightness and reaches the rim;
what is left without thin lines and letters are the things. One that is a photograph has many soft
steps and many levels of brightness; text and icons have few. A sheet of pictures, be it the whole
or a thing, is cut where a line of steps runs through it from side to side.
"""

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from detectors.decode.opencv import cv2
from detectors.hashing.flatness import SLOW, STEEP

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONG_SIDE: Final = 1280
"""Most pixels of the longer side of the copy that is looked at."""
MOST: Final = 36
"""Regions that are given, the largest first."""
SMALLEST: Final = 48
"""Pixels of a region's shorter side."""
GROUND: Final = 0.002
"""Share of the picture that ground takes up at least."""
STEP: Final = 6
"""Levels between neighbouring pixels under which both may be ground."""
THICK: Final = 9
"""Pixels of the copy that a thing is thick: letters and lines are thinner."""
LONGEST: Final = 1.7
"""Times a region may be as long as the other way: avatars are square or nearly so."""
SOFT: Final = 0.15
"""Share of soft steps that a photograph has at least."""
LEVELS: Final = 16
FEW: Final = 0.75
"""Share of pixels in two of 16 levels of brightness from which a region is text or an icon."""
CUT: Final = 8
"""Levels of a step that a cut through a sheet is made of."""
THROUGH: Final = 0.65
"""Share of a line that such steps take up."""
DEPTH: Final = 2
"""Times a sheet is cut, each time both ways."""
CUT_OFF: Final = 0.15
"""Share of the picture from which a thing that the rim cuts is what the picture shows."""
BAND: Final = 5
"""Such a part of a picture's height are captions over it."""
LETTERS: Final = 96
"""Levels of the steps that letters with an outline have."""
WRITTEN: Final = 0.04
"""Share of such steps in a caption, over twice that of the middle."""
THING: Final = 0.55
"""Share of the picture from which a thing is the picture itself, before a plain ground."""
CELL: Final = 0.95
"""The same share for a cell of a sheet: captions in bars leave most of a picture."""

Box = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels."""


def regions(grey: "NDArray[np.uint8]") -> list[Box]:
    """Return where in a picture there may be others, the largest first.

    Args:
        grey: (height, width), 0..255.
    """
    factor = -(-max(grey.shape) // LONG_SIDE)
    height, width = (side // factor for side in grey.shape)
    if min(height, width) * factor < 2 * SMALLEST:
        return []
    small = grey
    if factor > 1:
        small = np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA))
    steps, smallest = _steps(small), SMALLEST // factor

    def pictures(boxes: list[Box], most: float) -> list[Box]:
        small_enough = [box for box in boxes if _area(box) < most * height * width]
        return [box for box in small_enough if _is_picture(small, steps, box)]

    sheet = pictures(_cells(small, (0, 0, width, height), smallest, DEPTH), CELL)
    things = [
        cell
        for thing in _things(steps, smallest)
        for cell in pictures(_cells(small, thing, smallest, DEPTH), THING)
        if not any(2 * _shared(cell, other) > _area(cell) for other in sheet)
    ]
    found = sheet + things or pictures([_uncaptioned(steps)], CELL)
    found.sort(key=lambda box: (-_area(box), box))
    return [
        (left * factor, top * factor, right * factor, bottom * factor)
        for left, top, right, bottom in found[:MOST]
    ]


def _steps(grey: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    """Return how far the levels around each pixel lie apart."""
    kernel = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.dilate(grey, kernel) - cv2.erode(grey, kernel))


def _things(steps: "NDArray[np.uint8]", smallest: int) -> list[Box]:
    """Return the boxes of what stands on the ground."""
    plain = (steps < STEP).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(plain, connectivity=4)
    rims = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    ground = np.zeros(count, bool)
    ground[np.concatenate(rims)] = True
    ground &= stats[:, cv2.CC_STAT_AREA] >= GROUND * steps.size
    ground[0] = False  # what is not plain
    things = (~ground)[labels].astype(np.uint8)
    things = np.asarray(cv2.morphologyEx(things, cv2.MORPH_OPEN, np.ones((THICK, THICK), np.uint8)))
    _, _, stats, _ = cv2.connectedComponentsWithStats(things, connectivity=4)
    height, width = steps.shape
    found = []
    for x, y, w, h, _ in stats[1:].tolist():
        box = x + 1, y + 1, x + w - 1, y + h - 1  # the steps of an edge reach into the ground
        clear = 0 < x < width - w and 0 < y < height - h
        if min(_sides(box)) >= smallest and (clear or _area(box) < CUT_OFF * steps.size):
            found.append(box)
    return found


def _cells(grey: "NDArray[np.uint8]", box: Box, smallest: int, depth: int) -> list[Box]:
    """Return a thing, and the pictures that it is made of if it is a sheet."""
    if depth == 0 or max(_sides(box)) < 2 * smallest:
        return [box]
    left, top, right, bottom = box
    part = grey[top:bottom, left:right].astype(np.int16)
    across = _spans(np.abs(np.diff(part, axis=1)), 0, smallest)
    down = _spans(np.abs(np.diff(part, axis=0)), 1, smallest)
    if len(across) * len(down) <= 1:
        return [box]
    return [box] + [
        cell
        for first, last in down
        for start, end in across
        for cell in _cells(
            grey, (left + start, top + first, left + end, top + last), smallest, depth - 1
        )
    ]


def _spans(steps: "NDArray[np.int16]", axis: int, smallest: int) -> list[tuple[int, int]]:
    """Return the spans between lines that run through a sheet."""
    through = np.flatnonzero((steps >= CUT).mean(axis=axis) >= THROUGH) + 1
    ends = [0, *through.tolist(), steps.shape[1 - axis] + 1]
    spans = [(a, b) for a, b in pairwise(ends) if b - a >= smallest]
    return spans or [(0, ends[-1])]


def _uncaptioned(steps: "NDArray[np.uint8]") -> Box:
    """Return a picture without the bands at its top and bottom over which words are written.

    The steps of their letters are the steepest, and would be most of the features of the whole.
    """
    height, width = steps.shape
    band = height // BAND
    steep = (steps >= LETTERS).mean(axis=1)
    upper, middle, lower = steep[:band].mean(), steep[band:-band].mean(), steep[-band:].mean()
    least = 2 * middle + WRITTEN
    return 0, band * int(upper >= least), width, height - band * int(lower >= least)


def _is_picture(grey: "NDArray[np.uint8]", steps: "NDArray[np.uint8]", box: Box) -> bool:
    """Tell whether a region is about as wide as high, and a photograph."""
    if max(_sides(box)) > LONGEST * min(_sides(box)):
        return False
    left, top, right, bottom = box
    inside = steps[top:bottom, left:right]
    if ((inside >= SLOW) & (inside <= STEEP)).mean() < SOFT:
        return False
    levels = np.bincount(grey[top:bottom, left:right].ravel() // LEVELS, minlength=LEVELS)
    return bool(np.sort(levels)[-2:].sum() < FEW * inside.size)


def _sides(box: Box) -> tuple[int, int]:
    return box[2] - box[0], box[3] - box[1]


def _shared(one: Box, other: Box) -> int:
    """Return the area that lies in both boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0, width) * max(0, height)


def _area(box: Box) -> int:
    width, height = _sides(box)
    return width * height
