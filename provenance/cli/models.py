"""`provenance train | evaluate | calibrate`: a detector's model, from labelled data."""

import sys
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any, TypeVar

import click

from detectors.errors import ConfigError
from detectors.models.report import THRESHOLD
from provenance.cli.options import words_or_json

F = TypeVar("F", bound=Callable[..., Any])
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
PREVALENCES = (0.01, 0.1)
"""Shares of AI among all items: rare, as among a newsroom's letters, and as the default policy."""


def _common(command: F) -> F:
    """Add what the three commands share."""
    command = click.option(
        "--split",
        "splits",
        multiple=True,
        metavar="NAME",
        help="Use these splits of the data; may be repeated.",
    )(command)
    return click.argument("detector")(command)


_folder = click.option(
    "--data",
    required=True,
    type=FOLDER,
    help="Folder with MANIFEST.jsonl (pictures) or *.jsonl.gz (texts).",
)


@click.command()
@_common
@_folder
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that receives weights.safetensors and config.json.",
)
def train(detector: str, data: Path, splits: tuple[str, ...], out: Path) -> None:
    """Train DETECTOR's model on labelled data."""
    _step(detector, "train")(data, out, splits, _say)


@click.command()
@_common
@_folder
@click.option(
    "--model",
    required=True,
    type=FOLDER,
    help="The model's folder; receives metrics.json and card.md.",
)
def evaluate(detector: str, data: Path, splits: tuple[str, ...], model: Path) -> None:
    """Measure DETECTOR's model on labelled data."""
    _step(detector, "evaluate")(data, model, splits, _say)


@click.command()
@_common
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH",
    help="Folder with MANIFEST.jsonl (pictures) or *.jsonl.gz (texts), one such file, or a folder "
    "that holds the folders ai and human (or real).",
)
@click.option(
    "--model",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR|FILE.onnx|RULE:DIR,DIR",
    help="The model; its config.json receives the calibration, a foreign one's provenance.json.",
)
@click.option(
    "--ai-label",
    metavar="NAME",
    help="The output of a foreign picture model that means AI, where its names do not say it.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(min=1),
    default=THRESHOLD,
    show_default=True,
    metavar="LR",
    help="Likelihood ratio from which on you want to act; refused where the sample cannot support "
    "it: that takes 3 times as many independent items that are not AI.",
)
@click.option(
    "--prevalence",
    "prevalences",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    multiple=True,
    default=PREVALENCES,
    show_default=True,
    metavar="SHARE",
    help="Share of AI among your items, for the share of flags that are right; may be repeated.",
)
@words_or_json
def calibrate(
    detector: str,
    *,
    data: Path,
    splits: tuple[str, ...],
    model: Path,
    ai_label: str | None,
    threshold: float,
    prevalences: tuple[float, ...],
    form: str,
) -> None:
    """Turn the scores of DETECTOR's model into likelihood ratios, from labelled data.

    Prints how often items were flagged rightly and wrongly, group by group, by calibrations that
    never saw the item's source.
    """
    from detectors.models.report import report
    from provenance.cli.run import colour, width
    from provenance.render import RenderOptions, calibration

    step = _step(detector, "calibrate")
    named = {} if ai_label is None else {"ai_label": ai_label}
    if named and "ai_label" not in signature(step).parameters:
        raise ConfigError(f"--ai-label: {detector} takes none; the names in config.json say it")
    ways = step(data, model, splits, _say, threshold, **named)
    if not ways:  # nothing became a ratio; what was measured was said
        return
    found = report(
        ways,
        detector=detector,
        model=str(model),
        data=str(data),
        threshold=threshold,
        prevalences=prevalences,
    )
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    look = RenderOptions(width=width(), colour=colour("auto"), unicode=encoding == "utf8")
    write = calibration.write_json if form == "json" else calibration.write
    write(found, sys.stdout, look)


def _step(detector: str, name: str) -> Callable[..., Any]:
    """Return the function of a detector that does this.

    Raises:
        ConfigError: there is no such detector, or it has no model.
    """
    from detectors.catalog import catalog
    from detectors.spec import resolve
    from provenance.engine.config import known_detector

    specs = {spec.name: spec for spec in catalog()}
    known_detector(detector, list(specs))
    target: str | None = getattr(specs[detector], name)
    if target is None:
        able = ", ".join(spec.name for spec in specs.values() if getattr(spec, name))
        raise ConfigError(f"{detector} has no model to {name}; {able} have")
    return resolve(target)


def _say(line: str) -> None:
    click.echo(line, err=True)
