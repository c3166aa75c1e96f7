"""Finds the largest face of a picture and its five landmarks, in numpy.

Source: K. Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional
Networks", IEEE Signal Processing Letters 23 (2016): a net that scans a pyramid proposes boxes, a
second refines them, a third gives landmarks. Thresholds and overlaps as in its reference code.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image
from safetensors.numpy import load_file

from detectors.decode.memory import loading

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

WEIGHTS = Path(__file__).with_name("landmarks.safetensors")
CELL, STRIDE = 12, 2
"""Pixels that the first net sees at once, and between two looks."""
SHRINK = 0.709
"""Between two levels of the pyramid."""
PROPOSED, REFINED, FOUND = 0.6, 0.7, 0.7
"""Least confidence after each net."""
LONG_SIDE = 320
"""Pixels of the longer side at which faces are looked for."""
SMALLEST = 0.2
"""Face that is looked for, as part of the shorter side; smaller ones make no portrait."""
SIGHT = 24, 48
"""Pixels of what the second and third net see."""


class Face(msgspec.Struct, frozen=True):
    """A face and where its landmarks lie."""

    confidence: float
    """0..1."""
    points: tuple[tuple[float, float], ...]
    """Left eye, right eye, nose, left, right mouth corner as seen: (x, y), parts of the frame."""


def largest_face(rgb: "NDArray[np.uint8]") -> Face | None:
    """Return the largest face of a picture (height, width, 3), or None where there is none."""
    image = Image.fromarray(rgb)
    scale = LONG_SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    image = image.resize(size, _kernel(scale))
    boxes = _proposed(image)
    if len(boxes):
        score, moves, _ = _net("rnet")(_seen(image, boxes, SIGHT[0]))
        kept = score > REFINED
        boxes = _squares(_moved(boxes[kept], moves[kept]))
        boxes = boxes[_apart(boxes, score[kept], 0.7)]
    if not len(boxes):
        return None
    boxes = np.trunc(boxes)
    score, moves, marks = _net("onet")(_seen(image, boxes, SIGHT[1]))
    kept = score > FOUND
    if not kept.any():
        return None
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) * kept
    best = int(areas.argmax())
    left, top, right, bottom = boxes[best]
    xs = ((right - left + 1) * marks[best, :5] + left - 1) / image.width
    ys = ((bottom - top + 1) * marks[best, 5:] + top - 1) / image.height
    points = tuple((float(x), float(y)) for x, y in zip(xs, ys, strict=True))
    return Face(float(score[best]), points)


def _kernel(scale: float) -> Image.Resampling:
    """Return the kernel: means of areas where a picture shrinks, lines between pixels else."""
    return Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR


def _proposed(image: Image.Image) -> "Floats":
    """Return the squares (n, 4) of the first net: left, top, right, bottom, from 1 on."""
    scale = CELL / (SMALLEST * min(image.size))
    boxes: list[Floats] = [np.empty((0, 4), np.float32)]
    scores = [np.empty(0, np.float32)]
    while min(image.size) * scale >= CELL:
        size = (int(np.ceil(image.width * scale)), int(np.ceil(image.height * scale)))
        chance, moves, _ = _net("pnet")(_normal(image.resize(size, _kernel(scale)))[None])
        rows, columns = np.nonzero(chance[0] >= PROPOSED)
        corner = STRIDE * np.stack([columns, rows], 1) + 1
        found = np.trunc(np.concatenate([corner, corner + CELL - 1], 1) / scale).astype(np.float32)
        score = chance[0, rows, columns]
        kept = _apart(found, score, 0.5)
        boxes.append(_shifted(found, moves[0, rows, columns])[kept])
        scores.append(score[kept])
        scale *= SHRINK
    whole = np.concatenate(boxes)
    return np.trunc(_squares(whole[_apart(whole, np.concatenate(scores), 0.7)]))


def _normal(image: Image.Image) -> "Floats":
    """Return pixels around 0, as the nets were trained on."""
    pixels: Floats = (np.asarray(image, np.float32) - np.float32(127.5)) / np.float32(128)
    return pixels


def _seen(image: Image.Image, boxes: "Floats", side: int) -> "Floats":
    """Return the boxes' pixels (n, side, side, 3); black outside the picture."""
    cut = []
    for left, top, right, bottom in boxes.astype(int):
        part = image.crop((left - 1, top - 1, max(right, left), max(bottom, top)))
        cut.append(_normal(part.resize((side, side), _kernel(side / part.width))))
    return np.stack(cut)


def _shifted(boxes: "Floats", moves: "Floats") -> "Floats":
    """Return boxes moved by parts of their size."""
    size = (boxes[:, 2:] - boxes[:, :2])[:, [0, 1, 0, 1]]
    moved: Floats = (boxes + moves * size).astype(np.float32)
    return moved


def _moved(boxes: "Floats", moves: "Floats") -> "Floats":
    """Return boxes moved by parts of their size in whole pixels, as the second net was trained."""
    size = (boxes[:, 2:] - boxes[:, :2] + 1)[:, [0, 1, 0, 1]]
    moved: Floats = (boxes + moves * size).astype(np.float32)
    return moved


def _squares(boxes: "Floats") -> "Floats":
    """Return squares around the middles of boxes, as large as their longer sides."""
    size = boxes[:, 2:] - boxes[:, :2]
    side = size.max(1, keepdims=True, initial=0)
    start = boxes[:, :2] + size / 2 - side / 2
    return np.concatenate([start, start + side], 1)


def _apart(boxes: "Floats", scores: "Floats", overlap: float) -> list[int]:
    """Return the indices of boxes, best first, of which none covers another by more than a part."""
    areas = np.prod(boxes[:, 2:] - boxes[:, :2] + 1, axis=1)
    waiting = np.argsort(-scores, kind="stable")
    kept = []
    while waiting.size:
        first, waiting = waiting[0], waiting[1:]
        kept.append(int(first))
        low = np.maximum(boxes[first, :2], boxes[waiting, :2])
        high = np.minimum(boxes[first, 2:], boxes[waiting, 2:])
        shared = np.prod(np.maximum(0, high - low + 1), axis=1)
        waiting = waiting[shared / (areas[first] + areas[waiting] - shared) <= overlap]
    return kept


POOLS = {"pnet": ((2, 2),), "rnet": ((3, 2), (3, 2)), "onet": ((3, 2), (3, 2), (2, 2))}
"""(side, stride) after the first layers; a pool may hang over the edge where it does not fit."""


class Net:
    """One of the three nets: convolutions, then heads for confidence, box and landmarks."""

    def __init__(self, name: str, tensors: "dict[str, Floats]") -> None:
        """Take the net's tensors."""
        self._pools = POOLS[name]
        count = sum(key.startswith(name) and key.endswith("weight") for key in tensors)
        self._layers = [
            tuple(tensors[f"{name}.{i}.{part}"] for part in ("weight", "bias"))
            for i in range(count)
        ]
        self._slopes = [tensors.get(f"{name}.{i}.slope") for i in range(count)]

    def __call__(self, pixels: "Floats") -> "tuple[Floats, Floats, Floats]":
        """Return confidence, moves of the box, and landmarks (empty but for the third net)."""
        found = pixels
        heads: dict[int, Floats] = {}
        for at, ((weight, bias), slope) in enumerate(zip(self._layers, self._slopes, strict=True)):
            mapped = _rows(found, weight) @ weight + bias
            if slope is None:  # only heads have none, and each has another width
                heads[mapped.shape[-1]] = mapped
                continue
            found = np.where(mapped > 0, mapped, mapped * slope)
            if at < len(self._pools):
                found = _pooled(found, *self._pools[at])
        chance = 1 / (1 + np.exp(heads[2][..., 0] - heads[2][..., 1]))
        return chance, heads[4], heads.get(10, np.empty(0, np.float32))


def _rows(found: "Floats", weight: "Floats") -> "Floats":
    """Return what each output of a layer looks at: windows of a map, or a whole map laid out."""
    channels = found.shape[-1]
    if found.ndim == 2:  # after a dense layer
        return found
    if len(weight) == found[0].size:
        return found.transpose(0, 2, 1, 3).reshape(len(found), -1)
    side = round((len(weight) / channels) ** 0.5)
    windows = sliding_window_view(found, (side, side), axis=(1, 2))
    rows: Floats = windows.transpose(0, 1, 2, 4, 5, 3).reshape(*windows.shape[:3], -1)
    return rows


def _pooled(found: "Floats", side: int, stride: int) -> "Floats":
    """Return the greatest of each window; the last may hang over the edge."""
    rows, columns = (-(-max(n - side, 0) // stride) * stride + side for n in found.shape[1:3])
    wide = np.full((len(found), rows, columns, found.shape[3]), -np.inf, np.float32)
    wide[:, : found.shape[1], : found.shape[2]] = found[:, :rows, :columns]
    windows = sliding_window_view(wide, (side, side), axis=(1, 2))[:, ::stride, ::stride]
    pooled: Floats = windows.max((-2, -1))
    return pooled


@cache
def _net(name: str) -> Net:
    """Return a net, read once a process."""
    with loading():
        return Net(name, load_file(WEIGHTS))


def landmarks(face: Face) -> tuple[float, ...]:
    """Return x, y of the five landmarks, one after the other: the first four are the eyes'."""
    return tuple(value for point in face.points for value in point)


BLOCKS = 6, 8
"""Blocks of the encoder whose class tokens a probe reads: the middle and the end tell apart what
either does not."""


def features(tokens: "Floats") -> "Floats":
    """Return what a probe reads (…, 1536) of class tokens (…, 8, 768)."""
    read: Floats = np.concatenate([tokens[..., block - 1, :] for block in BLOCKS], axis=-1)
    return read


class Probe:
    """What the pixels of a portrait say, by a linear probe on the encoder."""

    def __init__(self, folder: Path) -> None:
        """Read the weights of a model's folder."""
        tensors = load_file(folder / "weights.safetensors")
        self._weight = tensors["weight"].astype(np.float64)
        self._bias = float(tensors["bias"][0])

    def __call__(self, tokens: "Floats") -> float:
        """Return the log odds of a generated portrait, from class tokens (8, 768)."""
        return float(self.odds(features(tokens)))

    def odds(self, read: "Floats") -> "NDArray[np.float64]":
        """Return the log odds (…,) of what a probe reads (…, 1536)."""
        odds: NDArray[np.float64] = read.astype(np.float64) @ self._weight + self._bias
        return odds
