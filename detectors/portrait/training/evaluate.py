"""What a model's scores are worth, and how it does: always on sources it was never trained on."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from detectors.errors import ConfigError
from detectors.models.calibration import Calibration, fit
from detectors.models.encoder.features import LabelledPicture
from detectors.models.folder import save_config
from detectors.models.probe_calibration import calibrate_probe
from detectors.models.report import EVERYTHING, AssessedItem, PathReport, left_out, limit
from detectors.models.statistics import auroc, auroc_interval, wilson
from detectors.portrait.forward import Probe
from detectors.portrait.model import TEMPLATE, Config, load_model
from detectors.portrait.training.train import Portraits, fitted, portraits, wanted
from detectors.storing.atomic import atomic_write, write_json

DEFAULT = ("portraits/dev",)
CEILING = math.floor(100 * math.log10(0.97 / 0.03)) / 100
"""97 % of aligned portraits lie in the template, and about 3 % of tight square head shots of real
people: seen on other photographs than those of the calibration, so the sample cannot lift it."""
STRONG = 1.0
"""log10 LR from which on a portrait counts as accused."""


class ScoredPortrait(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled portrait with an out-of-source score."""

    row: LabelledPicture
    score: float
    d2: float | None
    """Squared distance of its eyes from the template; None: no face."""


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
        [(f"source {case.row.repo}",) for case in assessed],
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
    shipped = Probe(model, known.config.block)
    out = []
    for source in sorted({row.repo for row in seen.rows}):
        own = seen.part([row.repo == source for row in seen.rows])
        if source in held:
            say(f"training without {source}")
            rest = training_set.part([row.repo != source for row in training_set.rows])
            config, probe = fitted(rest, known.config.trained.splits)
            pixels = [float(probe(tokens[config.block - 1][None])[0]) for tokens in own.tokens]
        else:
            config, pixels = known.config, [shipped(tokens) for tokens in own.tokens]
        out += _scored(own, config, pixels)
    return sorted(out, key=lambda case: case.row.file)


def _scored(own: Portraits, config: Config, pixels: Sequence[float]) -> list[ScoredPortrait]:
    """Return the cases of portraits under one model."""
    return [
        ScoredPortrait(
            row=row,
            score=config.score(eyes, odds),
            d2=None if eyes is None else round(config.generated.distance(eyes), 1),
        )
        for row, eyes, odds in zip(own.rows, own.eyes, pixels, strict=True)
    ]


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
    strong = [
        known is not None and case.d2 is not None and known.log10_lr(case.score) >= STRONG
        for case in found
    ]
    groups: dict[str, dict[str, Any]] = {}
    for name in sorted({case.row.repo for case in found}):
        own = [hit for case, hit in zip(found, strong, strict=True) if case.row.repo == name]
        mine = [case for case in found if case.row.repo == name]
        inside = sum(case.d2 is not None and case.d2 <= TEMPLATE for case in mine)
        groups[name] = {
            "label": mine[0].row.label,
            "n": len(own),
            "accused": sum(own),
            "wilson_95": [round(end, 3) for end in wilson(sum(own), len(own))],
            "in_template": inside,
            "no_face": sum(case.d2 is None for case in mine),
        }
    value, ends = auroc(scores, labels), auroc_interval(scores, labels)
    return {
        "command": command,
        "ai": sum(labels),
        "real": len(labels) - sum(labels),
        "auroc": None if value is None else round(value, 3),
        "auroc_95": None if ends is None else [round(end, 3) for end in ends],
        "sources": groups,
        "calibration": None
        if known is None
        else {"cap": known.cap, "negatives": known.negatives, "positives": known.positives},
    }


def page(metrics: dict[str, Any], config: Config) -> str:
    """Return card.md."""
    trained = config.trained
    lines = [
        "# portrait",
        "",
        "Aligned GAN portraits put both eyes at the same place of a square frame. The score is the",
        "log density ratio of the eyes' place, and a linear probe on a frozen image encoder.",
        "",
        f"Learnt from {trained.ai} generated and {trained.real} photographed portraits of",
        f"{len(trained.sources)} sources: `{trained.command}`.",
        f"Figures: `{metrics['command']}`; scores are of models that never saw the source.",
        (
            f"AUROC {metrics['auroc']} ({metrics['ai']} generated, {metrics['real']} real),"
            f" 95 % {metrics['auroc_95']}."
        ),
        "",
        "| source | label | n | accused | 95 % (Wilson) | in the template | no face |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in metrics["sources"].items():
        low, high = row["wilson_95"]
        lines.append(
            f"| {name} | {row['label']} | {row['n']} | {row['accused']} | {low:.3f} to {high:.3f}"
            f" | {row['in_template']} | {row['no_face']} |"
        )
    lines += ["", "Accused: a likelihood ratio of 10 and more.", ""]
    return "\n".join([*lines, *_limits(metrics), ""])


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
        "- Tight square head shots reach the template by chance, about 3 in 100 of them.",
        "- Portraits that were cropped, pasted or turned after generation are missed, and so are",
        "  those of other generators.",
    ]


def _options(splits: Sequence[str]) -> str:
    return "".join(f" --split {split}" for split in splits)
