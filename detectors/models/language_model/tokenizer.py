"""A text as the language model's tokens: byte-level BPE, digits one by one.

Equal to what the `tokenizers` library makes of the same merges, which a test holds; that library
brings a client for a model hub along, and reading its form of the vocabulary takes longer.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from heapq import heapify, heappop, heappush
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIRST = 0
"""The token that starts each text."""
NO_TOKEN = 0xFFFF
REMEMBERED = 50_000
"""Words whose tokens are kept."""
_PIECE = re.compile(
    r"'(?:s|t|re|ve|m|ll|d)| ?[^\W\d_]+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+",
)
"""Pattern of GPT-2 (openai/gpt-2, encoder.py), digits aside."""


class Tokenizer:
    """Knows the vocabulary."""

    def __init__(self, letters: "NDArray[np.uint16]", merges: "NDArray[np.uint16]") -> None:
        """Take the vocabulary.

        Args:
            letters: (256,), the token of each byte, 65,535 where there is none.
            merges: (n, 2), pairs of tokens; the k-th makes the k-th of the last n tokens.
        """
        pairs = merges.astype("int64")
        keys = (pairs[:, 0] << 16 | pairs[:, 1]).tolist()
        base = 1 + int(letters[letters != NO_TOKEN].max())
        self._letters: list[int] = letters.tolist()
        self._made = dict(zip(keys, range(base, base + len(keys)), strict=True))
        self._word = lru_cache(REMEMBERED)(self._merged)

    def encode(self, text: str, most: int) -> list[int]:
        """Return the first `most` tokens of a text, the one that starts it among them.

        A text so strange that its first tokens span more than 16 characters each may end otherwise
        than a longer run would.
        """
        found = [FIRST]
        for piece in _pieces(text[: 16 * most]):
            if len(found) >= most:
                break
            found += self._word(piece)
        return found[:most]

    def _merged(self, piece: str) -> tuple[int, ...]:
        """Return the tokens of a piece: the earliest merge first, of equals the leftmost."""
        raw = piece.encode("utf-8", "replace")
        ids = [token for byte in raw if (token := self._letters[byte]) != NO_TOKEN]
        n = len(ids)
        after, before = list(range(1, n + 1)), list(range(-1, n - 1))
        waiting = [
            (made, at)
            for at, (left, right) in enumerate(pairwise(ids))
            if (made := self._made.get(left << 16 | right)) is not None
        ]
        heapify(waiting)
        while waiting:
            made, at = heappop(waiting)
            right = after[at]
            if ids[at] < 0 or right >= n or self._made.get(ids[at] << 16 | ids[right]) != made:
                continue  # one of the two was merged since
            ids[at], ids[right] = made, -1
            after[at] = after[right]
            if after[at] < n:
                before[after[at]] = at
            for start, end in ((before[at], at), (at, after[at])):
                if start >= 0 and end < n:
                    new = self._made.get(ids[start] << 16 | ids[end])
                    if new is not None:
                        heappush(waiting, (new, start))
        return tuple(token for token in ids if token >= 0)


def _pieces(text: str) -> Iterator[str]:
    """Yield the parts of a text that are merged apart."""
    for numeral, run in groupby(text, _is_numeral):
        if numeral:
            yield from run
        else:
            yield from _PIECE.findall("".join(run))


def _is_numeral(character: str) -> bool:
    """Tell whether a character is of Unicode's categories Nd, Nl or No."""
    return character.isnumeric() and not character.isalpha()
