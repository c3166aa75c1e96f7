"""A model's folder: `config.json` with the distributions of landmarks, and its probe."""

import math
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import msgspec

from detectors.models.calibration import Calibration
from detectors.models.folder import ProbeConfig, ProbeFolder, TrainedOn, load_probe

SHIPPED = Path(__file__).parent


class LandmarkDistribution(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a kind of portrait has its landmarks: Student's t distribution over ten numbers.

    Its tails are heavy, because a finder now and then puts a landmark elsewhere.
    """

    mean: tuple[float, ...]
    """x, y of left eye, right eye, nose, left and right mouth corner as seen: parts of the
    frame."""
    precision: tuple[tuple[float, ...], ...]
    """Inverse of the scatter."""
    freedom: float
    """Degrees of freedom: fewer have heavier tails."""

    def distance(self, points: Sequence[float]) -> float:
        """Return the squared Mahalanobis distance of five landmarks."""
        off = [point - middle for point, middle in zip(points, self.mean, strict=True)]
        pairs = zip(off, self.precision, strict=True)
        return sum(a * sum(p * b for p, b in zip(row, off, strict=True)) for a, row in pairs)

    def log_density(self, points: Sequence[float]) -> float:
        """Return the natural log of the density of five landmarks."""
        tail = math.log1p(self.distance(points) / self.freedom)
        return _peak(self.precision, self.freedom) - (self.freedom + len(self.mean)) / 2 * tail


class Config(ProbeConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`config.json` of a model."""

    strength: float
    """Strength of the probe's fit: how much the data count against the prior."""
    short_side: int
    """Pixels; below, a picture is too small."""
    generated: LandmarkDistribution
    """Landmarks of aligned generated portraits."""
    photographed: LandmarkDistribution
    """Landmarks of photographs of people."""
    trained: TrainedOn
    calibration: Calibration | None = None

    def alignment(self, points: Sequence[float] | None) -> float:
        """Return the log density ratio of landmarks, within -20..20; -20 where there is no face."""
        if points is None:
            return -LIMIT
        ratio = self.generated.log_density(points) - self.photographed.log_density(points)
        return min(max(ratio, -LIMIT), LIMIT)

    def score(self, points: Sequence[float] | None, pixels: Callable[[], float]) -> float:
        """Return the log odds: alignment, and what the pixels say within -5..5, 3 decimals.

        Args:
            points: landmarks, or None where there is no face.
            pixels: looks at the pixels, which takes longer than all the rest; it is asked where
                the alignment is open to what they could say.
        """
        alignment = self.alignment(points)
        said = min(max(pixels(), -PIXELS), PIXELS) if alignment > OPEN else 0.0
        return round(alignment + said, 3)


LIMIT = 20.0
"""Alignment says no more than this: beyond, densities are guesses."""
PIXELS = 5.0
"""The probe is less sure than the landmarks, so it may tip the scale, not fill it."""
OPEN = -6.0
"""Log density ratio up to which pixels change nothing: with them, the log odds stay far below 0."""
TEMPLATE = 40.0
"""Squared distance up to which landmarks lie in the template: 97 % of aligned portraits do."""


@cache
def _peak(precision: tuple[tuple[float, ...], ...], freedom: float) -> float:
    """Return the natural log of Student's t density in its middle."""
    half, many = freedom / 2, len(precision) / 2
    shape = math.lgamma(half + many) - math.lgamma(half) - many * math.log(freedom * math.pi)
    return shape + math.log(_determinant(precision)) / 2


def _determinant(matrix: Sequence[Sequence[float]]) -> float:
    """Return the determinant of a small positive definite matrix, by elimination."""
    rows, value = [list(row) for row in matrix], 1.0
    for at, row in enumerate(rows):
        value *= row[at]
        for lower in rows[at + 1 :]:
            factor = lower[at] / row[at]
            lower[:] = [b - factor * a for a, b in zip(row, lower, strict=True)]
    return value


def load_model(folder: Path) -> ProbeFolder[Config]:
    """Load the model in a folder.

    Raises:
        ConfigError: there is none, or it is not one of this detector.
    """
    return load_probe(folder, "portrait", Config)
