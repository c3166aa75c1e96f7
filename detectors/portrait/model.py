"""A model's folder: `config.json` with the distributions of eye landmarks, and its probe."""

import math
from collections.abc import Sequence
from pathlib import Path

import msgspec

from detectors.models.calibration import Calibration
from detectors.models.folder import ProbeConfig, ProbeFolder, TrainedOn, load_probe

SHIPPED = Path(__file__).parent


class LandmarkDistribution(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a kind of portrait has its two eyes: a normal distribution over four numbers."""

    mean: tuple[float, float, float, float]
    """x, y of the left eye as seen, then of the right one: parts of the frame."""
    precision: tuple[tuple[float, float, float, float], ...]
    """Inverse of the covariance."""

    def distance(self, eyes: Sequence[float]) -> float:
        """Return the squared Mahalanobis distance of two eyes."""
        off = [eye - middle for eye, middle in zip(eyes, self.mean, strict=True)]
        pairs = zip(off, self.precision, strict=True)
        return sum(a * sum(p * b for p, b in zip(row, off, strict=True)) for a, row in pairs)


class Config(ProbeConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`config.json` of a model."""

    block: int
    """Block of the encoder, 1..8, whose class token the probe reads."""
    strength: float
    """Strength of the probe's fit: how much the data count against the prior."""
    short_side: int
    """Pixels; below, a picture is too small."""
    generated: LandmarkDistribution
    """Eyes of aligned generated portraits."""
    photographed: LandmarkDistribution
    """Eyes of photographs of people."""
    offset: float
    """log of the ratio of the two densities where both distances are 0."""
    trained: TrainedOn
    calibration: Calibration | None = None

    def alignment(self, eyes: Sequence[float] | None) -> float:
        """Return the log density ratio of eyes here, within -20..20; -20 where there is no face."""
        if eyes is None:
            return -LIMIT
        ratio = (
            self.offset + self.photographed.distance(eyes) / 2 - self.generated.distance(eyes) / 2
        )
        return min(max(ratio, -LIMIT), LIMIT)

    def score(self, eyes: Sequence[float] | None, pixels: float) -> float:
        """Return the log odds: alignment, and what the pixels say within -3..3, 3 decimals."""
        return round(self.alignment(eyes) + min(max(pixels, -PIXELS), PIXELS), 3)


LIMIT = 20.0
"""Alignment says no more than this: beyond, densities are guesses."""
PIXELS = 3.0
"""The probe alone ranks portraits poorly, so it may tip the scale, not fill it."""
TEMPLATE = 20.0
"""Squared distance up to which eyes lie in the template: 97 % of aligned portraits do."""


def offset(generated: Sequence[Sequence[float]], photographed: Sequence[Sequence[float]]) -> float:
    """Return half the log ratio of the determinants of two precisions."""
    return (math.log(_determinant(generated)) - math.log(_determinant(photographed))) / 2


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
