"""Published detectors of pictures, from a path of the user's: shown, and judged once calibrated.

The gate is that of the shipped model, by its own probe: what is tiny, flat, a screen, chart or
drawing is not assessed, whoever would score it, and calibrates nothing. A strong ratio has to
survive the same re-encodings as with the shipped model.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from detectors.decode.memory import loading
from detectors.errors import CannotAssess, ConfigError
from detectors.image_model.assess import NAME, assessed, outside
from detectors.image_model.external.layouts import chosen, layout, sidecar
from detectors.image_model.model import SHIPPED, load_model
from detectors.item import Item
from detectors.models import external
from detectors.models.encoder.tokens import AS_IT_IS, Device
from detectors.models.onnx_runtime import refuse_without_provider, refuse_without_torch
from detectors.models.report import PathReport
from detectors.options import parse_options
from detectors.signal import Outcome, Reason, Signal
from detectors.spec import Settings

if TYPE_CHECKING:
    from detectors.image_model.external.layouts import Chosen
    from detectors.image_model.external.scorer import Scorer
    from detectors.image_model.forward import Probes

ALL = "all"
"""The one calibration of pictures."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a user may choose."""

    model: str
    """A folder, or an ONNX file."""
    device: Device = "cpu"
    ai_label: str | None = None
    """Name of the label that means AI; None: told by the words of the names."""


class _Loaded(msgspec.Struct, frozen=True):
    """A model that can be asked."""

    sha256: str
    scorer: "Scorer"
    probes: "Probes"


class ExternalModel:
    """Scores pictures by a published detector; judges where it has been calibrated."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Look at the model's files, not yet at the weights.

        Raises:
            ConfigError: an option or the model cannot be used.
        """
        said = parse_options(NAME, options, Options, "use model, device, ai_label")
        self._which, self._device = chosen(Path(said.model), said.ai_label), said.device
        onnx = self._which.layout == "onnx"
        (refuse_without_provider if onnx else refuse_without_torch)(self._device)
        self._sidecar = external.load_sidecar(
            self._which.folder, NAME, self._which.layout, external.CalibrationSidecar
        )
        self._gate = load_model(SHIPPED).config
        self.version: str = self._which.layout

    @cached_property
    def _sha256(self) -> str:
        """Of the weights, hex."""
        return external.digest(self._which.weights)

    @cached_property
    def _settings(self) -> Settings:
        which = self._which
        sha256 = external.identity(self._sha256, which.settings_sha256, self._sidecar)
        options = {"layout": which.layout, "device": self._device}
        return Settings(version=which.layout, options=options, models={NAME: sha256})

    def settings(self) -> Settings:
        """Return the model's digest, its layout and the device."""
        return self._settings

    @cached_property
    def _opened(self) -> _Loaded | CannotAssess:
        """The model, or why it cannot be asked, found out once."""
        from detectors.image_model.external.scorer import Scorer
        from detectors.image_model.forward import Probes

        try:
            sha256 = self._sha256
            _refuse_another(self._which, sha256)
            self.version = f"{self._which.layout}+{sha256[:12]}, {self._device}"
            known = self._sidecar
            if known is not None and known.weights_sha256 != sha256:
                return CannotAssess(Outcome.FAILED, Reason("image_model.other_weights"))
            if known is not None and known.settings_sha256 != self._which.settings_sha256:
                return CannotAssess(Outcome.FAILED, Reason("image_model.other_settings"))
            with loading():
                scorer = Scorer(self._which, self._device)
        except ConfigError as error:
            return _unusable(error)
        return _Loaded(sha256, scorer, Probes(SHIPPED, self._gate.blocks))

    def inspect(self, item: Item) -> list[Signal]:
        """Return one signal: `not_assessed` with a score until the model has been calibrated.

        Raises:
            CannotAssess: the picture cannot be opened, or the model cannot be asked: it cannot be
                loaded, or is not the one that was calibrated.
        """
        opened = self._opened
        if isinstance(opened, CannotAssess):
            raise opened

        def score(how: str) -> float:
            return opened.scorer.after(item, how)

        try:
            facts: dict[str, Any] = {"score": score(AS_IT_IS), "path": "full"}
            facts["model"] = {"layout": self._which.layout, "sha256": opened.sha256}
            reason = outside(item, self._gate.gate, opened.probes, self._device, facts)
            known = self._sidecar.calibrations.get(ALL) if self._sidecar is not None else None
            return [assessed(facts, reason, known, score)]
        except ConfigError as error:
            raise _unusable(error) from error


def digest(which: "Chosen") -> str:
    """Return the SHA-256 of a model's weights, hex.

    Raises:
        ConfigError: an ONNX file is not the one that the file beside it describes.
    """
    found = external.digest(which.weights)
    _refuse_another(which, found)
    return found


def _refuse_another(which: "Chosen", sha256: str) -> None:
    """Refuse an ONNX file that is not the one that the file beside it describes.

    Raises:
        ConfigError: it is another.
    """
    if which.layout == "onnx":
        file = which.weights[0]
        if (named := sidecar(file).sha256.lower()) != sha256:
            raise ConfigError(f"{file}: its sha256 is {sha256}; the file beside it names {named!r}")


def _unusable(error: ConfigError) -> CannotAssess:
    """Return the fault of a model that cannot be asked."""
    told = str(error).encode("utf-8", "backslashreplace").decode()
    return CannotAssess(Outcome.FAILED, Reason("image_model.unusable", {"error": told}))


def detector(options: Mapping[str, Any]) -> Any:
    """Return the detector for the model that is chosen: a published one, or one of this form.

    Raises:
        ConfigError: an option cannot be used.
    """
    model = options.get("model")
    if isinstance(model, str) and layout(Path(model)) is not None:
        return ExternalModel(options)
    from detectors.image_model.detector import ImageModel

    return ImageModel(options)


def calibrate(
    data: Path,
    model: Path,
    splits: tuple[str, ...],
    say: Callable[[str], None],
    threshold: float,
    *,
    ai_label: str | None = None,
    device: Device = "cpu",
) -> list[PathReport]:
    """Measure what scores are worth on labelled pictures, and write it beside the model.

    Args:
        data: labelled pictures, as `features.rows` takes them.
        model: a folder, or an ONNX file.
        splits: what to calibrate on; empty: all there are.
        say: told of progress.
        threshold: the likelihood ratio that the sample has to support.
        ai_label: name of the label that means AI, where the names do not say it.
        device: where the model runs.

    Returns:
        What the calibration is worth.

    Raises:
        ConfigError: data or model cannot be used, or the sample does not support the threshold.
    """
    from detectors.image_model.external import measure
    from detectors.image_model.external.scorer import Scorer
    from detectors.image_model.training import evaluate

    if layout(model) is None:
        return evaluate.calibrate(data, model, splits, say, threshold)
    which = chosen(model, ai_label)
    sha256 = digest(which)
    named = "".join(f" --split {split}" for split in splits)
    command = f"provenance calibrate {NAME} --data {data.name} --model {model.name}{named}"
    made, path_report = measure.calibration(
        data, splits, Scorer(which, device), command=command, threshold=threshold, say=say
    )
    sidecar = external.CalibrationSidecar(
        format=external.form(NAME),
        rule=which.layout,
        weights_sha256=sha256,
        settings_sha256=which.settings_sha256,
        command=command,
        calibrations={ALL: made},
    )
    external.save_sidecar(which.folder, sidecar)
    return [path_report]
