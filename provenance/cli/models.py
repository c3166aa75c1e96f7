"""`provenance train | evaluate | calibrate`: a detector's model, from labelled data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from detectors.errors import ConfigError

F = TypeVar("F", bound=Callable[..., Any])
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def _common(command: F) -> F:
    """Add what the three commands share."""
    command = click.option(
        "--split",
        "splits",
        multiple=True,
        metavar="NAME",
        help="Use these splits of the data; may be repeated.",
    )(command)
    command = click.option(
        "--data",
        required=True,
        type=FOLDER,
        help="Folder with MANIFEST.jsonl (pictures) or *.jsonl.gz (texts).",
    )(command)
    return click.argument("detector")(command)


@click.command()
@_common
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
    "--model",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR|RULE:DIR,DIR",
    help="The model; its config.json receives the calibration, a foreign one's provenance.json.",
)
def calibrate(detector: str, data: Path, splits: tuple[str, ...], model: Path) -> None:
    """Turn the scores of DETECTOR's model into likelihood ratios, from labelled data."""
    _step(detector, "calibrate")(data, model, splits, _say)


def _step(detector: str, name: str) -> Callable[..., Any]:
    """Give the function of a detector that does this.

    Raises:
        ConfigError: there is no such detector, or it has no model.
    """
    from detectors.catalog import catalog
    from detectors.spec import resolve
    from provenance.engine.choose import known_detector

    specs = {spec.name: spec for spec in catalog()}
    known_detector(detector, list(specs))
    target: str | None = getattr(specs[detector], name)
    if target is None:
        able = ", ".join(spec.name for spec in specs.values() if getattr(spec, name))
        raise ConfigError(f"{detector} has no model to {name}; {able} have")
    return resolve(target)


def _say(line: str) -> None:
    click.echo(line, err=True)
