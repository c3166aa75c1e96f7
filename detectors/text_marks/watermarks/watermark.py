"""One watermark that the user set, looked for in a text."""

import math
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detectors.errors import NotLoadedError
from detectors.item import Item
from detectors.signal import Claim, Outcome, Reason, Signal, Tier, phrase
from detectors.spec import loaded
from detectors.text_marks.watermarks.kgw import GreenLists
from detectors.text_marks.watermarks.score import MOST, Score
from detectors.text_marks.watermarks.settings import Kgw, SynthId, checked, fingerprint, public
from detectors.text_marks.watermarks.synthid import Tournaments

if TYPE_CHECKING:
    from tokenizers import Tokenizer

RARE = 1e-6
"""Chance, shared among all the watermarks that are set, at which a score becomes a finding."""
FEWEST = 100
"""Scored tokens below which a mark that is not found may well be there."""
LETTERS = 16 * MOST
"""Characters that are made into tokens, from the beginning of a text."""
SMALLEST = -300.0
"""log10 of the smallest chance that is told; a number of JSON holds little less."""


class Watermark:
    """Looks for one key's mark."""

    def __init__(self, settings: Kgw | SynthId, among: int) -> None:
        """Check the settings; the tokenizer is read with the first text.

        Args:
            settings: of one watermark.
            among: how many watermarks are set, between which false findings are shared.

        Raises:
            ConfigError: see `settings.checked`.
        """
        keys = checked(settings)
        self.kind = "kgw" if isinstance(settings, Kgw) else "synthid"
        self._settings = settings
        self._threshold = RARE / among
        self._counted: GreenLists | Tournaments
        if isinstance(settings, Kgw):
            self._counted = GreenLists(settings, keys[0])
        else:
            self._counted = Tournaments(settings, keys)
        self.fingerprint = fingerprint(self.kind, keys)
        """Fingerprint of the key."""
        self._layers = len(keys)

    @property
    def public(self) -> dict[str, object]:
        """Its name and parameters, as far as they are no secret."""
        return public(self._settings, self._layers)

    def look(self, item: Item) -> Signal:
        """Return what the text says under the key.

        Raises:
            CannotAssess: the item has no text.
        """
        text = written(item)
        try:
            tokenizer = loaded(lambda: self._tokenizer)
        except NotLoadedError as error:
            return self._broken(str(error.__cause__))
        if (needed := tokenizer.get_vocab_size()) > self._vocabulary(needed):
            return self._broken(f"it has {needed} tokens, more than vocab_size")
        ids = tokenizer.encode(text[:LETTERS], add_special_tokens=False).ids[:MOST]
        return self._judged(self._counted.score(ids))

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        from tokenizers import Tokenizer

        made = Tokenizer.from_file(str(Path(self._settings.tokenizer).expanduser()))
        made.no_truncation()
        made.no_padding()
        return made

    def _vocabulary(self, otherwise: int) -> int:
        """Return how many tokens the lists are drawn from."""
        return self._settings.vocab_size if isinstance(self._settings, Kgw) else otherwise

    def _judged(self, score: Score) -> Signal:
        """Return a finding where the score is rare, else whether the mark could have been seen."""
        chance = float(f"{10 ** max(score.log10_p, SMALLEST):.2g}")
        facts = {
            "p_value": chance,
            "threshold": self._threshold,
            "tokens": score.tokens,
            **score.facts,
        }
        if chance <= self._threshold:
            return self._said(Outcome.FINDING, "found", {"one_in": _one_in(chance)}, facts)
        if score.tokens < FEWEST:
            return self._said(Outcome.NOT_ASSESSED, "short", {"needs": FEWEST}, facts)
        return self._said(Outcome.CLEAR, "clear", {}, facts)

    def _broken(self, error: str) -> Signal:
        """Return the signal of a tokenizer that cannot be used."""
        told = error[:200].encode("utf-8", "backslashreplace").decode()
        return self._said(Outcome.FAILED, "tokenizer", {"error": told}, {})

    def _said(
        self, outcome: Outcome, code: str, args: dict[str, Any], facts: dict[str, Any]
    ) -> Signal:
        row = f"watermark.{self.kind}"
        name = self._settings.name
        return Signal(
            detector="text_marks",
            tier=Tier.METADATA,
            outcome=outcome,
            claim=Claim.AI_GENERATED if outcome is Outcome.FINDING else None,
            source=f"marks:{row}:{self.fingerprint}",
            reason=Reason(
                f"text_marks.watermark.{code}",
                {"name": name, "key": self.fingerprint, "tokens": facts.get("tokens", 0), **args},
            ),
            facts={
                "row": row,
                "family": "watermark",
                "name": name,
                "key_fingerprint": self.fingerprint,
                **facts,
            },
        )


def written(item: Item) -> str:
    """Return the text as it was written, as far as it can be known: a mark is on tokens.

    Nothing is taken out or normalised but the line ends of Windows; of a web page it is the main
    text, since tags were not what the model wrote.

    Raises:
        CannotAssess: the item has no text.
    """
    passage = item.passage
    text = passage.prose if item.media_type == "text/html" else passage.text
    return text.replace("\r\n", "\n")


def _one_in(chance: float) -> dict[str, Any]:
    """Return the phrase of how many texts it takes on average, a power of ten."""
    power = math.floor(-math.log10(chance))
    if power > 15:  # no longer readable with all its zeros
        return phrase("text_marks.watermark.power", power=power)
    return phrase("text_marks.watermark.times", times=10**power)
