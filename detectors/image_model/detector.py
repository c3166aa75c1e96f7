"""Gives each picture one signal: a calibrated ratio, or why there is none."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from detectors.calibration import Calibration
from detectors.encoder.tokens import square, tokens
from detectors.errors import ConfigError
from detectors.image_model.model import SHIPPED, Model, read
from detectors.item import Item
from detectors.signal import Claim, Outcome, Reason, Signal, Tier

if TYPE_CHECKING:
    from detectors.image_model.forward import Probes

STRONG = 1.0
"""log10 LR from which on a ratio has to survive re-encoding: below, nobody acts on it."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the user may choose."""

    model: str | None = None
    """Folder of another model; None: the shipped one."""
    device: Literal["cpu", "cuda"] = "cpu"


class ImageModel:
    """Judges pictures by a probe on the frozen encoder, inside the domain that was measured."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Read the model's config.

        Raises:
            ConfigError: an option cannot be used, or the folder holds no model of this detector.
        """
        try:
            self._options = msgspec.convert(dict(options), Options)
        except msgspec.ValidationError as error:
            raise ConfigError(f"[detectors.image_model]: {error}; use model, device") from error
        folder = SHIPPED if self._options.model is None else Path(self._options.model)
        self._model: Model = read(folder)
        self._probes: Probes | None = None
        engine = "numpy" if self._options.device == "cpu" else f"torch {self._options.device}"
        self.version = f"{self._model.digest}, {engine}"

    def inspect(self, item: Item) -> list[Signal]:
        """Give the item's one signal."""
        from detectors.image_model.forward import Probes

        if self._probes is None:
            self._probes = Probes(self._model.folder, self._model.config.blocks)
        score = self._score(item, self._probes)
        facts: dict[str, Any] = {"score": score, "path": "full"}
        reason = self._outside(item, self._probes, facts)
        calibration = self._model.config.calibration
        if reason is None and calibration is None:
            reason = Reason("image_model.uncalibrated")
        if reason is not None or calibration is None:
            return [_signal(Outcome.NOT_ASSESSED, reason or Reason(""), facts)]
        ratio = calibration.log10_lr(score)
        if ratio >= STRONG and (flip := self._flip(item, self._probes, calibration)):
            args: dict[str, Any] = {"log10_lr": ratio, **flip}
            return [_signal(Outcome.NOT_ASSESSED, Reason("image_model.unstable", args), facts)]
        args = {"cap": calibration.cap, "negatives": calibration.negatives}
        if ratio > 0:
            return [_signal(Outcome.FINDING, Reason("image_model.generated", args), facts, ratio)]
        return [_signal(Outcome.CLEAR, Reason("image_model.nothing", args), facts, ratio)]

    def _score(self, item: Item, probes: "Probes", how: str = "plain") -> float:
        return round(probes.generated(tokens(item, self._options.device, how)), 3)

    def _outside(self, item: Item, probes: "Probes", facts: dict[str, Any]) -> Reason | None:
        """Give why the picture lies outside of what was measured; notes what was seen of it."""
        from detectors.image_model.forward import colours

        gate = self._model.config.gate
        short = min(item.picture.width, item.picture.height)
        if short < gate.short_side:
            return Reason("image_model.tiny", {"short_side": short, "needs": gate.short_side})
        seen = colours(square(item))
        if seen < gate.colours:
            return Reason("image_model.flat", {"colours": seen, "needs": gate.colours})
        graphic = round(probes.graphic(tokens(item, self._options.device)), 3)
        facts["graphic"] = graphic
        if graphic > gate.graphic:
            return Reason("image_model.graphic", {"score": graphic, "limit": gate.graphic})
        return None

    def _flip(
        self, item: Item, probes: "Probes", calibration: Calibration
    ) -> dict[str, Any] | None:
        """Give the delivery after which a strong finding is none, or None where it survives."""
        from detectors.encoder.views import DELIVERIES

        for how in DELIVERIES:
            ratio = calibration.log10_lr(self._score(item, probes, how))
            if ratio <= 0:
                return {"delivery": how, "after": ratio}
        return None


def _signal(
    outcome: Outcome, reason: Reason, facts: dict[str, Any], ratio: float | None = None
) -> Signal:
    return Signal(
        detector="image_model",
        tier=Tier.STATISTICAL,
        outcome=outcome,
        claim=Claim.AI_GENERATED if outcome is Outcome.FINDING else None,
        log10_lr=ratio,
        source="pixels",
        reason=reason,
        facts=facts,
    )
