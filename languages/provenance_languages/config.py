"""What stands beside the probe's weights: which languages it judges, and what scores are worth."""

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from detectors.decode.untrusted import MALFORMED
from detectors.errors import ConfigError, DamagedError
from detectors.models.calibration import Calibration
from detectors.storing.atomic import write_json

NAME = "text_languages"
WEIGHTS, CONFIG = "weights.safetensors", "config.json"
Why = Literal["sources", "generators", "ranking", "ratio", "accused"]
"""What a language lacks: human sources, generators, a ranking better than chance, a ratio of 10, or
few enough false accusations at it in every group."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trained probe, its weights apart."""

    format: Literal["text_languages/1"] = "text_languages/1"
    """Names the preparation of texts, the reading and the weights."""
    encoder_sha256: str
    """SHA-256 of the encoder's weights, hex: a probe reads no other."""
    minimum_words: int
    """Shorter texts are scored and never judged."""
    texts: int
    """Texts that the probe was trained on."""
    sources: tuple[str, ...]
    """Sources of these texts."""
    splits: tuple[str, ...]
    """Splits of the data folder that it was trained on."""
    languages: tuple[str, ...]
    """Those of these texts, ISO 639-1, in the order of the rows of `Probe.centre`."""
    command: str
    """What trained it."""
    weights_sha256: str
    """SHA-256 of the weights, hex."""
    calibrations: dict[str, Calibration] = {}
    """What scores are worth, by language: of those that are judged."""
    silent: dict[str, Why] = {}
    """Languages that the data hold and that are not judged, with what they lack."""

    @property
    def sha256(self) -> str:
        """Of this configuration, which names that of the weights, hex."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


def load_config(folder: Path) -> Config:
    """Read the configuration of the probe in a folder whose weights are those it was written for.

    Raises:
        ConfigError: a file is missing, or is no configuration of this form.
        DamagedError: the weights are not those that the configuration names.
    """
    path = folder / CONFIG
    try:
        config = msgspec.json.decode(path.read_bytes(), type=Config)
        found = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(
            f"{folder} holds no model of languages: {error.strerror}: {error.filename}"
        ) from None
    except MALFORMED as error:
        raise ConfigError(f"{path}: no configuration of {NAME}: {error}") from None
    if found != config.weights_sha256:
        what = f"{folder / WEIGHTS}: not the weights that {CONFIG} names (weights_sha256)"
        raise DamagedError(what, "train again")
    return config


def save_config(folder: Path, config: Config) -> None:
    """Write the configuration of the probe in a folder."""
    write_json(folder / CONFIG, config)
