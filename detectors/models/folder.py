"""The folder of a probe on the frozen encoder: what it is, where it holds, and its weights."""

import hashlib
from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec

from detectors.decode.untrusted import MALFORMED
from detectors.errors import ConfigError
from detectors.storing.atomic import write_json

ENCODER: Final = "clip-vit-b16-blocks1-8-4bit.2"
"""The encoder that probes are trained on; another one needs other probes."""
CONFIG: Final = "config.json"
WEIGHTS: Final = "weights.safetensors"


class TrainedOn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The training set of a probe."""

    splits: tuple[str, ...]
    ai: int
    """Number of generated pictures."""
    real: int
    """Number of other pictures."""
    sources: tuple[str, ...]
    """Names of its sources, each left out as a whole where scores are assessed."""
    command: str
    """Command that trained it."""


class ProbeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every probe's `config.json` says first."""

    detector: str
    """Name of the detector that it is a model of."""
    encoder: str
    """Name of the encoder whose tokens it reads."""


C = TypeVar("C", bound=ProbeConfig)


class ProbeFolder(msgspec.Struct, Generic[C], frozen=True, kw_only=True):
    """A probe as it lies in a folder, without its weights."""

    folder: Path
    config: C
    sha256: str
    """SHA-256 of config.json and weights.safetensors, hex."""

    @property
    def digest(self) -> str:
        """The first 12 digits."""
        return self.sha256[:12]


def load_probe(folder: Path, detector: str, form: type[C]) -> ProbeFolder[C]:
    """Load the configuration of the probe in a folder.

    Args:
        folder: where `config.json` and the weights lie.
        detector: whose probe it has to be.
        form: the detector's configuration.

    Raises:
        ConfigError: there is none, or it is not one of this detector.
    """
    try:
        content = (folder / CONFIG).read_bytes()
        weights = (folder / WEIGHTS).read_bytes()
        config = msgspec.json.decode(content, type=form)
    except OSError as error:
        raise ConfigError(
            f"{error.filename}: {error.strerror}; a model of {detector} is a folder with {CONFIG}"
            f" and {WEIGHTS}, as `provenance train {detector}` writes it"
        ) from error
    except MALFORMED as error:
        raise ConfigError(
            f"{folder / CONFIG}: {error}; it is not the {CONFIG} of a model of {detector} that"
            f" `provenance train {detector}` wrote"
        ) from error
    if config.detector != detector or config.encoder != ENCODER:
        raise ConfigError(
            f"{folder / CONFIG}: a model of {config.detector} on {config.encoder};"
            f" this version runs models of {detector} on {ENCODER}"
        )
    sha256 = hashlib.sha256(content + weights).hexdigest()
    return ProbeFolder(folder=folder, config=config, sha256=sha256)


def save_config(folder: Path, config: ProbeConfig) -> None:
    """Save a probe's configuration in its folder."""
    write_json(folder / CONFIG, config)
