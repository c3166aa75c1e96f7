"""What the text model says of a text: imported where one is judged."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from detectors.decode.memory import loading
from detectors.signal import Signal
from detectors.text_model.assess import assessed
from detectors.text_model.config import Config, ScoringPath
from detectors.text_model.language import language
from detectors.text_model.long.passages import told
from detectors.text_model.long.pieces import pieces
from detectors.text_model.long.windows import LONG_FROM, windows
from detectors.text_model.normalise import normalise, words

if TYPE_CHECKING:
    from detectors.text_model.forward import Weights


class Judge:
    """A model that scores every text, and judges those long enough and in a known language."""

    def __init__(self, folder: Path, config: Config, device: str, *, fast: bool) -> None:
        """Keep the choice; weights are read with the first text."""
        self._folder, self._config, self._device, self._fast = folder, config, device, fast

    @cached_property
    def _weights(self) -> "Weights":
        from detectors.text_model.forward import load

        with loading():
            return load(self._folder)

    def signal(self, plain: str) -> Signal:
        """Return what is said of a text."""
        text = normalise(plain)
        code = language(text)
        path: ScoringPath = "full" if code in self._config.languages and not self._fast else "fast"
        seen = self._by_windows if words(text) > LONG_FROM else self._at_once
        facts = seen(plain, text, path, code) | {"language": code}
        languages = {*self._config.full, *self._config.fast}
        needs, calibrations = self._config.minimum_words, self._config.calibrations(path)
        return assessed(facts, needs, calibrations, languages)

    def _at_once(
        self, _plain: str, text: str, path: ScoringPath, _code: str | None
    ) -> dict[str, Any]:
        """Return the score of a text of one window."""
        from detectors.text_model.forward import read, see

        seen = see(text, self._config)
        if path == "full":
            seen = msgspec.structs.replace(seen, reading=read(text, self._device))
        return {"score": self._weights.score(seen, path), "path": path, "words": words(text)}

    def _by_windows(
        self, plain: str, text: str, path: ScoringPath, code: str | None
    ) -> dict[str, Any]:
        """Return score and spans of a text of several windows."""
        from detectors.text_model.long import reading

        found = pieces(plain)
        known = reading.read(found, self._device) if path == "full" else reading.Long(found)
        scored = [(w, known.score(w, path, self._weights, self._config)) for w in windows(found)]
        calibration = self._config.passages.get(path, {}).get(code or "")
        facts: dict[str, Any] = {
            "score": known.whole(text, path, self._weights, self._config),
            "path": path,
            "words": known.words,
            "spans": told(scored, found, plain, calibration),
        }
        end = found[-1].end
        return facts | ({"read_to": end} if plain[end:].strip() else {})
