"""Matrices in four bits: how both frozen backbones lie in their weights files.

A packed matrix NAME is three tensors: `NAME.q` (out, in / 2) uint8, whose low halves hold the first
16 of each 32 inputs; `NAME.scale` and `NAME.min` (out, in / 32) float16. W = q * scale + min.
Everything else is float16.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

GROUP = 32
"""Neighbouring inputs that share a scale and a minimum."""
LEVELS = 15
"""Highest 4-bit integer."""
SHRINKS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75)
"""Parts of a group's range tried as the range of its grid; the least squared error wins."""
HIGHEST = 127
"""Highest 8-bit integer; two neighbours that sum to it may both be rounded up, to 128."""
ROWS = 256
"""Rows packed at once: bounds memory."""
NUMBERS = 2**18
"""Numbers that are rounded at once: as 32-bit floats they fit into a core's cache."""


def pack(matrix: "Floats") -> "tuple[NDArray[np.uint8], NDArray[np.float16], NDArray[np.float16]]":
    """Return a matrix (out, in) as 4-bit integers, scales and minima: W = q * scale + minimum."""
    parts = [_pack(matrix[row : row + ROWS]) for row in range(0, len(matrix), ROWS)]
    whole, scale, low = (np.concatenate(part) for part in zip(*parts, strict=True))
    half = GROUP // 2
    return (
        (whole[:, :, :half] | whole[:, :, half:] << 4).reshape(len(matrix), -1),
        scale.astype(np.float16),
        low.astype(np.float16),
    )


def _pack(rows: "Floats") -> "tuple[NDArray[np.uint8], NDArray[np.float16], NDArray[np.float16]]":
    """Return (rows, groups, 32) integers, and the scale and minimum of each group."""
    groups = rows.reshape(len(rows), -1, GROUP)
    centre = (groups.max(-1) + groups.min(-1)) / 2
    width = groups.max(-1) - groups.min(-1)
    best = np.full(centre.shape, np.inf, np.float32)
    whole = np.zeros(groups.shape, np.uint8)
    scale, low = np.zeros_like(centre, np.float16), np.zeros_like(centre, np.float16)
    for shrink in SHRINKS:
        step = np.maximum(width * shrink / LEVELS, np.finfo(np.float16).tiny).astype(np.float16)
        least = (centre - width * shrink / 2).astype(np.float16)
        tried, step, least = _grid(groups, *_fitted(groups, step, least))
        error = ((tried * step[..., None] + least[..., None] - groups) ** 2).sum(-1)
        better = error < best
        best = np.where(better, error, best)
        whole = np.where(better[..., None], tried, whole)
        scale, low = np.where(better, step, scale), np.where(better, least, low)
    return whole, scale, low


def _grid(
    groups: "Floats", step: "NDArray[np.float16]", least: "NDArray[np.float16]"
) -> "tuple[NDArray[np.uint8], NDArray[np.float16], NDArray[np.float16]]":
    """Return the nearest 4-bit integers on a grid, and the grid."""
    exact = (groups - least[..., None].astype(np.float32)) / step[..., None].astype(np.float32)
    return np.clip(np.rint(exact), 0, LEVELS).astype(np.uint8), step, least


def _fitted(
    groups: "Floats", step: "NDArray[np.float16]", least: "NDArray[np.float16]"
) -> "tuple[NDArray[np.float16], NDArray[np.float16]]":
    """Return the scale and minimum that fit best, in least squares, to the integers of a grid."""
    whole = _grid(groups, step, least)[0].astype(np.float32)
    off = whole - whole.mean(-1, keepdims=True)
    spread = (off**2).sum(-1)
    slope = (off * groups).sum(-1) / np.maximum(spread, 1e-12)
    usable = (spread > 0) & (slope > np.finfo(np.float16).tiny)
    slope = np.where(usable, slope, step.astype(np.float32))
    base = groups.mean(-1) - slope * whole.mean(-1)
    return slope.astype(np.float16), base.astype(np.float16)


def unpack(stored: "dict[str, NDArray[Any]]") -> "dict[str, Floats]":
    """Return the tensors of a packed file as float32 (see above)."""
    found: dict[str, Floats] = {}
    for name, value in stored.items():
        base, _, ending = name.rpartition(".")
        if ending == "q":
            found[base] = _matrix(value, stored[f"{base}.scale"], stored[f"{base}.min"])
        elif ending not in ("scale", "min"):
            found[name] = value.astype(np.float32)
    return found


def steps(matrix: "Floats") -> "tuple[NDArray[np.int8], Floats]":
    """Return a matrix (out, in) as 8-bit integers and a step for each row: W ~ q * step.

    Two neighbours, the first being even, sum to 128 at most: processors without VNNI add their two
    products with 8-bit activations (up to 255) in 16 bits, and would overflow without a word.
    """
    pairs = matrix[:, ::2] + matrix[:, 1::2]
    reach = [np.maximum(part.max(-1), -part.min(-1)) for part in (matrix, pairs)]
    step = np.maximum(np.maximum(*reach) / HIGHEST, np.finfo(np.float32).tiny)
    whole = matrix / step[:, None]
    return np.rint(whole, out=whole).astype(np.int8), step


def integers(
    whole: "NDArray[np.uint8]",
    scale: "NDArray[np.float16]",
    low: "NDArray[np.float16]",
    step: "Floats",
) -> "NDArray[np.int8]":
    """Return a packed matrix as `steps` gives it, but (in, out), as products of integers take it.

    Args:
        whole: as `pack` gives it.
        scale: the same.
        low: the same.
        step: (out,), what `steps` gives of the matrix, which takes longer than all the rest.
    """
    rows, groups = scale.shape
    found = np.empty((groups * GROUP, rows), np.int8)
    at_once = max(NUMBERS // len(found), 1)
    for start in range(0, rows, at_once):
        part = slice(start, start + at_once)
        halves = np.ascontiguousarray(whole[part].T).reshape(groups, GROUP // 2, -1)
        matrix = np.empty((groups, 2, GROUP // 2, halves.shape[-1]), np.float32)
        matrix[:, 0], matrix[:, 1] = halves & 15, halves >> 4
        matrix *= scale[part].T.astype(np.float32, order="C")[:, None, None]
        matrix += low[part].T.astype(np.float32, order="C")[:, None, None]
        matrix /= step[part]
        found[:, part] = np.rint(matrix, out=matrix).reshape(len(found), -1)
    return found


def _matrix(
    whole: "NDArray[np.uint8]", scale: "NDArray[np.float16]", low: "NDArray[np.float16]"
) -> "Floats":
    """Return a matrix (out, in) from its 4-bit integers."""
    rows, groups = scale.shape
    halves = whole.reshape(rows, groups, 1, -1)
    matrix = np.empty((rows, groups, 2, halves.shape[-1]), np.float32)
    matrix[:, :, :1] = halves & 15
    matrix[:, :, 1:] = halves >> 4
    matrix *= scale.astype(np.float32)[:, :, None, None]
    matrix += low.astype(np.float32)[:, :, None, None]
    return matrix.reshape(rows, -1)
