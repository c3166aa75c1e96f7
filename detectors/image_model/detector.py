"""Return one signal for each picture: a calibrated ratio, or why there is none."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from detectors.image_model.assess import NAME, assessed, outside
from detectors.image_model.model import SHIPPED, load_model
from detectors.item import Item
from detectors.models.encoder.tokens import AS_IT_IS, Device, tokens
from detectors.models.onnx_runtime import refuse_without_torch
from detectors.options import parse_options
from detectors.signal import Signal
from detectors.spec import Settings

if TYPE_CHECKING:
    from detectors.image_model.forward import Probes


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the user may choose."""

    model: str | None = None
    """Folder of another model; None: the shipped one."""
    device: Device = "cpu"


class ImageModel:
    """Assesses pictures by a probe on the frozen encoder, inside the domain that was measured."""

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
        self._probes: Probes | None = None
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
        from detectors.image_model.forward import Probes

        if self._probes is None:
            self._probes = Probes(self._model.folder, self._model.config.blocks)
        probes, config, device = self._probes, self._model.config, self._options.device

        def score(how: str) -> float:
            return round(probes.generated(tokens(item, device, how)), 3)

        facts: dict[str, Any] = {"score": score(AS_IT_IS), "path": "full"}
        reason = outside(item, config.gate, probes, device, facts)
        return [assessed(facts, reason, config.calibration, score)]
