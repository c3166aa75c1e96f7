"""A model's folder: `config.json`, which says what it is and where it holds, and its weights."""

import hashlib
from pathlib import Path

import msgspec

from detectors.decode.malformed import MALFORMED
from detectors.errors import ConfigError
from detectors.models.calibration import Calibration
from detectors.storing.atomic import atomic_write

SHIPPED = Path(__file__).parent
ENCODER = "clip-vit-b16-blocks1-8-4bit.2"
"""The encoder that probes are trained on; another one needs other probes."""


class Gate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which pictures lie outside of what was measured, with what the limits rest on."""

    short_side: int
    """Pixels; below, a picture is too small."""
    colours: int
    """Colours (of 4,096) that make up 99 % of a picture; with fewer it is flat."""
    graphic: float
    """Log odds, by the gate's own probe, above which a picture is a screen, chart or drawing."""
    measured: dict[str, float | int | str]
    """Share of in-domain pictures stopped, of graphics passed, with n."""


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
    blocks: tuple[int, ...]
    """Blocks of the encoder, 1..8, whose class tokens the probe reads."""
    strength: float
    """Of the fit: how much the data count against the prior."""
    gate: Gate
    trained: Trained
    calibration: Calibration | None = None


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


def read(folder: Path) -> Model:
    """Read the model in a folder.

    Raises:
        ConfigError: there is none, or it is not one of this detector.
    """
    try:
        content = (folder / "config.json").read_bytes()
        weights = (folder / "weights.safetensors").read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{error.filename}: {error.strerror}; a model of image_model is a folder with"
            " config.json and weights.safetensors, as `provenance train image_model` writes it"
        ) from error
    try:
        config = msgspec.json.decode(content, type=Config)
    except MALFORMED as error:
        raise ConfigError(
            f"{folder / 'config.json'}: {error}; it is not the config.json of an image_model that"
            " `provenance train image_model` wrote"
        ) from error
    if config.detector != "image_model" or config.encoder != ENCODER:
        raise ConfigError(
            f"{folder / 'config.json'}: a model of {config.detector} on {config.encoder};"
            f" this version runs models of image_model on {ENCODER}"
        )
    sha256 = hashlib.sha256(content + weights).hexdigest()
    return Model(folder=folder, config=config, sha256=sha256)


def write(folder: Path, config: Config) -> None:
    """Write a folder's config.json."""
    content = msgspec.json.format(msgspec.json.encode(config), indent=1)
    atomic_write(folder / "config.json", content + b"\n")
