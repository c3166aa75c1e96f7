"""Geometric verification: whether a picture, laid over an entry, agrees with it pixel by pixel.

Aligned faces of different people share geometry, so features alone do not identify: a candidate
counts only where many features agree closely *and* the picture, laid over the entry's small copy,
agrees with it nearly everywhere.
"""

import math
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from detectors.bank.features import Features
from detectors.decode.opencv import cv2

if TYPE_CHECKING:
    from numpy.typing import NDArray

ASKED: Final = 250
"""Strongest features of a picture that are looked up."""
RATIO: Final = 0.85
"""A feature's nearest may be at most this share of the distance of its second nearest."""
FARTHEST: Final = 0.75
"""Largest distance of descriptors of unit length that is considered."""
CLOSE: Final = 0.25
"""Distance under which two features agree closely."""
RANSAC_PIXELS: Final = 4.0
INLIER_PIXELS: Final = 1.5
"""Pixels of the entry's picture within which a closely agreeing feature has to lie."""
INLIER_CELL: Final = 4
"""Features in one cell of this side count once."""
FEWEST: Final = 4
"""Pairs under which no transform is looked for."""
TILE: Final = 12
FLAT: Final = 2.0
"""Standard deviation of brightness under which a tile says nothing."""
INSIDE: Final = 0.999
REFITS: Final = 3
MOST_INLIERS: Final = 30
"""Inliers are clipped at this number; the highest seen for a different picture was under 15."""


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """The result of geometric verification."""

    inliers: int
    """Inliers: cells of 4 pixels with features that agree in descriptor and position."""
    correlation: float
    """Median of the tiles' correlations, -1..1."""
    tiles: int
    """Tiles of the small copy that were compared."""
    covered: float
    """Share of the entry's small copy that the picture covers."""
    filled: float
    """Share of the picture that the entry takes up."""
    angle: float
    """Degrees by which the picture is turned against the entry, anticlockwise, -180..180."""


class Geometry(msgspec.Struct, frozen=True, kw_only=True):
    """A picture laid over an entry."""

    transform: "NDArray[np.float64]"
    """(2, 3): from pixels of the picture to those of the entry, at the size of their features."""
    here: "NDArray[np.float32]"
    """(n, 2): closely agreeing features, in pixels of the picture."""
    there: "NDArray[np.float32]"
    """(n, 2): the same in pixels of the entry."""
    tiles: "NDArray[np.float64]"
    """(rows, columns): correlation of each tile of the small copy; NaN where none was taken."""
    covered: float
    """Share of the entry's small copy that the picture covers."""


def verify(query: Features, entry: Features, least: int = 0) -> Verification | None:
    """Verify a picture against an entry.

    Args:
        query: of the picture.
        entry: of the entry.
        least: inliers under which nobody asks for more.

    Returns:
        None where no transform is found, or where it is known early that there are fewer inliers.
    """
    laid = estimate_geometry(query, entry, least)
    if laid is None:
        return None
    values = laid.tiles[~np.isnan(laid.tiles)]
    return Verification(
        inliers=_cells(laid.there),
        correlation=float(np.median(values)) if values.size else 0.0,
        tiles=int(values.size),
        covered=laid.covered,
        filled=_filled(query, entry, laid),
        angle=float(np.degrees(np.arctan2(laid.transform[1, 0], laid.transform[0, 0]))),
    )


def _filled(query: Features, entry: Features, laid: Geometry) -> float:
    """Return the share of the picture that the part of the entry in it takes up."""
    grows = abs(float(np.linalg.det(laid.transform[:, :2])))
    area = entry.size[0] * entry.size[1] * laid.covered / max(grows, 1e-9)
    return min(1.0, area / (query.size[0] * query.size[1]))


def estimate_geometry(query: Features, entry: Features, least: int = 0) -> Geometry | None:
    """Estimate the transform from a picture to an entry; arguments and result as for `verify`."""
    pairs = _pairs(query, entry, least)
    if len(pairs.distances) < FEWEST or _cells(pairs.there[pairs.distances < CLOSE]) < least:
        return None
    _, inside = cv2.estimateAffinePartial2D(
        pairs.here, pairs.there, method=cv2.RANSAC, ransacReprojThreshold=RANSAC_PIXELS
    )
    transform = _refined(pairs, np.ravel(inside).astype(bool))
    if transform is None:
        return None
    residual = np.linalg.norm(_applied(transform, pairs.here) - pairs.there, axis=1)
    tight = (pairs.distances < CLOSE) & (residual < INLIER_PIXELS)
    if _cells(pairs.there[tight]) < least:
        return None
    tiles, covered = _over(query, entry, transform)
    return Geometry(
        transform=transform,
        here=pairs.here[tight],
        there=pairs.there[tight],
        tiles=tiles,
        covered=covered,
    )


def _cells(points: "NDArray[np.float32]") -> int:
    """Count the cells in which features lie."""
    return len(np.unique(np.floor(points / INLIER_CELL), axis=0))


class _Pairs(msgspec.Struct, frozen=True):
    """Features of the picture and of the entry that look alike."""

    here: "NDArray[np.float32]"
    there: "NDArray[np.float32]"
    distances: "NDArray[np.float32]"


def _pairs(query: Features, entry: Features, least: int) -> _Pairs:
    """Match each feature of the picture to its nearest of the entry, if clearly the nearest.

    None at all where so few agree closely that there are fewer than the least number of inliers.
    """
    none = np.zeros((0, 2), np.float32)
    if len(query.points) == 0 or len(entry.points) < 2:  # the ratio test compares two
        return _Pairs(none, none, np.zeros(0, np.float32))
    lengths = (entry.descriptors**2).sum(axis=1)
    squares = 1 + lengths - 2 * (query.descriptors @ entry.descriptors.T)
    rows, nearest = np.arange(len(squares)), squares.argmin(axis=1)
    closest = np.sqrt(np.maximum(squares[rows, nearest], 0))
    if np.count_nonzero(closest < CLOSE) < least:
        return _Pairs(none, none, np.zeros(0, np.float32))
    squares[rows, nearest] = np.inf
    second = np.sqrt(np.maximum(squares.min(axis=1), 0))
    kept = (closest < RATIO * second) & (closest < FARTHEST)
    return _Pairs(query.points[kept], entry.points[nearest[kept]], closest[kept])


def _refined(pairs: _Pairs, inside: "NDArray[np.bool_]") -> "NDArray[np.float64] | None":
    """Return the affine transform of least squares on what lies inside, so that stretching fits."""
    transform = None
    for _ in range(REFITS):
        if inside.sum() < FEWEST:
            return transform
        points = np.column_stack([pairs.here[inside], np.ones(int(inside.sum()))])
        solved, _, rank, _ = np.linalg.lstsq(points, pairs.there[inside], rcond=None)
        if rank < 3:  # the points lie on one line
            return transform
        transform = solved.T
        away = np.linalg.norm(_applied(transform, pairs.here) - pairs.there, axis=1)
        inside = away < RANSAC_PIXELS
    return transform


def _applied(
    transform: "NDArray[np.float64]", points: "NDArray[np.float32]"
) -> "NDArray[np.float64]":
    return points @ transform[:, :2].T + transform[:, 2]


def _over(
    query: Features, entry: Features, transform: "NDArray[np.float64]"
) -> tuple["NDArray[np.float64]", float]:
    """Lay the picture over the entry's small copy; give each tile's correlation, and coverage."""
    height, width = entry.grey.shape
    values = np.full((height // TILE, width // TILE), np.nan)
    scale = width / entry.size[0]
    onto = transform * scale
    shrink = float(np.sqrt(abs(np.linalg.det(onto[:, :2]))))
    if not 0.02 < shrink < 50:  # no picture of anything
        return values, 0.0
    grey = query.grey
    if shrink < 1:
        sizes = [max(1, round(side * shrink)) for side in grey.shape[::-1]]
        factors = [small / side for small, side in zip(sizes, grey.shape[::-1], strict=True)]
        grey = np.asarray(cv2.resize(grey, sizes, interpolation=cv2.INTER_AREA))
        onto = onto @ np.diag([1 / factors[0], 1 / factors[1], 1.0])
    thumb = _softened(entry.grey, shrink)
    laid = cv2.warpAffine(grey, onto, (width, height), flags=cv2.INTER_LINEAR)
    ones = np.ones(grey.shape, np.float32)
    mask = cv2.warpAffine(ones, onto, (width, height), flags=cv2.INTER_LINEAR)
    here, there, whole = (_tiles(each) for each in (laid, thumb, mask))
    within = np.flatnonzero(whole.min(axis=1) >= INSIDE)
    here, there = (
        each - each.mean(axis=1, keepdims=True) for each in (here[within], there[within])
    )
    norms = [np.sqrt((each**2).mean(axis=1)) for each in (here, there)]
    textured = norms[1] >= FLAT
    products = (here * there).mean(axis=1)[textured]
    found = products / np.maximum(norms[0][textured] * norms[1][textured], 1e-6)
    values.ravel()[within[textured]] = found
    return values, float(mask.mean())


def _softened(thumb: "NDArray[np.uint8]", shrink: float) -> "NDArray[np.uint8]":
    """Return the small copy with no more detail than a picture that has to be enlarged over it."""
    if shrink <= 1:
        return thumb
    height, width = thumb.shape
    small = max(1, round(width / shrink)), max(1, round(height / shrink))
    shrunk = cv2.resize(thumb, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR))


def _tiles(image: "NDArray[Any]") -> "NDArray[np.float32]":
    """Return (tiles, 144): the whole tiles of an image."""
    rows, columns = image.shape[0] // TILE, image.shape[1] // TILE
    cut = image[: rows * TILE, : columns * TILE].astype(np.float32)
    split = cut.reshape(rows, TILE, columns, TILE).swapaxes(1, 2)
    return split.reshape(rows * columns, TILE * TILE)


def scaled(verified: Verification, asked: int) -> dict[str, float]:
    """Return what the agreement of a candidate is judged by, each on a scale that suits a sum."""
    return {
        "places": min(verified.inliers, MOST_INLIERS),
        "correlation": -math.log(max(0.01, 1 - max(0.0, verified.correlation))),
        "tiles": math.log1p(verified.tiles),
        "asked": math.log1p(asked),
    }
