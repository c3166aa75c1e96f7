"""Perceptual hashes of a picture's brightness: PDQ, its scale-stable sister, pHash and dHash."""

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SIDE: Final = 64
"""PDQ, step 3: the brightness is sampled on 64 x 64 points."""
WAVES: Final = 16
"""PDQ, step 5: waves 1 to 16 of each axis, so 256 bits."""
BITS: Final = WAVES * WAVES
POINTS: Final = 8
"""Points of an axis that are sampled at once: each sees a few pixels, their neighbours the same."""
ROWS: Final = 128
"""Rows that are sampled at once: they stay in the processor's cache."""
ORIENTATIONS: Final = (
    "upright",
    "mirrored",
    "flipped",
    "turned_180",
    "transposed",
    "turned_90",
    "turned_270",
    "transversed",
)
"""What was done to the picture, in the order of `dihedral`; quarter turns anticlockwise."""


class Spectrum(msgspec.Struct, frozen=True):
    """The low waves of a picture, before they become bits."""

    waves: "NDArray[np.float32]"
    """(16, 16): row is the vertical wave number less one, column the horizontal one."""
    quality: int
    """0..100, how much of the picture is gradient; under 50 a hash of it says little."""


def pdq(luma: "NDArray[np.float32]", /) -> Spectrum:
    """Return the spectrum that PDQ is the sign pattern of.

    Equal to the bit to the reference implementation on the same pixels: all its steps up to the
    waves are linear, so each axis is one matrix, made once a side length.

    Args:
        luma: (height, width), 0..255.

    Source: "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", Facebook
    2019, and pdq/cpp/hashing of facebook/ThreatExchange.
    """
    return _spectrum(luma, _decimation)


def pdq64(luma: "NDArray[np.float32]", /) -> Spectrum:
    """Return the spectrum of `pdq64.v1`: as PDQ, but of exact area means on 64 x 64 cells.

    PDQ's window grows in whole pixels, so that a hash moves with the size of the picture; means
    over exact cells do not. Bits are not to be compared with PDQ's.

    Args:
        luma: (height, width), 0..255.
    """
    return _spectrum(luma, _cells)


def _spectrum(
    luma: "NDArray[np.float32]", matrix: "Callable[[int], NDArray[np.float32]]"
) -> Spectrum:
    height, width = luma.shape
    luma = luma.astype(np.float32, copy=False)
    across = np.empty((height, SIDE), np.float32)
    for top in range(0, height, ROWS):
        rows = slice(top, top + ROWS)
        for points, part, weights in _bands(matrix, width):
            np.matmul(luma[rows, part], weights.T, out=across[rows, points])
    small = np.empty((SIDE, SIDE), np.float32)
    for points, part, weights in _bands(matrix, height):
        np.matmul(weights, across[part], out=small[points])
    return Spectrum(np.asarray(_dct() @ small @ _dct().T, np.float32), _quality(small))


@lru_cache(maxsize=256)
def _bands(
    matrix: "Callable[[int], NDArray[np.float32]]", length: int
) -> "list[tuple[slice, slice, NDArray[np.float32]]]":
    """Return the matrix of an axis in parts without most of its zeros: points, pixels, weights."""
    whole, found = matrix(length), []
    for first in range(0, SIDE, POINTS):
        points = slice(first, first + POINTS)
        seen = np.flatnonzero(whole[points].any(axis=0))
        pixels = slice(int(seen[0]), int(seen[-1]) + 1)
        found.append((points, pixels, np.ascontiguousarray(whole[points, pixels])))
    return found


def bits(waves: "NDArray[np.float32]", /) -> "NDArray[np.uint8]":
    """Return the 256 bits of a spectrum, or of many: 32 bytes, most significant first, as in hex.

    A bit is set where its wave is above the lower median (the 128th smallest) of all 256.

    Args:
        waves: (..., 16, 16).

    Returns:
        (..., 32).
    """
    flat = waves.reshape(*waves.shape[:-2], BITS)
    median = np.partition(flat, BITS // 2 - 1, axis=-1)[..., BITS // 2 - 1 : BITS // 2]
    return np.packbits((flat > median)[..., ::-1], axis=-1)


def dihedral(waves: "NDArray[np.float32]", /) -> "NDArray[np.float32]":
    """Return the spectra of the picture mirrored and turned in all eight ways, without its pixels.

    A mirror changes the sign of the odd waves across it; a quarter turn also swaps the axes.

    Args:
        waves: (..., 16, 16).

    Returns:
        (..., 8, 16, 16), in the order of `ORIENTATIONS`.
    """
    signs = np.where(np.arange(1, WAVES + 1) % 2 == 1, -1, 1).astype(np.float32)
    across, down = waves * signs, waves * signs[:, None]
    both = across * signs[:, None]
    turned = [np.swapaxes(each, -1, -2) for each in (waves, across, down, both)]
    return np.stack([waves, across, down, both, *turned], axis=-3)


def distances(one: "NDArray[np.uint8]", many: "NDArray[np.uint8]", /) -> "NDArray[np.int64]":
    """Return the differing bits of hashes.

    Args:
        one: (m, bytes).
        many: (n, bytes); bytes a multiple of 8.

    Returns:
        (m, n).
    """
    left, right = (np.ascontiguousarray(each).view(np.uint64) for each in (one, many))
    counts: NDArray[np.int64] = np.bitwise_count(left[:, None] ^ right[None]).sum(
        -1, dtype=np.int64
    )
    return counts


def phash(grey: "NDArray[np.uint8]", /) -> str:
    """Return the 64-bit pHash as 16 hex digits, equal to `imagehash.phash`.

    Args:
        grey: (height, width), 0..255, as Pillow's mode L.
    """
    small = _shrunk(grey, 32, 32).astype(np.float64)
    cosines = np.cos(np.pi / 64 * np.outer(np.arange(8), 2 * np.arange(32) + 1)) * 2
    low = np.round(cosines @ small @ cosines.T, 6)  # waves of a symmetric picture are exactly 0
    return np.packbits(low > np.median(low)).tobytes().hex()


def dhash(grey: "NDArray[np.uint8]", /) -> str:
    """Return the 64-bit difference hash as 16 hex digits, equal to `imagehash.dhash`.

    Args:
        grey: (height, width), 0..255, as Pillow's mode L.
    """
    small = _shrunk(grey, 9, 8)
    return np.packbits(small[:, 1:] > small[:, :-1]).tobytes().hex()


def _shrunk(grey: "NDArray[np.uint8]", width: int, height: int) -> "NDArray[np.uint8]":
    resized = Image.fromarray(grey).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(resized)


def _quality(small: "NDArray[np.float32]") -> int:
    """Return PDQ's quality of 64 x 64 means: whole-number gradients, summed, over 90."""
    total = 0
    for axis in (0, 1):
        total += int(np.abs(np.trunc(np.diff(small, axis=axis) * 100 / 255)).sum())
    return min(100, total // 90)


@lru_cache(maxsize=1)
def _dct() -> "NDArray[np.float32]":
    """Return the (16, 64) cosine matrix, waves 1 to 16."""
    angles = np.outer(np.arange(1, WAVES + 1), 2 * np.arange(SIDE) + 1) * (np.pi / (2 * SIDE))
    return np.asarray(np.sqrt(2 / SIDE) * np.cos(angles), dtype=np.float32)


def _decimation(length: int) -> "NDArray[np.float32]":
    """Return PDQ's filter of one axis: two box passes, then every (length / 64)th sample."""
    window = (length + 2 * SIDE - 1) // (2 * SIDE)
    right = (window + 2) // 2 - 1
    left = window - (window + 2) // 2
    places = np.arange(length)
    low = np.maximum(0, places - left)
    high = np.minimum(length - 1, places + right) + 1
    share = 1 / (high - low)
    sampled = ((np.arange(SIDE) + 0.5) * length / SIDE).astype(int)
    inside = (places >= low[sampled, None]) & (places < high[sampled, None])
    weighted = inside * share[sampled, None] * share
    steps = np.zeros((SIDE, length + 1))
    rows = np.arange(SIDE)[:, None]
    np.add.at(steps, (rows, low[None]), weighted)
    np.add.at(steps, (rows, high[None]), -weighted)
    return np.cumsum(steps, axis=1)[:, :-1].astype(np.float32)


def _cells(length: int) -> "NDArray[np.float32]":
    """Return the exact means over 64 equal cells of one axis."""
    edges = np.arange(SIDE + 1) * (length / SIDE)
    places = np.arange(length)
    upper = np.minimum(edges[1:, None], places + 1)
    lower = np.maximum(edges[:-1, None], places)
    return np.asarray(np.clip(upper - lower, 0, None) * (SIDE / length), dtype=np.float32)
