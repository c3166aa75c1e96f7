"""What the scores of a published detector are worth, measured on the user's labelled pictures."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from detectors.errors import CannotAssess
from detectors.image_model.assess import outside
from detectors.image_model.forward import Probes
from detectors.image_model.model import SHIPPED, load_model
from detectors.image_model.training.evaluate import calibrated, path_report
from detectors.image_model.training.scored import ScoredPicture
from detectors.image_model.training.train import recompressed_rows
from detectors.models.calibration import Calibration, independent, large_enough
from detectors.models.encoder.features import no_picture, opened, rows
from detectors.models.encoder.tokens import AS_IT_IS
from detectors.models.encoder.views import PLATFORM_TRANSFORMS
from detectors.models.report import EVERYTHING, PathReport, supported

if TYPE_CHECKING:
    from detectors.image_model.external.scorer import Scorer
    from detectors.models.encoder.features import LabelledPicture

EVERY = 100
"""Pictures between two words on progress."""


def calibration(
    data: Path,
    splits: Sequence[str],
    scorer: "Scorer",
    *,
    command: str,
    threshold: float,
    say: Callable[[str], None],
) -> tuple[Calibration, PathReport]:
    """Return the calibration of a published detector, and what it is worth.

    What it was trained on is not known here, so that no source is left out for its sake: ratios
    hold only where the labelled pictures are none of those it was trained on. As with the shipped
    model, what the gate stops calibrates nothing, groups of 100 and more real pictures (sources,
    cameras or kinds, faces) each bound the ratio, pictures of a scene count once, and some of every
    source are looked at after each platform transform too.

    Args:
        data: labelled pictures, as `features.rows` takes them.
        splits: names of them; empty: all.
        scorer: the detector.
        command: that makes the calibration, for the record.
        threshold: the likelihood ratio that the sample has to support.
        say: told of progress.

    Raises:
        ConfigError: the data cannot be used, or do not support the threshold.
    """
    found = rows(data, splits)
    real = [row for row in found if not row.ai]
    scenes = [row.unit for row in real]
    supported(threshold, {EVERYTHING: independent([row.repo for row in real], scenes)})
    cases = _cases(data, found, scorer, say)
    made = calibrated(cases, command)
    large_enough(made)
    say(f"{made.negatives} independent real pictures, cap {made.cap}")
    supported(threshold, {EVERYTHING: made.negatives})
    return made, path_report(cases, made)


def _cases(
    data: Path, found: "Sequence[LabelledPicture]", scorer: "Scorer", say: Callable[[str], None]
) -> list[ScoredPicture]:
    """Return the pictures with their scores, some of them after each platform transform too."""
    known = load_model(SHIPPED)
    probes, again = (
        Probes(SHIPPED, known.config.blocks),
        {row.file for row in recompressed_rows(found)},
    )
    cases = []
    for done, row in enumerate(found):
        item, views = (
            opened(data, row),
            (AS_IT_IS, *(PLATFORM_TRANSFORMS if row.file in again else ())),
        )
        try:
            assessed = outside(item, known.config.gate, probes, "cpu", {}) is None
        except CannotAssess as fault:
            raise no_picture(data, row, fault) from fault
        cases += [
            ScoredPicture(row=row, how=how, score=scorer.after(item, how), assessed=assessed)
            for how in views
        ]
        if done % EVERY == 0:
            say(f"scored {done} of {len(found)} pictures")
    return cases
