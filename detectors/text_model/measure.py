"""What the scores of a foreign model are worth, measured on the user's labelled texts."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from detectors.calibration import Calibration, fit
from detectors.errors import ConfigError
from detectors.text_model.language import language
from detectors.text_model.normalise import normalise, words
from detectors.text_model.records import Labelled, read, splits_of

LEAST = 100
"""Independent texts of either label that a language needs before it is judged."""
MINIMUM_WORDS = 50
"""Shorter texts are never judged, so they calibrate nothing."""


class Scores(Protocol):
    """What scores texts."""

    def score(self, text: str) -> float:
        """Give a text's score, higher for AI."""
        ...


def calibrations(
    data: Path, splits: tuple[str, ...], scorer: Scores, command: str, say: Callable[[str], None]
) -> dict[str, Calibration]:
    """Give the calibration of each language with 100 independent texts of either label.

    A foreign model's own training texts are not known here: ratios hold only where the labelled
    texts are none of them.

    Raises:
        ConfigError: the data cannot be used, or no language has enough texts.
    """
    by_language: dict[str, list[tuple[Labelled, float]]] = {}
    texts = read(data, splits or splits_of(data))
    for done, text in enumerate(texts):
        own = normalise(text.text)
        code = language(own)
        if code is not None and words(own) >= MINIMUM_WORDS:
            by_language.setdefault(code, []).append((text, scorer.score(own)))
        if done % 500 == 0:
            say(f"scored {done} of {len(texts)} texts")
    made = {}
    for code, rows in sorted(by_language.items()):
        calibration = _fitted(rows, command)
        if calibration is not None:
            made[code] = calibration
            say(f"{code}: {calibration.negatives} independent human texts, cap {calibration.cap}")
    if not made:
        raise ConfigError(
            f"{data}: no language has {LEAST} independent texts of either label with"
            f" {MINIMUM_WORDS} words and more (at most 100 count of one source)"
        )
    return made


def _fitted(rows: list[tuple[Labelled, float]], command: str) -> Calibration | None:
    """Give the calibration of one language's texts, or None where they are too few."""
    labels = [text.ai for text, _ in rows]
    if all(labels) or not any(labels):
        return None
    groups = [
        (f"{text.source} / {text.domain}", f"native {text.native}", f"language {text.language}")
        for text, _ in rows
    ]
    scores, sources = [score for _, score in rows], [text.source for text, _ in rows]
    calibration = fit(scores, labels, sources, groups, command=command)
    enough = min(calibration.negatives, calibration.positives) >= LEAST
    return calibration if enough else None
