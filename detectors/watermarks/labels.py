"""Labels that programs paste into pictures, looked for where they paste them and nowhere else.

A label is compared with the fine detail of the picture's brightness, each part of it scaled to the
same contrast: so texture that happens to be bright there does not look like it. The place is known
to the pixel; a free search of places and sizes is what makes others find labels in reflections.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from detectors.decode.opencv import cv2

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

HERE: Final = Path(__file__).parent
SPARKLES: Final = ((48, 32), (96, 64), (96, 192))
"""Side of Gemini's sparkle, and its distance from the right and the lower edge, in pixels."""
SPARKLE_SIGMA: Final = 1 / 48
"""Of the detail that is compared, in sides."""
DOUBAO_SIDE: Final = 2048
"""Shorter side of the picture for which the size and the place of Doubao's label are given."""
DOUBAO_EDGES: Final = (34, 41)
"""Its distance from the right and the lower edge there."""
DOUBAO_SCALES: Final = (0.85, 0.9, 0.95, 1.0, 1.05, 1.11, 1.18)
"""Sizes that are tried, since it is not always scaled alike."""
DOUBAO_SIGMA: Final = 3.0
SLACK: Final = {"gemini-sparkle": 1, "doubao-label": 2}
"""Pixels by which a label may be shifted."""
QUIET: Final = 2.0
"""Added to the contrast of a part, in levels of brightness: plain parts are not scaled up."""
ELSEWHERE: Final = 64
"""Other places of the same picture that a score is compared with."""
LEAST_Z: Final = 8.0
"""Standard deviations by which it has to stand out of them."""


class Gate(NamedTuple):
    """From which score on a label is found, and how often that is wrong."""

    score: float
    p_value: float
    """Three over the clean places that were tried without an error (95 %)."""


GATES: Final = {
    "gemini-sparkle": Gate(0.20, 3 / 19_296),
    "doubao-label": Gate(0.45, 9e-4),
}


class Label(NamedTuple):
    """A label in a picture."""

    scheme: str
    score: float
    """Normalised correlation, -1 to 1."""
    z: float
    box: tuple[int, int, int, int]
    """Left, top, width and height."""

    @property
    def p_value(self) -> float:
        """How often a clean picture gives such a finding at most."""
        return GATES[self.scheme].p_value


class Place(NamedTuple):
    """A label where it would be pasted."""

    detail: "Floats"
    """Fine detail of the label at its size."""
    sigma: float
    """Scale of the detail, in pixels."""
    box: tuple[int, int, int, int]
    """Left, top, width and height."""


def found(luma: "Floats") -> Iterator[Label]:
    """Yield the labels in a picture.

    Args:
        luma: (height, width), 0..255.
    """
    for scheme, places in (("gemini-sparkle", _sparkles(luma)), ("doubao-label", _doubaos(luma))):
        scored = [(_agreement(luma, place, place.box, SLACK[scheme]), place) for place in places]
        if not scored:
            continue
        here, place = max(scored, key=lambda pair: round(pair[0], 3))
        if (score := round(here, 3)) < GATES[scheme].score:
            continue  # most pictures: other places of theirs need no look
        z = round(_standing_out(luma, place, here), 1)
        if z >= LEAST_Z:
            yield Label(scheme, score, z, place.box)


def _sparkles(luma: "Floats") -> Iterator[Place]:
    height, width = luma.shape
    for side, edge in SPARKLES:
        left, top = width - edge - side, height - edge - side
        if min(left, top) >= side:
            yield _place("sparkle.png", side * SPARKLE_SIGMA, (left, top, side, side))


def _doubaos(luma: "Floats") -> Iterator[Place]:
    height, width = luma.shape
    whole = _map("doubao.png")
    for scale in DOUBAO_SCALES:
        factor = scale * min(height, width) / DOUBAO_SIDE
        tall, wide = (max(1, round(factor * side)) for side in whole.shape)
        left, top = (
            width - round(factor * DOUBAO_EDGES[0]) - wide,
            height - round(factor * DOUBAO_EDGES[1]) - tall,
        )
        if min(left, top) > tall > DOUBAO_SIGMA:
            yield _place("doubao.png", DOUBAO_SIGMA, (left, top, wide, tall))


def _place(name: str, sigma: float, box: tuple[int, int, int, int]) -> Place:
    """Return a label at a place."""
    return Place(_detail(scaled(name, *box[2:]), sigma), sigma, box)


def _standing_out(luma: "Floats", place: Place, here: float) -> float:
    """Return how many deviations a label agrees better at its place than at others."""
    others = [_agreement(luma, place, other, 0) for other in _elsewhere(luma, place.box)]
    spread = float(np.std(others)) if others else 0.0
    return (here - float(np.mean(others))) / spread if spread else 0.0


def _agreement(luma: "Floats", place: Place, box: tuple[int, int, int, int], slack: int) -> float:
    """Return the best normalised correlation with a label within a few pixels of a box."""
    sigma, (left, top, wide, tall) = place.sigma, box
    room = round(6 * sigma) + slack + 1
    height, width = luma.shape
    y, x = max(0, top - room), max(0, left - room)
    part = luma[y : min(height, top + tall + room), x : min(width, left + wide + room)]
    even = _evened(part, sigma)
    y0, x0 = max(0, top - y - slack), max(0, left - x - slack)
    around = even[y0 : top - y + tall + slack, x0 : left - x + wide + slack]
    return float(cv2.matchTemplate(around, place.detail, cv2.TM_CCOEFF_NORMED).max())


def _elsewhere(
    luma: "Floats", box: tuple[int, int, int, int]
) -> Iterator[tuple[int, int, int, int]]:
    """Yield other places of a picture on a grid, none of which overlaps the label's."""
    left, top, wide, tall = box
    height, width = luma.shape
    steps = round(ELSEWHERE**0.5)
    for y in np.linspace(0, height - tall, steps).astype(int).tolist():
        for x in np.linspace(0, width - wide, steps).astype(int).tolist():
            if y + tall <= top or x + wide <= left:
                yield x, y, wide, tall


def _evened(part: "Floats", sigma: float) -> "Floats":
    """Return the fine detail of a part, scaled to the same contrast all over."""
    fine = part - cv2.GaussianBlur(part, (0, 0), sigma)
    contrast = np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), 2 * sigma))
    even: Floats = (fine / (contrast + np.float32(QUIET))).astype(np.float32)
    return even


def _detail(opacity: "Floats", sigma: float) -> "Floats":
    """Return the fine detail of a label."""
    room = round(3 * sigma) + 1
    wide = cv2.copyMakeBorder(opacity, room, room, room, room, cv2.BORDER_CONSTANT, value=0.0)
    fine: Floats = (wide - cv2.GaussianBlur(wide, (0, 0), sigma))[room:-room, room:-room]
    return np.ascontiguousarray(fine, dtype=np.float32)


@lru_cache(maxsize=2)
def _map(name: str) -> "Floats":
    """Return how opaque a label is, 0..1."""
    from PIL import Image

    with Image.open(HERE / name) as image:
        return np.asarray(image, np.float32) / np.float32(255)


def scaled(name: str, wide: int, tall: int) -> "Floats":
    """Return how opaque a label is at a size, 0..1."""
    smaller = cv2.resize(_map(name), (wide, tall), interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.float32)
