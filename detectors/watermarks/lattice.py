"""The marks of dwtDct (invisible-watermark 0.2.0) in pixels, with a p-value that holds.

The encoder takes U of a picture, the low band of a Haar transform of it, and blocks of 4 x 4 of
that (8 x 8 pixels), row by row. Block n carries bit n mod L of a message of L bits: of its largest
value but the first, the part below a multiple of 36 becomes 9 for a 0 and 27 for a 1.

Bits that agree are no measure: in a grey picture all bits are equal. What is asked is how well the
message agrees with this picture beside a random message (Chernoff's bound, exact for any picture).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from detectors.decode.opencv import cv2
from detectors.watermarks.table import Message

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bytes = NDArray[np.uint8]

STEP: Final = 36.0
"""Of the lattice, in values of the low band."""
BLOCK: Final = 4
LEAST_PIXELS: Final = 2**16
"""The encoder marks no smaller picture."""
UNBLUR: Final = np.float32(np.sqrt(2)) * np.float32(np.sqrt(8) - 3) ** np.abs(
    np.arange(-4, 5)
).astype(np.float32)
"""Undoes [1/8, 3/4, 1/8], which the chroma upsampling of JPEG and WebP puts on means of 2 x 2."""
TILTS: Final = np.geomspace(0.5, 1e5, 120)
"""Values of h, all above 0, over which the bound is taken; each of them gives one that holds."""
PLANES: Final = 6
GATE: Final = 1e-5
"""Highest corrected p-value of a finding."""
LEAST_MEAN: Final = 0.02
"""Least mean agreement of a bit, 0 to 1."""
OFFSETS: Final = 8
WINDOW: Final = 512
"""Pixels of the middle of a picture by which offsets of a moved lattice are told."""
TRIED: Final = 2
"""Offsets that are tried."""


class Found(NamedTuple):
    """A message in a picture."""

    message: Message
    p_value: float
    """Chance that a random message agrees as well, corrected for all that was tried."""
    matching_bits: int
    plane: str


def found(rgb: "Bytes", messages: Sequence[Message], *, moved: bool) -> Found | None:
    """Return the message in a picture, None where there is none beyond doubt.

    Args:
        rgb: (height, width, 3), every pixel of the picture, transparency ignored.
        messages: that are known.
        moved: whether it is also looked for off the grid, as after a cut.
    """
    best: Found | None = None
    bgr = np.asarray(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR), np.uint8)
    chromas = {kind: _chroma(bgr, kind) for kind in ("float", "bytes")}
    for name, plane, kind in _planes(chromas):
        values = _values(plane)
        for message in messages:
            if message.input == kind:
                best = _better(best, _agreement(message, values.ravel(), name))
    if best is None and moved:
        best = _moved(chromas, messages)
    return best


def _better(one: Found | None, other: Found | None) -> Found | None:
    return min((each for each in (one, other) if each), key=lambda each: each.p_value, default=None)


def _chroma(bgr: "Bytes", kind: str) -> "NDArray[np.float32]":
    """Return U as a program has it that hands the encoder bytes, or floats."""
    handed = bgr if kind == "bytes" else bgr.astype(np.float32)
    plane: NDArray[np.float32] = cv2.extractChannel(
        cv2.cvtColor(handed, cv2.COLOR_BGR2YUV), 1
    ).astype(np.float32, copy=False)
    return plane


def _low(chroma: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Return the low band of the Haar transform: half the sum of 2 x 2."""
    height, width = (side // 4 * 4 for side in chroma.shape)
    cut = chroma[:height, :width]
    low = (cut[::2, ::2] + cut[1::2, ::2] + cut[::2, 1::2] + cut[1::2, 1::2]) / np.float32(2)
    return np.asarray(low, np.float32)


def _planes(
    chromas: "Mapping[str, NDArray[np.float32]]",
) -> Iterator[tuple[str, "NDArray[np.float32]", str]]:
    """Yield what may be a marked low band: as it is, unblurred, of a picture of twice the size."""
    for kind, chroma in chromas.items():
        low = _low(chroma)
        yield f"{kind}", low, kind
        sharp = cv2.sepFilter2D(low, cv2.CV_32F, UNBLUR, UNBLUR, borderType=cv2.BORDER_REPLICATE)
        yield f"{kind}, unblurred", np.asarray(sharp, np.float32), kind
        yield f"{kind}, half size", np.asarray(2 * chroma, np.float32), kind


def _largest(plane: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Return of each block its largest value but the first, (rows, columns)."""
    rows, columns = (side // BLOCK for side in plane.shape)
    lines = np.abs(plane[: rows * BLOCK, : columns * BLOCK]).reshape(rows, BLOCK, -1)
    lower = lines[:, 1:].max(axis=1)
    parts = [lower[:, ::BLOCK]]
    for at in range(1, BLOCK):
        parts += [lower[:, at::BLOCK], lines[:, 0, at::BLOCK]]
    return np.asarray(np.maximum.reduce(parts), np.float32)


def _values(plane: "NDArray[np.float32]") -> "Floats":
    """Return how each block stands to the lattice: 1 for a 1, -1 for a 0, (rows, columns)."""
    values: Floats = -np.sin(2 * np.pi / STEP * _largest(plane).astype(np.float64))
    return values


def _agreement(message: Message, values: "Floats", plane: str) -> Found | None:
    """Return the message if it agrees with the values of the blocks, in their order."""
    length = len(message.signs)
    if len(values) < length:
        return None
    place = np.arange(len(values)) % length
    means = np.bincount(place, values, length) / np.bincount(place, minlength=length)
    apart = _centred(message, means)
    score = float(message.signs @ apart)
    p = _bound(apart, score) * PLANES / message.share
    if p > GATE or score / length < LEAST_MEAN:
        return None
    return Found(message, p, int((apart * message.signs > 0).sum()), plane)


def _centred(message: Message, means: "Floats") -> "Floats":
    """Return the means without what all bits share; of a text, those of one place in a byte.

    ASCII has a period of eight bits, which a pattern of 64 pixels shares.
    """
    if not message.is_text:
        apart: Floats = means - means.mean()
        return apart
    by_place = means.reshape(-1, 8)
    return np.asarray(by_place - by_place.mean(axis=0), np.float64).ravel()


def _bound(apart: "Floats", score: float) -> float:
    """Return a bound on the chance that a random message has this score: min exp(K(h) - h t).

    Args:
        apart: (L,), the centred means.
        score: their sum with the signs of a message.
    """
    if score <= 0:
        return 1.0
    tilted = np.abs(TILTS[:, None] * apart)
    cumulant = (tilted + np.log1p(np.exp(-2 * tilted)) - np.log(2)).sum(axis=1)
    return float(np.exp(np.minimum(0, (cumulant - TILTS * score).min())))


def _moved(
    chromas: "Mapping[str, NDArray[np.float32]]", messages: Sequence[Message]
) -> Found | None:
    """Return the message in a picture whose lattice begins elsewhere: cut, or within a screen."""
    best: Found | None = None
    for kind, chroma in chromas.items():
        wanted = [each for each in messages if each.input == kind and each.moved]
        for down, across in _offsets(chroma) if wanted else ():
            values = _values(_low(chroma[down:, across:]))
            for message in wanted:
                best = _better(best, _anywhere(message, values, f"{kind}, moved"))
    return best


def _offsets(chroma: "NDArray[np.float32]") -> list[tuple[int, int]]:
    """Return where the lattice may begin, the likeliest first, by how near values lie to it."""
    height, width = chroma.shape
    top, left = (max(0, (side - WINDOW) // 2) // OFFSETS * OFFSETS for side in (height, width))
    middle = chroma[top : top + WINDOW + OFFSETS, left : left + WINDOW + OFFSETS]
    lows = {(y, x): _low(middle[y:, x:]) for y in (0, 1) for x in (0, 1)}
    scores = []
    for down in range(OFFSETS):
        for across in range(OFFSETS):
            low = lows[down % 2, across % 2][down // 2 :, across // 2 :]
            score = -float(np.cos(4 * np.pi / STEP * _largest(low)).mean())
            scores.append((score, down, across))
    return [(down, across) for _, down, across in sorted(scores, reverse=True)[:TRIED]]


def _anywhere(message: Message, values: "Floats", plane: str) -> Found | None:
    """Return the message if it agrees for any number of blocks a row, and any block to begin at.

    Args:
        message: that is looked for.
        values: (rows, columns) of the blocks.
        plane: what they are of.
    """
    length = len(message.signs)
    if values.size < length:
        return None
    means = _means(values, length)
    apart = means - means.mean(axis=1, keepdims=True)
    wave = np.conj(np.fft.rfft(message.signs))
    scores = np.fft.irfft(np.fft.rfft(apart) * wave, length)
    worth = scores.max(axis=1) / np.maximum(np.linalg.norm(apart, axis=1), np.finfo(float).tiny)
    stride = int(worth.argmax())
    if worth[stride] <= 0:
        return None
    means = np.roll(means[stride], -int(scores[stride].argmax()))
    apart = _centred(message, means)
    score = float(message.signs @ apart)
    p = _bound(apart, score) * TRIED * PLANES * OFFSETS**2 * length**2 / message.share
    if p > GATE or score / length < LEAST_MEAN:
        return None
    return Found(message, p, int((apart * message.signs > 0).sum()), plane)


def _means(values: "Floats", length: int) -> "Floats":
    """Return the means of the blocks of each bit, (L, L), for any number of blocks a row, mod L.

    With s blocks a row, block (r, c) has place c + r s mod L. A row that is moved by r s turns its
    k-th wave by r s k / L, so that all sums over rows stand in one Fourier transform of both axes:
    those of s at the waves (s k mod L, k).
    """
    rows, columns = values.shape
    folded = np.zeros((2, -(-rows // length) * length, -(-columns // length) * length))
    folded[0, :rows, :columns] = values
    folded[1, :rows, :columns] = 1
    folded = folded.reshape(2, -1, length, folded.shape[2] // length, length).sum(axis=(1, 3))
    waves = np.fft.fft(np.fft.rfft(folded), axis=1)
    across = np.arange(waves.shape[2])
    turned = waves[:, np.arange(length)[:, None] * across % length, across]
    sums, counts = np.fft.irfft(turned, length)
    means: Floats = sums / np.maximum(1, np.rint(counts))
    return means
