"""Models of others as text classifiers: transformers folders of the user's own, by two rules too.

`DIR` is a sequence classifier; `fast-detect:DIR` and `binoculars:OBSERVER,PERFORMER` are rules
over language models (`rules.py`).

Nothing is fetched, no code of a folder is run, weights are safetensors alone. What a score is worth
nobody knows until `provenance calibrate` has measured it on labelled texts; until then it is given
and not assessed.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import msgspec

from detectors.decode.memory import loading
from detectors.errors import CannotAssess
from detectors.item import Item
from detectors.models import external
from detectors.models.onnx_runtime import refuse_without_torch
from detectors.models.report import PathReport
from detectors.options import parse_options
from detectors.signal import Outcome, Reason, Signal
from detectors.spec import Settings
from detectors.text_model.config import NAME
from detectors.text_model.external.choice import chosen, is_external
from detectors.text_model.external.rules import Scorer

MINIMUM_WORDS = 50
"""Shorter texts are scored and never assessed, whatever the model."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a user may choose."""

    model: str
    """`DIR` or `RULE:DIR,DIR`."""
    device: Literal["cpu", "cuda"] = "cpu"
    fast: bool = False
    """There is no fast path."""


class ExternalModel:
    """Scores texts by a model of the user's own; judges where it has been calibrated."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Look at the folders, not yet at the weights.

        Raises:
            ConfigError: an option or a folder cannot be used.
        """
        said = parse_options(NAME, options, Options, "options are model, device and fast")
        refuse_without_torch(said.device)
        self._chosen, self._device = chosen(said.model), said.device
        self._sidecar = external.load_sidecar(
            self._chosen.folders[0], NAME, self._chosen.rule, external.CalibrationSidecar
        )
        self.version = f"{self._chosen.rule}, transformers"

    @cached_property
    def _loaded(self) -> tuple[str, Scorer]:
        """The weights' digest and the model."""
        found = self._chosen.sha256
        self.version = f"{self._chosen.rule}+{found[:12]}, transformers"
        known = self._sidecar
        if known is not None and known.weights_sha256 != found:
            raise CannotAssess(Outcome.FAILED, Reason("text_model.other_weights"))
        if known is not None and known.settings_sha256 != self._chosen.settings_sha256:
            raise CannotAssess(Outcome.FAILED, Reason("text_model.other_settings"))
        with loading():
            return found, Scorer(self._chosen, self._device)

    @cached_property
    def _settings(self) -> Settings:
        which = self._chosen
        sha256 = external.identity(which.sha256, which.settings_sha256, self._sidecar)
        options = {"rule": which.rule, "device": self._device}
        return Settings(version="transformers", options=options, models={NAME: sha256})

    def settings(self) -> Settings:
        """Return the model's digest, the rule and the device."""
        return self._settings

    def inspect(self, item: Item) -> list[Signal]:
        """Return one signal: `not_assessed` with a score until the model has been calibrated.

        Raises:
            CannotAssess: the item has no text, or the weights are not those that were calibrated.
        """
        from detectors.text_model.assess import assessed
        from detectors.text_model.language import language
        from detectors.text_model.normalise import normalise, words

        text = normalise(item.passage.plain)
        found, scorer = self._loaded
        facts: dict[str, Any] = {
            "score": scorer.score(text),
            "path": "full",
            "words": words(text),
            "language": language(text),
            "model": {"rule": self._chosen.rule, "sha256": found},
        }
        calibrations = {} if self._sidecar is None else self._sidecar.calibrations
        return [assessed(facts, MINIMUM_WORDS, calibrations, set(calibrations))]


def detector(options: Mapping[str, Any]) -> Any:
    """Return the detector for the model that is chosen: another's, or one of this form.

    Raises:
        ConfigError: an option cannot be used.
    """
    model = options.get("model")
    if isinstance(model, str) and is_external(model):
        return ExternalModel(options)
    from detectors.text_model.detector import TextModel

    return TextModel(options)


def calibrate(
    data: Path,
    model: Path,
    splits: tuple[str, ...],
    say: Callable[[str], None],
    threshold: float = 0.0,
) -> list[PathReport]:
    """Measure what scores are worth on labelled texts, and write it beside the model.

    Args:
        data: labelled texts, as `records.read` takes them.
        model: folder of a model, or `RULE:DIR,DIR`.
        splits: what to calibrate on; empty: all there are.
        say: told of progress.
        threshold: the likelihood ratio that the sample has to support; 0: whatever it does.

    Returns:
        What the calibrations are worth.

    Raises:
        ConfigError: data or model cannot be used, or no language supports the threshold.
    """
    from detectors.text_model.training import evaluate

    if not is_external(str(model)):
        return evaluate.calibrate(data, model, splits, say, threshold)
    from detectors.text_model.training import measure

    which = chosen(str(model))
    chosen_splits = "".join(f" --split {split}" for split in splits)
    command = f"provenance calibrate {NAME} --data {data.name} --model {model.name}{chosen_splits}"
    made, path_report = measure.calibrations(
        data, splits, Scorer(which, "cpu"), command=command, threshold=threshold, say=say
    )
    sidecar = external.CalibrationSidecar(
        format=external.form(NAME),
        rule=which.rule,
        weights_sha256=which.sha256,
        settings_sha256=which.settings_sha256,
        command=command,
        calibrations=made,
    )
    external.save_sidecar(which.folders[0], sidecar)
    return [path_report]
