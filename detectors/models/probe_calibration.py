"""Calibrate a probe: check that the sample can support it before anything is scored."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from detectors.models.calibration import Calibration, independent, large_enough
from detectors.models.report import EVERYTHING, PathReport, supported

T = TypeVar("T")


def calibrate_probe(
    real: tuple[Sequence[str], Sequence[str]],
    score: Callable[[], Sequence[T]],
    calibrated: Callable[[Sequence[T]], Calibration],
    report: Callable[[Sequence[T], Calibration], PathReport],
    threshold: float,
) -> tuple[Calibration, PathReport]:
    """Return the calibration of a probe and what it is worth, or refuse before anything is scored.

    Args:
        real: source and scene of each picture that is not AI.
        score: scores the sample, which takes long.
        calibrated: fits a calibration to what `score` returned.
        report: tells what a calibration is worth on it.
        threshold: the likelihood ratio that the sample has to support; 0: whatever it does.

    Raises:
        ConfigError: the sample is too small, or does not support the threshold.
    """
    supported(threshold, {EVERYTHING: independent(*real)})
    found = score()
    made = calibrated(found)
    large_enough(made)
    supported(threshold, {EVERYTHING: made.negatives})
    return made, report(found, made)
