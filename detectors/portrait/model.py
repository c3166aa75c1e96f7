"""A model's folder: `config.json`, with the places of the eyes, and the weights of its probe."""

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import msgspec

from detectors.decode.malformed import MALFORMED
from detectors.errors import ConfigError
from detectors.models.calibration import Calibration
from detectors.storing.atomic import atomic_write

SHIPPED = Path(__file__).parent
ENCODER = "clip-vit-b16-blocks1-8-4bit.2"
"""The encoder that probes are trained on; another one needs other probes."""


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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


class Trained(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model learnt from."""

    splits: tuple[str, ...]
    ai: int
    real: int
    sources: tuple[str, ...]
    """Left out as a whole where scores are judged."""
    command: str


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`config.json` of a model."""

    detector: str
    encoder: str
    block: int
    """Block of the encoder, 1..8, whose class token the probe reads."""
    strength: float
    """Of the probe's fit: how much the data count against the prior."""
    short_side: int
    """Pixels; below, a picture is too small."""
    generated: Place
    """Eyes of aligned generated portraits."""
    photographed: Place
    """Eyes of photographs of people."""
    offset: float
    """log of the ratio of the two densities where both distances are 0."""
    trained: Trained
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


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A folder's model, without its weights."""

    folder: Path
    config: Config
    sha256: str
    """Of config.json and weights.safetensors, hex."""

    @property
    def digest(self) -> str:
        """The first 12 digits."""
        return self.sha256[:12]


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


def read(folder: Path) -> Model:
    """Read the model in a folder.

    Raises:
        ConfigError: there is none, or it is not one of this detector.
    """
    try:
        content = (folder / "config.json").read_bytes()
        weights = (folder / "weights.safetensors").read_bytes()
        config = msgspec.json.decode(content, type=Config)
    except OSError as error:
        raise ConfigError(
            f"{error.filename}: {error.strerror}; a model of portrait is a folder with config.json"
            " and weights.safetensors, as `provenance train portrait` writes it"
        ) from error
    except MALFORMED as error:
        raise ConfigError(
            f"{folder / 'config.json'}: {error}; it is not the config.json of a portrait model that"
            " `provenance train portrait` wrote"
        ) from error
    if config.detector != "portrait" or config.encoder != ENCODER:
        raise ConfigError(
            f"{folder / 'config.json'}: a model of {config.detector} on {config.encoder};"
            f" this version runs models of portrait on {ENCODER}"
        )
    sha256 = hashlib.sha256(content + weights).hexdigest()
    return Model(folder=folder, config=config, sha256=sha256)


def write(folder: Path, config: Config) -> None:
    """Write a folder's config.json."""
    content = msgspec.json.format(msgspec.json.encode(config), indent=1)
    atomic_write(folder / "config.json", content + b"\n")
