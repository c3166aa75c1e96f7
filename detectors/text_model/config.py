"""What stands beside a text model's weights: how texts are seen, and what scores are worth."""

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from detectors.decode.untrusted import MALFORMED
from detectors.errors import ConfigError, DamagedError
from detectors.models.calibration import Calibration
from detectors.storing.atomic import write_json

NAME = "text_model"
ScoringPath = Literal["full", "fast"]
"""Which of two scores speaks: the language model and the n-grams, or the n-grams alone."""
PATHS: tuple[ScoringPath, ...] = ("full", "fast")
WEIGHTS = "weights.safetensors"
CONFIG = "config.json"


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trained text model, its weights apart."""

    format: Literal["text_model/3"] = "text_model/3"
    """Names the normalisation, the features and the weights; another form has another name."""
    languages: tuple[str, ...]
    """Languages that the language model reads: the full path. Others take the fast one."""
    reader_sha256: str
    """SHA-256 of the language model's weights, steps and graph, hex: a probe reads no other."""
    character_bits: int
    """log2 of the number of buckets for n-grams of characters."""
    word_bits: int
    """log2 of the number of buckets for words and pairs of words."""
    minimum_words: int
    """Shorter texts are scored but never assessed."""
    texts_read: int
    """Texts whose readings the probe was trained on."""
    sources: tuple[str, ...]
    """Sources of the texts it was trained on; of them nothing is assessed but by models without
    them."""
    splits: tuple[str, ...]
    """Splits of the data folder that it was trained on."""
    command: str
    """What trained it."""
    weights_sha256: str
    """SHA-256 of the weights, hex."""
    full: dict[str, Calibration] = {}
    """What scores of the full path are worth, by language."""
    fast: dict[str, Calibration] = {}
    """What scores of the fast path are worth. A language without a calibration of the path is not
    judged."""
    passages: dict[ScoringPath, dict[str, Calibration]] = {}
    """What it is worth that a passage stands out from its text so far, by path and language."""

    @property
    def sha256(self) -> str:
        """Of this configuration, which names that of the weights, hex."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()

    def calibrations(self, path: ScoringPath) -> dict[str, Calibration]:
        """Return the calibrations of a path, by language."""
        return self.full if path == "full" else self.fast


def load_config(folder: Path) -> Config:
    """Read the configuration of the model in a folder whose weights are those it was written for.

    Raises:
        ConfigError: a file is missing, is no configuration of this form, or is of a model that
            learnt from readings of another language model.
        DamagedError: the weights are not those that the configuration names.
    """
    path = folder / CONFIG
    try:
        config = msgspec.json.decode(path.read_bytes(), type=Config)
        found = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(
            f"{folder} holds no text model: {error.strerror}: {error.filename}"
        ) from None
    except MALFORMED as error:
        raise ConfigError(f"{path}: no configuration of a text model: {error}") from None
    if found != config.weights_sha256:
        what = f"{folder / WEIGHTS}: not the weights that {CONFIG} names (weights_sha256)"
        raise DamagedError(what, "train again")
    if config.reader_sha256 != _shipped_reader():
        raise ConfigError(
            f"{path}: the model was trained on what another language model reads than the one of"
            " this version (reader_sha256), so its scores would mean nothing: train again"
        )
    return config


class _Reader(msgspec.Struct):
    """What is asked of the configuration that ships."""

    reader_sha256: str


def _shipped_reader() -> str:
    """Return the hash of the language model of this version, which the shipped model names.

    To hash its weights takes as long as judging a text; a test holds both together.
    """
    shipped = Path(__file__).with_name(CONFIG).read_bytes()
    return msgspec.json.decode(shipped, type=_Reader).reader_sha256


def save_config(folder: Path, config: Config) -> None:
    """Write the configuration of the model in a folder."""
    write_json(folder / CONFIG, config)
