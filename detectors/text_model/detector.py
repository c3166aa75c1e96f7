"""The text classifier as a detector."""

from collections.abc import Mapping
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from detectors.item import Item
from detectors.models.onnx_runtime import refuse_without_torch
from detectors.options import parse_options
from detectors.signal import Signal
from detectors.spec import Settings
from detectors.text_model.config import NAME, load_config

if TYPE_CHECKING:
    from detectors.text_model.judge import Judge


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a user may choose."""

    model: str | None = None
    """Folder of a model made by `train`; None: the one that ships."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the language model runs; the n-grams run on the CPU."""
    fast: bool = False
    """Whether the n-grams alone speak, some hundred times as fast."""


class TextModel:
    """Scores every text, and judges those long enough and in a language it was calibrated for."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Read the model's configuration, not yet its weights.

        Args:
            options: as `Options` names them.

        Raises:
            ConfigError: an option is unknown or wrong, or the folder holds no whole model.
        """
        chosen = parse_options(NAME, options, Options, "options are model, device and fast")
        refuse_without_torch(chosen.device)
        with as_file(files("detectors.text_model")) as shipped:
            self._folder = Path(chosen.model) if chosen.model is not None else shipped
        self._config = load_config(self._folder)
        self._fast, self._device = chosen.fast, chosen.device
        engine = "onnxruntime" if chosen.device == "cpu" else "torch"
        self.version = f"{self._config.format}+{self._config.weights_sha256[:12]}, {engine}"
        self._settings = Settings(
            version=self.version,
            options={"device": chosen.device, "fast": chosen.fast},
            models={NAME: self._config.sha256},
        )

    def settings(self) -> Settings:
        """Return the model's digest, the device and the path."""
        return self._settings

    @cached_property
    def _judge(self) -> "Judge":
        from detectors.text_model.judge import Judge

        return Judge(self._folder, self._config, self._device, fast=self._fast)

    def inspect(self, item: Item) -> list[Signal]:
        """Return one signal: a finding where the wording is likelier from a model, else `clear`.

        `facts.path` is `full` where the language model read the text, `fast` where the n-grams
        spoke alone: on request, and for languages that it does not know. `facts.words` counts the
        words that are assessed, some 2,000 at most; `facts.read_to` is the character up to which
        they go, where the text goes on.

        A text of more than 260 words is assessed by windows too: `facts.spans`, as `passages.told`
        gives them. The signal's own ratio is that of the whole text.

        Raises:
            CannotAssess: the item has no text.
        """
        return [self._judge.signal(item.passage.plain)]
