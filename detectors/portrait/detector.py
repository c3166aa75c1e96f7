"""Return one signal for each picture: whether it is an aligned portrait such as GANs make."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from detectors.item import Item
from detectors.models.encoder.tokens import tokens
from detectors.models.onnx_runtime import onnxruntime, refuse_without_torch
from detectors.options import parse_options
from detectors.portrait.model import SHIPPED, TEMPLATE, load_model
from detectors.signal import Outcome, Reason, Signal, statistical, weighed
from detectors.spec import Settings

if TYPE_CHECKING:
    from detectors.portrait.forward import Probe

NAME = "portrait"
_signal = partial(statistical, NAME, "pixels")


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the user may choose."""

    model: str | None = None
    """Folder of another model; None: the shipped one."""
    device: Literal["cpu", "cuda"] = "cpu"


class Portrait:
    """Assesses portraits by where landmarks lie and by a probe on the frozen encoder."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Read the model's config.

        Raises:
            ConfigError: an option or the device cannot be used, or the folder holds no model of
                this detector.
        """
        self._options = parse_options(NAME, options, Options, "use model, device")
        refuse_without_torch(self._options.device)
        folder = SHIPPED if self._options.model is None else Path(self._options.model)
        self._model = load_model(folder)
        self._probe: Probe | None = None
        engine = "onnxruntime" if self._options.device == "cpu" else f"torch {self._options.device}"
        self.version = f"{self._model.digest}, {engine}"

    def settings(self) -> Settings:
        """Return the model's digest and the device."""
        return Settings(
            version=self.version,
            options={"device": self._options.device},
            models={NAME: self._model.sha256},
        )

    def inspect(self, item: Item) -> list[Signal]:
        """Return the item's one signal."""
        from detectors.portrait.forward import Probe, landmarks, largest_face

        config = self._model.config
        if self._probe is None:
            if self._options.device == "cpu":  # what could not look at a portrait says so at once
                onnxruntime()
            self._probe = Probe(self._model.folder)
        probe = self._probe
        face = largest_face(item.picture.rgb)
        points = None if face is None else landmarks(face)
        score = config.score(points, lambda: probe(tokens(item, self._options.device)))
        facts: dict[str, Any] = {"score": score, "path": "full"}
        if face is None or points is None:
            return [_signal(Outcome.NOT_ASSESSED, Reason("portrait.no_face"), facts)]
        distance = round(config.generated.distance(points), 1)
        facts |= {
            "eyes": [round(value, 4) for value in points[:4]],
            "d2": distance,
            "template": distance <= TEMPLATE,
            "face": round(face.confidence, 3),
        }
        short = min(item.picture.width, item.picture.height)
        if short < config.short_side:
            args: dict[str, Any] = {"short_side": short, "needs": config.short_side}
            return [_signal(Outcome.NOT_ASSESSED, Reason("portrait.tiny", args), facts)]
        if config.calibration is None:
            return [_signal(Outcome.NOT_ASSESSED, Reason("portrait.uncalibrated"), facts)]
        ratio = config.calibration.log10_lr(score)
        args = {"d2": distance, "negatives": config.calibration.negatives}
        outcome = weighed(ratio)
        code = "portrait.aligned" if outcome is Outcome.FINDING else "portrait.nothing"
        return [_signal(outcome, Reason(code, args), facts, log10_lr=ratio)]
