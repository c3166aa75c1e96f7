"""What a model's scores are worth, and how it does: always on sources it was never trained on."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from detectors.errors import ConfigError
from detectors.models.calibration import Calibration, fit
from detectors.models.encoder.features import LabelledPicture
from detectors.models.folder import save_config
from detectors.models.probe_calibration import calibrate_probe
from detectors.models.report import EVERYTHING, AssessedItem, PathReport, left_out, limit
from detectors.models.statistics import auroc, auroc_interval, wilson
from detectors.portrait.forward import Probe
from detectors.portrait.model import OPEN, TEMPLATE, Config, load_model
from detectors.portrait.training.train import Points, Portraits, fitted, portraits, wanted
from detectors.storing.atomic import atomic_write, write_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

DEFAULT = ("portraits/dev",)
CEILING = math.floor(100 * math.log10(0.97 / 0.03)) / 100
"""Tight head shots of real people are who is at risk: of 219 gathered, two have landmarks as near
to the template as a tenth of the generated portraits have, and the 95 % upper end of that share is
3 in 100. No sample of other people lifts it."""
STRONG = 1.0
"""log10 LR from which on a portrait counts as accused."""
REVIEW = 1.5
"""log10 LR from which on the policy `profile-photos` asks for a look."""
TIGHT = "tight head shots"
"""The group of photographs that are likeliest to lie in the template by chance."""
NEAR = 0.1
"""Part by which the eyes of a tight head shot may be nearer or farther apart."""
HEAD = (
    *("label", "n", "accused", "interval", "review", "interval"),
    *("in the template", "no face"),
)
"""What the tables of the card tell of a group or source."""
FOLDS = 10
"""Parts that the sources of the training set are left out in."""


class ScoredPortrait(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled portrait with an out-of-source score."""

    row: LabelledPicture
    score: float
    d2: float | None
    """Squared distance of its landmarks from the template; None: no face."""
    tight: bool
    """Whether its eyes are as far apart as those of generated portraits, within a tenth."""


def calibrate(
    data: Path,
    model: Path,
    splits: Sequence[str],
    say: Callable[[str], None],
    threshold: float = 0.0,
) -> list[PathReport]:
    """Write the calibration of a model into its config.json.

    Args:
        data: labelled portraits, as `features.rows` takes them, with those that the
            model was trained on.
        model: folder of a trained model.
        splits: what to calibrate on; empty: all portraits.
        say: is told of progress.
        threshold: the likelihood ratio that the sample has to support; 0: whatever it does.

    Returns:
        What the calibration is worth.

    Raises:
        ConfigError: data or model cannot be used, or the sample does not support the threshold.
    """
    config = load_model(model).config
    command = f"provenance calibrate portrait{_options(splits)}"
    if threshold > 10**CEILING:
        raise ConfigError(
            f"this detector never gives a likelihood ratio of {threshold:g}: tight head shots of"
            f" real people lie in the template by chance; use --threshold {10**CEILING:.0f} or less"
        )
    real = [row for row in wanted(data, splits) if not row.ai]
    made, worth = calibrate_probe(
        ([row.repo for row in real], [row.unit for row in real]),
        lambda: cases(data, model, splits, say),
        lambda found: calibrated(found, command),
        path_report,
        threshold,
    )
    say(f"{made.negatives} independent real portraits, cap {made.cap}")
    save_config(model, msgspec.structs.replace(config, calibration=made))
    return [worth]


def path_report(found: Sequence[ScoredPortrait], made: Calibration) -> PathReport:
    """Return what a calibration is worth on the portraits it was made of."""
    assessed = [case for case in found if case.d2 is not None]
    ratios, how = left_out(
        [case.row.ai for case in assessed],
        [case.score for case in assessed],
        [case.row.repo for case in assessed],
        [case.row.unit for case in assessed],
        lambda rest: calibrated([assessed[at] for at in rest], ""),
    )
    known = dict(zip((case.row.file for case in assessed), ratios, strict=True))
    rows = tuple(
        AssessedItem(
            ai=case.row.ai,
            assessed=case.d2 is not None,
            log10_lr=known.get(case.row.file),
            source=case.row.repo,
            scene=case.row.scene,
            groups=(("camera or kind", case.row.source or "not stated"),),
        )
        for case in found
    )
    return PathReport(path="full", limits=(limit(EVERYTHING, made, how),), rows=rows)


def calibrated(found: Sequence[ScoredPortrait], command: str) -> Calibration:
    """Return the calibration of portraits on which a face was found, tempered.

    Between the last photograph and the first generated portrait no data speak, so that a step fits
    anywhere. There the ratio is at most what the score itself says, and nowhere more than chance
    alignment allows.
    """
    assessed = [case for case in found if case.d2 is not None]
    made = fit(
        [case.score for case in assessed],
        [case.row.ai for case in assessed],
        [case.row.repo for case in assessed],
        [(f"source {case.row.repo}", *[TIGHT] * case.tight) for case in assessed],
        scenes=[case.row.unit for case in assessed],
        command=command,
    )
    grid = {i / 2 for i in range(-20, 11)} | {at for at, _ in made.knots}
    cap = min(made.cap, CEILING)
    values = [(at, min(made.log10_lr(at), at / math.log(10), cap)) for at in sorted(grid)]
    knots = tuple((at, round(max(value, made.floor), 3)) for at, value in values)
    return msgspec.structs.replace(made, knots=knots, cap=cap)


def cases(
    data: Path, model: Path, splits: Sequence[str], say: Callable[[str], None]
) -> list[ScoredPortrait]:
    """Return the portraits of some splits with scores of models that never saw their source."""
    known = load_model(model)
    seen = portraits(data, splits, say)
    held = sorted({row.repo for row in seen.rows} & set(known.config.trained.sources))
    training_set = portraits(data, known.config.trained.splits, say) if held else seen
    folds = [held[start::FOLDS] for start in range(min(FOLDS, len(held)))]
    fresh = seen.part([row.repo not in held for row in seen.rows])
    out = _scored(fresh, known.config, Probe(model).odds)
    for fold in folds:
        say(f"training without {', '.join(fold)}")
        rest = training_set.part([row.repo not in fold for row in training_set.rows])
        config, probe = fitted(rest, known.config.trained.splits)
        out += _scored(seen.part([row.repo in fold for row in seen.rows]), config, probe)
    return sorted(out, key=lambda case: case.row.file)


def _scored(
    own: Portraits, config: Config, probe: "Callable[[Floats], NDArray[np.float64]]"
) -> list[ScoredPortrait]:
    """Return the cases of portraits under one model."""
    pairs = list(zip(own.rows, own.points, strict=True))
    asked = [row for row, points in pairs if config.alignment(points) > OPEN]
    found = probe(own.pixels(asked)).tolist()
    odds = {row.file: one for row, one in zip(asked, found, strict=True)}
    return [
        ScoredPortrait(
            row=row,
            score=config.score(points, partial(odds.__getitem__, row.file)),
            d2=None if points is None else round(config.generated.distance(points), 1),
            tight=points is not None and _tight(points, config.generated.mean),
        )
        for row, points in pairs
    ]


def _tight(points: Points, template: Points) -> bool:
    """Return whether eyes are as far apart as in the template, within a tenth."""
    apart, there = (place[2] - place[0] for place in (points, template))
    return abs(apart - there) <= NEAR * there


def evaluate(data: Path, model: Path, splits: Sequence[str], say: Callable[[str], None]) -> None:
    """Write metrics.json and card.md into the model's folder.

    Args:
        data: folder with MANIFEST.jsonl, with the portraits the model was trained on.
        model: folder of a trained and calibrated model.
        splits: what to assess; empty: `portraits/dev`.
        say: is told of progress.

    Raises:
        ConfigError: data or model cannot be used, or the model is not calibrated.
    """
    config = load_model(model).config
    splits = tuple(splits) or DEFAULT
    found = cases(data, model, splits, say)
    metrics = figures(found, config, f"provenance evaluate portrait{_options(splits)}")
    write_json(model / "metrics.json", metrics)
    atomic_write(model / "card.md", page(metrics, config).encode())
    say(f"judged on {len(found)} portraits: {model / 'card.md'}")


def figures(found: Sequence[ScoredPortrait], config: Config, command: str) -> dict[str, Any]:
    """Return all figures, each with its n, for metrics.json."""
    known = config.calibration
    scores, labels = [case.score for case in found], [case.row.ai for case in found]
    sources: defaultdict[str, list[ScoredPortrait]] = defaultdict(list)
    groups: defaultdict[str, list[ScoredPortrait]] = defaultdict(list)
    for case in found:
        sources[case.row.repo].append(case)
        for name in _groups(case):
            groups[name].append(case)
    value, ends = auroc(scores, labels), auroc_interval(scores, labels)
    return {
        "command": command,
        "ai": sum(labels),
        "real": len(labels) - sum(labels),
        "auroc": None if value is None else round(value, 3),
        "auroc_95": None if ends is None else [round(end, 3) for end in ends],
        "groups": {name: _counted(groups[name], known) for name in sorted(groups)},
        "sources": {name: _counted(sources[name], known) for name in sorted(sources)},
        "calibration": None
        if known is None
        else {"cap": known.cap, "negatives": known.negatives, "positives": known.positives},
    }


def _groups(case: ScoredPortrait) -> list[str]:
    """Return the groups that a portrait is counted in."""
    if case.row.ai:
        return ["generated", f"generator {case.row.generator or 'not stated'}"]
    return ["photographs", *[TIGHT] * case.tight]


def _counted(own: Sequence[ScoredPortrait], known: Calibration | None) -> dict[str, Any]:
    """Return how many of some portraits of one label are accused."""
    ratios = [
        -math.inf if known is None or case.d2 is None else known.log10_lr(case.score)
        for case in own
    ]
    accused, review = (sum(r >= least for r in ratios) for least in (STRONG, REVIEW))
    return {
        "label": own[0].row.label,
        "n": len(own),
        "accused": accused,
        "wilson_95": [round(end, 4) for end in wilson(accused, len(own))],
        "review": review,
        "review_95": [round(end, 4) for end in wilson(review, len(own))],
        "in_template": sum(case.d2 is not None and case.d2 <= TEMPLATE for case in own),
        "no_face": sum(case.d2 is None for case in own),
    }


def page(metrics: dict[str, Any], config: Config) -> str:
    """Return card.md."""
    trained = config.trained
    lines = [
        "# portrait",
        "",
        "Aligned GAN portraits put eyes, nose and mouth at the same places of a square frame. The",
        "score is the log density ratio of the five landmarks; where it leaves the matter open, a",
        "linear probe on a frozen image encoder speaks as well.",
        "",
        f"Learnt from {trained.ai} generated and {trained.real} photographed portraits of",
        f"{len(trained.sources)} sources: `{trained.command}`.",
        f"Figures: `{metrics['command']}`; scores are of models that never saw the source.",
        (
            f"AUROC {metrics['auroc']} ({metrics['ai']} generated, {metrics['real']} real),"
            f" 95 % {metrics['auroc_95']}."
        ),
        "",
        "Accused: a likelihood ratio of 10 and more. Review: of 10^1.5 and more, where the policy",
        "`profile-photos` asks for a look. Intervals are Wilson's, 95 %.",
    ]
    for title, rows in (("group", metrics["groups"]), ("source", metrics["sources"])):
        lines += [
            "",
            _row(title, *HEAD),
            "|---|---|---|---|---|---|---|---|---|",
            *(_line(name, row) for name, row in rows.items()),
        ]
    return "\n".join([*lines, "", *_limits(metrics), ""])


def _line(name: str, row: dict[str, Any]) -> str:
    """Return a row of a table of the card."""
    (low, high), (least, most) = row["wilson_95"], row["review_95"]
    shares = row["accused"], f"{low:.4f} to {high:.4f}", row["review"], f"{least:.4f} to {most:.4f}"
    return _row(name, row["label"], row["n"], *shares, row["in_template"], row["no_face"])


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _limits(metrics: dict[str, Any]) -> list[str]:
    """Return what a reader has to know before relying on the figures."""
    lines = ["## Where it does not hold", ""]
    if (cap := metrics["calibration"]) is not None:
        lines += [
            f"- Ratios end at 10^{cap['cap']}. They rest on {cap['negatives']} real portraits;",
            "  the ones judged above may be among them.",
        ]
    return [
        *lines,
        "- Photographs that were aligned like the training set of such generators are accused.",
        "- Tight square head shots reach the template by chance: their group above says how many.",
        "- Portraits that were cropped, pasted or turned after generation are missed, and so are",
        "  those of other generators.",
    ]


def _options(splits: Sequence[str]) -> str:
    return "".join(f" --split {split}" for split in splits)
