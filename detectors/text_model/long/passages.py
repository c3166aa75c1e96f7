"""What a record says of the windows of a long text."""

from collections.abc import Mapping, Sequence
from typing import Any

from detectors.models.calibration import Calibration
from detectors.signal import phrase
from detectors.text_model.long.pieces import Piece
from detectors.text_model.long.windows import STRIDE, Span, Window, spans

FOUND = 1.0
"""log10 LR from which on a passage is shown: at most 1 % of texts by people have one so striking,
in every group that bounded the calibration."""
ACCUSED = 1.0
"""log10 LR of the whole from which on it is no longer a passage that is spoken of."""
QUOTED = 60
"""Characters of a passage's beginning that are kept."""


def told(
    scored: Sequence[tuple[Window, float]],
    pieces: Sequence[Piece],
    plain: str,
    calibration: Calibration | None,
) -> list[dict[str, Any]]:
    """Return the facts of windows that do not overlap, in the order of the text.

    `start`, `end`: characters of the item's plain text, from 0. `first_word` (from 1) and `words`
    as they are counted here. `score`: natural log odds of the window by itself, before
    calibration. `contrast`: what it has above the rest of the text. `log10_lr`: what that contrast
    is worth, for a passage by a model in a text by a person against none; null without a
    calibration. `found`: whether the passage is shown; then `begins` is how it begins.

    Args:
        scored: windows with their scores.
        pieces: of the text.
        plain: the text that the pieces are of.
        calibration: of contrasts; None: there is none.
    """
    every = spans(scored, lambda score, contrast: stands_out(score, contrast, calibration))
    return [_fact(span, pieces, plain, calibration) for span in every]


def stands_out(score: float, contrast: float, calibration: Calibration | None) -> bool:
    """Tell whether a window is shown: likelier a model's by itself, and unlike the rest."""
    return calibration is not None and score > 0 and calibration.log10_lr(contrast) >= FOUND


def _fact(
    span: Span, pieces: Sequence[Piece], plain: str, calibration: Calibration | None
) -> dict[str, Any]:
    """Return the fact of one window."""
    first, behind = span.window.first, span.window.behind
    start, end = pieces[first].start, pieces[behind - 1].end
    fact: dict[str, Any] = {
        "start": start,
        "end": start + len(plain[start:end].rstrip()),
        "first_word": 1 + sum(piece.words for piece in pieces[:first]),
        "words": sum(piece.words for piece in pieces[first:behind]),
        "score": span.score,
        "contrast": span.contrast,
        "log10_lr": None if calibration is None else calibration.log10_lr(span.contrast),
        "found": span.found,
    }
    return fact | ({"begins": _beginning(plain[start:end])} if span.found else {})


def _beginning(passage: str) -> str:
    """Return the first words of a passage in one line."""
    line = " ".join(passage[: 4 * QUOTED].split())
    return line if len(line) <= QUOTED else line[:QUOTED].rpartition(" ")[0] + " ..."


def standing_out(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the sentence on passages says: where they lie, how striking the first of them is.

    Returns:
        `passages`, a phrase each, those side by side as one, and `times`; empty where none was
        found.
    """
    found = [fact for fact in facts if fact["found"]]
    runs: list[tuple[int, int]] = []
    for fact in found:
        begin, end = fact["first_word"], fact["first_word"] + fact["words"] - 1
        if runs and begin - runs[-1][1] <= STRIDE:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((begin, end))
    if not runs:
        return {}
    said = [phrase("text_model.run", first=begin, last=end) for begin, end in runs]
    return {"passages": said, "times": times(max(fact["log10_lr"] for fact in found))}


def times(log10_lr: float) -> float:
    """Return how many times likelier or less likely a ratio makes it, to two digits."""
    value = float(f"{10 ** abs(log10_lr):.2g}")
    return int(value) if value.is_integer() else value
