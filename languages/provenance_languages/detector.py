"""The wording of texts in other languages, as a detector."""

from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from detectors.item import Item
from detectors.options import parse_options
from detectors.signal import Outcome, Reason, Signal, statistical, weighed
from detectors.spec import Settings
from detectors.text_model.language import language
from detectors.text_model.normalise import normalise, words
from provenance_languages.config import NAME, load_config

if TYPE_CHECKING:
    from provenance_languages.probe import Probe

_signal = partial(statistical, NAME, "text")


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a user may choose."""

    model: str | None = None
    """Folder of a probe made by `train`; None: the one that ships."""


class TextLanguages:
    """Scores texts in the languages it knows, and judges those long enough where it may."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Read the probe's configuration, not yet the weights.

        Args:
            options: as `Options` names them.

        Raises:
            ConfigError: an option is unknown or wrong, or the folder holds no whole probe.
        """
        chosen = parse_options(NAME, options, Options, "the option is model")
        self._folder = Path(__file__).parent if chosen.model is None else Path(chosen.model)
        self._config = load_config(self._folder)
        self.version = f"{self._config.format}+{self._config.weights_sha256[:12]}, numpy"

    def settings(self) -> Settings:
        """Return the probe's digest, which names the encoder's."""
        return Settings(version=self.version, models={NAME: self._config.sha256})

    @cached_property
    def _probe(self) -> "Probe":
        from provenance_languages.probe import load

        return load(self._folder)

    def inspect(self, item: Item) -> list[Signal]:
        """Return one signal: a finding where the wording is likelier from a model, else `clear`.

        `facts.words` counts the words of the text, 500 at most, of which the encoder reads the
        first 256 tokens. Texts in languages that are not judged have no `facts.score`.

        Raises:
            CannotAssess: the item has no text.
        """
        text = normalise(item.passage.plain)
        code, known = language(text), self._config
        facts: dict[str, Any] = {"words": words(text), "language": code}
        if code is None or code not in (*known.languages, *known.silent):
            return [self._unassessed("language", facts)]
        if not known.calibrations and code in known.languages:
            facts["score"] = self._score(text, code)
            return [self._unassessed("uncalibrated", facts)]
        if code not in known.calibrations:
            return [self._unassessed("silent", facts)]
        facts["score"] = self._score(text, code)
        if facts["words"] < known.minimum_words:
            return [self._unassessed("too_short", facts)]
        return [self._assessed(known.calibrations[code].log10_lr(facts["score"]), facts)]

    def _score(self, text: str, code: str) -> float:
        """Return the score of a normalised text."""
        from provenance_languages.encoder import encoder
        from provenance_languages.probe import wording

        model = encoder()
        reading = model(model.tokens(wording(text)))
        return self._probe.score(reading.ravel(), self._config.languages.index(code), words(text))

    def _unassessed(self, why: str, facts: dict[str, Any]) -> Signal:
        """Return why a text is not judged."""
        judged = ", ".join(sorted(self._config.calibrations)) or "none"
        args = {"language": facts["language"] or "unknown", "judged": judged}
        if why == "too_short":
            args = {"words": facts["words"], "needs": self._config.minimum_words}
        reason = Reason(f"{NAME}.{why}", {} if why == "uncalibrated" else args)
        return _signal(Outcome.NOT_ASSESSED, reason, facts)

    def _assessed(self, log10_lr: float, facts: dict[str, Any]) -> Signal:
        """Return what a ratio says."""
        outcome = weighed(log10_lr)
        word = "likelier" if outcome is Outcome.FINDING else "not_likelier"
        args = {"words": facts["words"], "language": facts["language"]}
        return _signal(outcome, Reason(f"{NAME}.{word}", args), facts, log10_lr=log10_lr)
