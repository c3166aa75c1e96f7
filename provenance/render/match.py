"""A match drawn: the picture, the entry's small copy, what joins them, and how well they agree."""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np  # noqa: TID253 - this module is imported where something is drawn
from PIL import Image, ImageDraw, ImageFont  # noqa: TID253

from provenance.render.words import Words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.decode.picture import Picture
    from provenance.banking.matched import Alignment

PANEL: Final = 384
"""Pixels of a panel's side."""
GAP: Final = 16
HEAD: Final = 26
LINE: Final = 20
TEXT: Final = 14
MOST_LINES: Final = 40
"""Pairs of features that are joined; more would hide the pictures."""
WHITE: Final = (255, 255, 255)
INK: Final = (20, 20, 24)
PALE: Final = (228, 228, 232)
BLUE: Final = (0, 90, 181)
ORANGE: Final = (220, 50, 32)
"""The ends of the scale, which the colour-blind tell apart; and each tile bears its number."""
JOINED: Final = (255, 194, 10)
STRENGTH: Final = 0.55
"""Of a tile's colour over the picture."""

Spot = tuple[float, float]


def draw(
    picture: "Picture", found: "Alignment", captions: Sequence[str], words: Words
) -> Image.Image:
    """Build a drawing of a match, 3 panels wide, with captions under it.

    Args:
        picture: that matched.
        found: how it lies over the entry.
        captions: lines of text; long ones are wrapped.
        words: says what stands beside the pictures.
    """
    here = _fitted(Image.fromarray(picture.rgb))
    entry = found.entry
    lines = [part for caption in captions for part in _wrapped(caption)]
    width = 3 * PANEL + 4 * GAP
    canvas = Image.new("RGB", (width, HEAD + PANEL + 2 * GAP + LINE * len(lines) + GAP), WHITE)
    pen = ImageDraw.Draw(canvas)
    corners = [(GAP + number * (PANEL + GAP), HEAD + GAP) for number in range(3)]
    say = words.word
    _panel(canvas, corners[0], say("drawing.picture"), here)
    if entry is None:
        _panel(canvas, corners[1], say("drawing.entry"), None, say("drawing.hashes_alone"))
        _panel(canvas, corners[2], say("drawing.agreement"), None, say("drawing.no_copy"))
    else:
        copy = _fitted(Image.fromarray(entry.grey).convert("RGB"))
        _panel(canvas, corners[1], say("drawing.copy", pixels=max(entry.grey.shape)), copy)
        if found.geometry is None:
            _panel(canvas, corners[2], say("drawing.agreement"), None, say("drawing.no_overlay"))
        else:
            _panel(canvas, corners[2], say("drawing.tiles"), _tiled(found, copy))
            _join(pen, corners, (here.size, copy.size), found)
    for number, line in enumerate(lines):
        at = (GAP, HEAD + PANEL + 2 * GAP + LINE * number)
        pen.text(at, line, INK, _font(TEXT))
    return canvas


def _panel(
    canvas: Image.Image,
    corner: tuple[int, int],
    title: str,
    image: Image.Image | None,
    word: str = "",
) -> None:
    """Put a titled picture, or a word where there is none."""
    pen = ImageDraw.Draw(canvas)
    left, top = corner
    pen.text((left, top - HEAD), title, INK, _font(TEXT))
    if image is not None:
        canvas.paste(image, corner)
        return
    pen.rectangle((left, top, left + PANEL - 1, top + PANEL - 1), PALE)
    pen.text((left + GAP, top + PANEL // 2), word, INK, _font(TEXT))


def _join(
    pen: ImageDraw.ImageDraw,
    corners: Sequence[tuple[int, int]],
    shown: tuple[tuple[int, int], tuple[int, int]],
    found: "Alignment",
) -> None:
    """Frame what the two pictures share, and join the features that agree closely."""
    picture, entry, laid = found.upright, found.entry, found.geometry
    if entry is None or laid is None:
        return

    def here(points: "NDArray[np.float64]") -> list[Spot]:
        turned = np.array([picture.size[0] - 1, 0]) + points * [-1, 1] if found.mirrored else points
        return _placed(turned, picture.size, shown[0], corners[0])

    def there(points: "NDArray[np.float64]") -> list[Spot]:
        return _placed(points, entry.size, shown[1], corners[1])

    matrix = np.vstack([laid.transform, [0, 0, 1]])
    _frame(pen, here(_moved(_corners(entry.size), np.linalg.inv(matrix))), corners[0], shown[0])
    _frame(pen, there(_moved(_corners(picture.size), matrix)), corners[1], shown[1])
    step = max(1, math.ceil(len(laid.here) / MOST_LINES))
    order = np.argsort(laid.there[:, 1], kind="stable")[::step]
    for a, b in zip(
        here(laid.here[order].astype(float)), there(laid.there[order].astype(float)), strict=True
    ):
        pen.line((*a, *b), JOINED, 1)
        for x, y in (a, b):
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), JOINED, INK)


def _frame(
    pen: ImageDraw.ImageDraw, spots: list[Spot], corner: tuple[int, int], size: tuple[int, int]
) -> None:
    """Outline what the other picture covers, inside this one."""
    low, high = corner, (corner[0] + size[0] - 1, corner[1] + size[1] - 1)
    inside = [
        (min(max(x, low[0] + 1), high[0] - 1), min(max(y, low[1] + 1), high[1] - 1))
        for x, y in spots
    ]
    pen.line([*inside, inside[0]], BLUE, 3, joint="curve")


def _tiled(found: "Alignment", copy: Image.Image) -> Image.Image:
    """Return the small copy with each tile coloured by its correlation, and the number in it."""
    entry, laid = found.entry, found.geometry
    if entry is None or laid is None:
        return copy
    tint = copy.copy()
    pen = ImageDraw.Draw(tint)
    side = found.tile * copy.width / entry.grey.shape[1]
    boxes = {
        (row, column): (column * side, row * side, (column + 1) * side - 1, (row + 1) * side - 1)
        for row, column in np.argwhere(~np.isnan(laid.tiles)).tolist()
    }
    for (row, column), box in boxes.items():
        pen.rectangle(box, _colour(float(laid.tiles[row, column])))
    mixed = Image.blend(copy, tint, STRENGTH)
    pen = ImageDraw.Draw(mixed)
    for (row, column), box in boxes.items():
        middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        word = f"{round(100 * float(laid.tiles[row, column]))}"
        pen.text(middle, word, WHITE, _font(12), anchor="mm", stroke_width=2, stroke_fill=INK)
    return mixed


def _colour(value: float) -> tuple[int, int, int]:
    """Return orange for none, blue for full correlation."""
    part = min(1.0, max(0.0, value))
    red, green, blue = (
        round(low + part * (high - low)) for low, high in zip(ORANGE, BLUE, strict=True)
    )
    return red, green, blue


def _corners(size: tuple[int, int]) -> "NDArray[np.float64]":
    width, height = size[0] - 1, size[1] - 1
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], float)


def _moved(points: "NDArray[np.float64]", matrix: "NDArray[np.float64]") -> "NDArray[np.float64]":
    moved: NDArray[np.float64] = points @ matrix[:2, :2].T + matrix[:2, 2]
    return moved


def _placed(
    points: "NDArray[np.float64]",
    of: tuple[int, int],
    shown: tuple[int, int],
    corner: tuple[int, int],
) -> list[Spot]:
    """Return points of a picture where they are on the canvas."""
    scale = shown[0] / of[0]
    return [(corner[0] + x * scale, corner[1] + y * scale) for x, y in points.tolist()]


def _fitted(image: Image.Image) -> Image.Image:
    """Return a picture as large as a panel takes it."""
    scale = PANEL / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.BICUBIC)


def _wrapped(text: str) -> Iterable[str]:
    """Yield a caption in lines that fit."""
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and _font(TEXT).getlength(longer) > 3 * PANEL + 2 * GAP:
            yield line
            longer = word
        line = longer
    yield line


def _font(size: int) -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    return ImageFont.load_default(size)
