"""What a score is worth: length, language and calibration, the same for every model of texts."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from detectors.models.calibration import Calibration
from detectors.signal import Outcome, Reason, Signal, statistical, weighed
from detectors.text_model.config import NAME
from detectors.text_model.long.passages import ACCUSED, standing_out, times

_signal = partial(statistical, NAME, "text")


def assessed(
    facts: dict[str, Any],
    needs: int,
    calibrations: Mapping[str, Calibration],
    languages: set[str],
) -> Signal:
    """Return what a score says, where it may be assessed.

    Args:
        facts: of the signal: `score`, `words` and `language`, `spans` of a long text.
        needs: words under which no text is assessed.
        calibrations: by language.
        languages: those with a calibration, on another path too; empty: nothing is calibrated.
    """
    code, n = facts["language"], facts["words"]
    if n < needs:
        reason = Reason("text_model.too_short", {"words": n, "needs": needs})
    elif not languages:
        reason = Reason("text_model.uncalibrated")
    elif code not in calibrations:
        known = ", ".join(sorted(languages))
        reason = Reason("text_model.language", {"language": code or "unknown", "judged": known})
    else:
        return _weighed(calibrations[code].log10_lr(facts["score"]), facts)
    return _signal(Outcome.NOT_ASSESSED, reason, facts)


def _weighed(log10_lr: float, facts: dict[str, Any]) -> Signal:
    """Return what a calibrated score says of the whole, and which passages stand out of it."""
    outcome = weighed(log10_lr)
    code = "text_model.likelier" if outcome is Outcome.FINDING else "text_model.not_likelier"
    args = {"times": times(log10_lr), "words": facts["words"]}
    if log10_lr < ACCUSED and (passages := standing_out(facts.get("spans", ()))):
        code, args = "text_model.passage", {**passages, "words": facts["words"]}
    return _signal(outcome, Reason(code, args), facts, log10_lr=log10_lr)
