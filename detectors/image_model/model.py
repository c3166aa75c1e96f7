"""A model's folder: `config.json`, which says what it is and where it holds, and its weights."""

from pathlib import Path

import msgspec

from detectors.models.calibration import Calibration
from detectors.models.folder import ProbeConfig, ProbeFolder, TrainedOn, load_probe

SHIPPED = Path(__file__).parent


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


class Config(ProbeConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`config.json` of a model."""

    blocks: tuple[int, ...]
    """Blocks of the encoder, 1..8, whose class tokens the probe reads."""
    strength: float
    """Strength of the fit: how much the data count against the prior."""
    gate: Gate
    trained: TrainedOn
    calibration: Calibration | None = None


def load_model(folder: Path) -> ProbeFolder[Config]:
    """Load the model in a folder.

    Raises:
        ConfigError: there is none, or it is not one of this detector.
    """
    return load_probe(folder, "image_model", Config)
