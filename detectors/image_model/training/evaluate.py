"""What a model's scores are worth, and how it does: always on sources it was never trained on.

Pictures of a source the model was trained on are scored by a probe of the same recipe that never
saw that source.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from detectors.image_model.forward import Probes, chosen, colours
from detectors.image_model.model import Config, load_model
from detectors.image_model.training import card
from detectors.image_model.training.scored import ScoredPicture
from detectors.image_model.training.train import fitted, pictures, recompressed_rows, training_set
from detectors.models.calibration import Calibration, fit
from detectors.models.encoder.features import LabelledPicture, features, opened
from detectors.models.encoder.tokens import AS_IT_IS, square
from detectors.models.encoder.views import PLATFORM_TRANSFORMS
from detectors.models.folder import save_config
from detectors.models.probe_calibration import calibrate_probe
from detectors.models.report import EVERYTHING, AssessedItem, PathReport, left_out, limit
from detectors.storing.atomic import atomic_write, write_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

DEFAULT = ("dev",)


def calibrate(
    data: Path,
    model: Path,
    splits: Sequence[str],
    say: Callable[[str], None],
    threshold: float = 0.0,
) -> list[PathReport]:
    """Write the calibration of a model into its config.json.

    Args:
        data: labelled pictures, as `features.rows` takes them, with those the model was trained on.
        model: folder of a trained model.
        splits: what to calibrate on; empty: all but the portraits.
        say: is told of progress.
        threshold: the likelihood ratio that the sample has to support; 0: whatever it does.

    Returns:
        What the calibration is worth.

    Raises:
        ConfigError: data or model cannot be used, or the sample does not support the threshold.
    """
    config = load_model(model).config
    command = f"provenance calibrate image_model{_options(splits)}"
    real = [row for row in pictures(data, splits) if not row.ai]
    made, worth = calibrate_probe(
        ([row.repo for row in real], [row.unit for row in real]),
        lambda: cases(data, model, splits, say),
        lambda found: calibrated(found, command),
        path_report,
        threshold,
    )
    say(f"{made.negatives} independent real pictures, cap {made.cap}")
    save_config(model, msgspec.structs.replace(config, calibration=made))
    return [worth]


def path_report(found: Sequence[ScoredPicture], made: Calibration) -> PathReport:
    """Return what a calibration is worth on the pictures it was made of, copies apart."""
    ratios, how = _crossed(found)
    rows = tuple(
        AssessedItem(
            ai=case.row.ai,
            assessed=case.assessed,
            log10_lr=ratio,
            source=case.row.repo,
            scene=case.row.scene,
            groups=(
                ("camera or kind", case.row.source or "not stated"),
                ("faces", "faces" if case.row.face else "no face"),
            ),
        )
        for case, ratio in zip(found, ratios, strict=True)
        if case.how == AS_IT_IS
    )
    return PathReport(path="full", limits=(limit(EVERYTHING, made, how),), rows=rows)


def calibrated(found: Sequence[ScoredPicture], command: str) -> Calibration:
    """Return the calibration of what the gate lets through; copies of a picture count as one."""
    assessed = [case for case in found if case.assessed]
    return fit(
        [case.score for case in assessed],
        [case.row.ai for case in assessed],
        [case.row.repo for case in assessed],
        [case.groups for case in assessed],
        scenes=[case.row.unit for case in assessed],
        command=command,
    )


def evaluate(data: Path, model: Path, splits: Sequence[str], say: Callable[[str], None]) -> None:
    """Write metrics.json and card.md into the model's folder.

    Args:
        data: folder with MANIFEST.jsonl, with the pictures the model was trained on.
        model: folder of a trained model.
        splits: what to assess; empty: `dev`.
        say: is told of progress.

    Raises:
        ConfigError: data or model cannot be used.
    """
    config = load_model(model).config
    splits = tuple(splits) or DEFAULT
    found = cases(data, model, splits, say)
    ratios = crossed(found)
    command = f"provenance evaluate image_model{_options(splits)}"
    metrics = card.figures(found, ratios, config, command)
    write_json(model / "metrics.json", metrics)
    atomic_write(model / "card.md", card.page(metrics, config).encode())
    say(f"judged on {len(found)} pictures and copies: {model / 'card.md'}")


def crossed(found: Sequence[ScoredPicture]) -> list[float | None]:
    """Return the ratio of each case by a calibration without its source; None: not assessed."""
    return _crossed(found)[0]


def _crossed(found: Sequence[ScoredPicture]) -> tuple[list[float | None], str]:
    """Return the same, and what was left out."""
    assessed = [at for at, case in enumerate(found) if case.assessed]
    own = [found[at] for at in assessed]
    some, how = left_out(
        [case.row.ai for case in own],
        [case.score for case in own],
        [case.row.repo for case in own],
        [case.row.unit for case in own],
        lambda rest: calibrated([own[at] for at in rest], ""),
    )
    ratios: list[float | None] = [None] * len(found)
    for at, ratio in zip(assessed, some, strict=True):
        ratios[at] = ratio
    return ratios, how


def cases(
    data: Path, model: Path, splits: Sequence[str], say: Callable[[str], None]
) -> list[ScoredPicture]:
    """Return the pictures of some splits, and copies of some, with out-of-source scores."""
    known = load_model(model)
    found = pictures(data, splits)
    sent = recompressed_rows(found)
    views = [(AS_IT_IS, found)] + [(how, sent) for how in PLATFORM_TRANSFORMS]
    seen = {how: features(data, wanted, say, how) for how, wanted in views}
    probes = Probes(model, known.config.blocks)
    scorers = _scorers(data, known.config, {row.repo for row in found}, say)
    lets = _gate(data, found, seen[AS_IT_IS], probes, known.config)
    out = []
    for how, wanted in views:
        for row, tokens in zip(wanted, seen[how], strict=True):
            scorer = scorers.get(row.repo, probes.generated)
            score = round(float(scorer(tokens)), 3)
            out.append(ScoredPicture(row=row, how=how, score=score, assessed=lets[row.file]))
    return out


def _scorers(
    data: Path, config: Config, wanted: set[str], say: Callable[[str], None]
) -> "Mapping[str, Callable[[Floats], float]]":
    """Return, for each source the model was trained on, a scorer that was not."""
    held = sorted(wanted & set(config.trained.sources))
    if not held:
        return {}
    trained_on, tokens = training_set(data, config.trained.splits, say)
    x = chosen(tokens, config.blocks)
    whole = fitted(x, trained_on, config.strength)
    made: dict[str, Callable[[Floats], float]] = {}
    for source in held:
        say(f"training without {source}")
        use = [row.repo != source for row in trained_on]
        rest = [row for row, keep in zip(trained_on, use, strict=True) if keep]
        probe = fitted(x[use], rest, config.strength, whole)
        made[source] = lambda tokens, probe=probe: float(  # type: ignore[misc]  # bound as it is now
            probe(chosen(tokens, config.blocks)[None])[0]
        )
    return made


def _gate(
    data: Path, found: Sequence[LabelledPicture], tokens: "Floats", probes: Probes, config: Config
) -> dict[str, bool]:
    """Return which files the gate lets through."""
    lets = {}
    for row, own in zip(found, tokens, strict=True):
        item = opened(data, row)
        lets[row.file] = (
            min(item.picture.width, item.picture.height) >= config.gate.short_side
            and colours(square(item)) >= config.gate.colours
            and round(probes.graphic(own), 3) <= config.gate.graphic
        )
    return lets


def _options(splits: Sequence[str]) -> str:
    return "".join(f" --split {split}" for split in splits)
