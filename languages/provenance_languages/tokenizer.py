"""A text as the encoder's tokens: a unigram model of pieces of words (Kudo 2018).

Equal to the tokenizer of XLM-RoBERTa, whose pieces, scores and letters these are; a test holds it
to tokens that the encoder's own program gave.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FIRST, LAST, UNKNOWN = 0, 2, 3
"""Tokens that start and end a text, and that stand for a letter without a piece."""
SPACE = "\u2581"
"""Stands for a space, at the start of a piece only."""
PENALTY = 10.0
"""An unknown letter scores so much less than the least likely piece."""
REMEMBERED = 50_000
"""Words whose tokens are kept."""
LONGEST_WORD = 400
"""Letters that are looked at as one word: bounds the time of texts without spaces."""


class Tokenizer:
    """Knows the pieces."""

    def __init__(self, stored: "Mapping[str, NDArray[Any]]") -> None:
        """Take the vocabulary.

        Args:
            stored: `pieces` (bytes of UTF-8, one after the other), `pieces.lengths`, `scores` (log
                probabilities), `letters` (code points) and what they become.
        """
        self._table = _table(stored)
        raw = stored["pieces"].tobytes()
        ends = stored["pieces.lengths"].cumsum(dtype="int64").tolist()
        texts = [raw[a:b].decode() for a, b in zip([0, *ends], ends, strict=False)]
        scores = stored["scores"].tolist()
        self._pieces = {
            text: (at, score)
            for at, (text, score) in enumerate(zip(texts, scores, strict=True))
            if text and at > UNKNOWN
        }
        self._longest = max(map(len, self._pieces))
        self._unknown = min(scores) - PENALTY
        self._word = lru_cache(REMEMBERED)(self._best)

    def encode(self, text: str, most: int) -> list[int]:
        """Return the first `most` tokens of a text, without those that start and end it."""
        found: list[int] = []
        for word in text[: 16 * most].translate(self._table).split(" "):
            for at in range(0, max(len(word), 1), LONGEST_WORD):
                part = word[at : at + LONGEST_WORD]
                found += self._word(part if at else SPACE + part) if part else ()
            if len(found) >= most:
                break
        return found[:most]

    def _best(self, word: str) -> tuple[int, ...]:
        """Return the likeliest pieces of a word (Viterbi)."""
        n = len(word)
        best = [0.0] + [-1e30] * n
        made, back = [UNKNOWN] * (n + 1), [0] * (n + 1)
        for start in range(n):
            so_far = best[start]
            for end in range(start + 1, min(n, start + self._longest) + 1):
                piece = self._pieces.get(word[start:end])
                if piece is not None and so_far + piece[1] > best[end]:
                    best[end], made[end], back[end] = so_far + piece[1], piece[0], start
            if so_far + self._unknown > best[start + 1]:
                best[start + 1], made[start + 1] = so_far + self._unknown, UNKNOWN
                back[start + 1] = start
        found, end = [], n
        while end:
            found.append(made[end])
            end = back[end]
        return tuple(reversed(found))


def _table(stored: "Mapping[str, NDArray[Any]]") -> dict[int, str]:
    """Return what letters become: NFKC nearly, and a space for what cannot be seen."""
    targets = stored["letters.become"].tolist()
    ends = stored["letters.lengths"].cumsum(dtype="int64").tolist()
    parts = ["".join(map(chr, targets[a:b])) for a, b in zip([0, *ends], ends, strict=False)]
    return dict(zip(stored["letters"].tolist(), parts, strict=True))
