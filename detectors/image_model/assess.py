"""What a score is worth: gate, calibration and stability, the same for every model of pictures."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from detectors.image_model.model import Gate
from detectors.item import Item
from detectors.models.calibration import Calibration
from detectors.models.encoder.tokens import Device, square, tokens
from detectors.signal import Outcome, Reason, Signal, statistical, weighed

if TYPE_CHECKING:
    from detectors.image_model.forward import Probes

NAME = "image_model"
STRONG = 1.0
"""log10 LR from which on a ratio has to survive re-encoding: below, nobody acts on it."""
_signal = partial(statistical, NAME, "pixels")


def outside(
    item: Item, gate: Gate, probes: "Probes", device: Device, facts: dict[str, Any]
) -> Reason | None:
    """Return why a picture lies outside of what was measured, or None where it does not.

    Args:
        item: a picture.
        gate: the limits.
        probes: with the probe that tells screens, charts and drawings.
        device: where the encoder runs.
        facts: gets what was seen of the picture.

    Raises:
        CannotAssess: the picture cannot be opened.
    """
    from detectors.image_model.forward import colours

    short = min(item.picture.width, item.picture.height)
    if short < gate.short_side:
        return Reason("image_model.tiny", {"short_side": short, "needs": gate.short_side})
    seen = colours(square(item))
    if seen < gate.colours:
        return Reason("image_model.flat", {"colours": seen, "needs": gate.colours})
    graphic = round(probes.graphic(tokens(item, device)), 3)
    facts["graphic"] = graphic
    if graphic > gate.graphic:
        return Reason("image_model.graphic", {"score": graphic, "limit": gate.graphic})
    return None


def assessed(
    facts: dict[str, Any],
    reason: Reason | None,
    calibration: Calibration | None,
    score: Callable[[str], float],
) -> Signal:
    """Return what a score says.

    Args:
        facts: of the signal, `score` among them.
        reason: why the picture is not assessed, from `outside`.
        calibration: what scores are worth; None: nothing yet.
        score: gives the picture's score after a platform transform; asked where a ratio is strong.
    """
    if reason is not None:
        return _signal(Outcome.NOT_ASSESSED, reason, facts)
    if calibration is None:
        return _signal(Outcome.NOT_ASSESSED, Reason("image_model.uncalibrated"), facts)
    ratio = calibration.log10_lr(facts["score"])
    if ratio >= STRONG and (flip := _flip(score, calibration)):
        args: dict[str, Any] = {"log10_lr": ratio, **flip}
        return _signal(Outcome.NOT_ASSESSED, Reason("image_model.unstable", args), facts)
    args = {"cap": calibration.cap, "negatives": calibration.negatives}
    outcome = weighed(ratio)
    code = "image_model.generated" if outcome is Outcome.FINDING else "image_model.nothing"
    return _signal(outcome, Reason(code, args), facts, log10_lr=ratio)


def _flip(score: Callable[[str], float], calibration: Calibration) -> dict[str, Any] | None:
    """Return the platform transform that a strong finding does not survive; None: survives all."""
    from detectors.models.encoder.views import PLATFORM_TRANSFORMS

    for how in PLATFORM_TRANSFORMS:
        ratio = calibration.log10_lr(score(how))
        if ratio <= 0:
            return {"delivery": how, "after": ratio}
    return None
