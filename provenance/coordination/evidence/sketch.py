"""What texts are compared by: hashes of words and of word 3-grams, all texts at once in numpy."""

import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from provenance.coordination.evidence.texts import CUT, MIN_WORDS

ALIKE: Final = 0.6
"""Jaccard index of word 3-grams."""
HELD: Final = 0.9
"""Share of a cut text's 3-grams that the other holds."""
TEMPLATE: Final = 0.7
"""Jaccard index of the words of two texts that begin or end with the same `MIN_WORDS` words."""
ROWS, BANDS = 3, 16
"""A Jaccard index of 0.6 meets in a band with probability 0.98, one of 0.2 with 0.12."""
CHUNK: Final = 100_000
"""Pairs of texts that are verified at once."""
Hashes = NDArray[np.uint64]
BASE: Final = np.uint64(0x9E3779B97F4A7C15)
"""Base of the polynomial hash of a word's bytes; odd, so that it has an inverse."""
INVERSE: Final = np.uint64(pow(0x9E3779B97F4A7C15, -1, 2**64))
BATCH: Final = 4_000_000
"""Bytes of text that are hashed at once."""
NUMBER = re.compile(r"\d+")


def mixed(values: Hashes) -> Hashes:
    """Return values with every bit spread over all others (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """Return the different values, sorted; for large arrays faster than numpy's own by hashes."""
    values = np.sort(values)
    return values[np.r_[True, values[1:] != values[:-1]]] if len(values) else values


class Sketches:
    """Words and 3-grams of texts."""

    def __init__(self, texts: list[str]) -> None:
        """Hash them; texts as for `groups`."""
        self.cut = np.array([text.endswith(CUT) for text in texts])
        parts = [_hashed(batch) for batch in _batches(texts)]
        self.words = np.concatenate([words for words, _ in parts])
        counts = np.concatenate([counts for _, counts in parts])
        self.first = np.r_[0, np.cumsum(counts)]
        text = np.repeat(np.arange(len(texts)), counts)
        grams = mixed(
            self.words[:-2] * np.uint64(3)
            + mixed(self.words[1:-1] * np.uint64(5) + mixed(self.words[2:]))
        )
        whole = text[2:] == text[:-2]
        self.grams = grams[whole]
        self.gram_first = np.r_[0, np.cumsum(counts - 2)]

    def buckets(self) -> tuple[Hashes, NDArray[np.int64]]:
        """Return pairs of a bucket and a text in it: MinHash bands, first and last words."""
        starts, number = self.gram_first[:-1], np.arange(len(self.cut))
        found = []
        for band in range(BANDS):
            key = np.full(len(number), band, np.uint64)
            for row in range(ROWS):
                seed = mixed(np.array([band * ROWS + row + 1], np.uint64)) | np.uint64(1)
                key = mixed(key + np.minimum.reduceat(self.grams * seed, starts))
            found.append(key)
        for begin in (self.first[:-1], self.first[1:] - MIN_WORDS):
            key = np.full(len(number), len(found), np.uint64)
            for step in range(MIN_WORDS):
                key = mixed(key + self.words[begin + step])
            found.append(key)
        return np.concatenate(found), np.tile(number, len(found))

    def alike(self, old: NDArray[np.int64], new: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which pairs of texts are near copies."""
        parts = [
            self._alike(old[at : at + CHUNK], new[at : at + CHUNK])
            for at in range(0, len(old), CHUNK)
        ]
        return np.concatenate(parts) if parts else np.zeros(0, bool)

    def _alike(self, old: NDArray[np.int64], new: NDArray[np.int64]) -> NDArray[np.bool_]:
        both, a, b = _overlap(self.grams, self.gram_first, old, new)
        alike = both >= ALIKE * (a + b - both)
        cut = np.where(self.cut[old], a, np.inf), np.where(self.cut[new], b, np.inf)
        alike |= both >= HELD * np.minimum(*cut)
        rest = np.flatnonzero(~alike & self._anchored(old, new))
        both, a, b = _overlap(self.words, self.first, old[rest], new[rest])
        alike[rest] = both >= TEMPLATE * (a + b - both)
        return np.asarray(alike, bool)

    def _anchored(self, old: NDArray[np.int64], new: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which pairs begin, or end, with the same words."""
        steps = np.arange(MIN_WORDS)
        same = [
            (
                self.words[begin[old][:, None] + steps] == self.words[begin[new][:, None] + steps]
            ).all(1)
            for begin in (self.first[:-1], self.first[1:] - MIN_WORDS)
        ]
        return np.asarray(same[0] | same[1])


def _batches(texts: list[str]) -> Any:
    batch, size = [], 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size > BATCH:
            yield batch
            batch, size = [], 0
    yield batch


def _hashed(texts: list[str]) -> tuple[Hashes, NDArray[np.int64]]:
    """Return the hashes of all words, one text after the other, and how many each text has."""
    joined = "".join(f"{text.removesuffix(CUT).rstrip()}\n" for text in texts)
    data = np.frombuffer(NUMBER.sub("0", joined).encode(), np.uint8)
    end = np.flatnonzero((data == ord(" ")) | (data == ord("\n")))
    start = np.r_[0, end[:-1] + 1]
    powers = np.cumprod(np.full(len(data), BASE))
    undo = np.cumprod(np.full(len(data), INVERSE))
    sums = np.r_[np.uint64(0), np.cumsum((data + np.uint64(1)) * powers)]
    words = mixed((sums[end] - sums[start]) * undo[start])
    lines = np.flatnonzero(data[end] == ord("\n"))
    return words, np.diff(np.r_[-1, lines])


def _overlap(
    values: Hashes, first: NDArray[np.int64], old: NDArray[np.int64], new: NDArray[np.int64]
) -> tuple[Any, Any, Any]:
    """Return of each pair of texts how many distinct values both have, and each of them."""
    number = len(old)
    one, other = _owned(values, first, old), _owned(values, first, new)
    seen = np.concatenate([one[0], other[0]])
    owner = np.concatenate([one[1], other[1]])
    order = np.argsort(seen, kind="stable")
    seen, owner = seen[order], owner[order]
    double = owner[1:][seen[1:] == seen[:-1]]
    a, b = np.bincount(one[1], minlength=number), np.bincount(other[1], minlength=number)
    return np.bincount(double, minlength=number), a, b


def _owned(values: Hashes, first: NDArray[np.int64], texts: NDArray[np.int64]) -> tuple[Any, Any]:
    """Return the distinct values of texts, each mixed with the place of its text, and places."""
    counts = first[texts + 1] - first[texts]
    owner = np.repeat(np.arange(len(texts)), counts)
    at = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    own = mixed(values[np.repeat(first[texts], counts) + at] + owner.astype(np.uint64) * BASE)
    own, index = np.unique(own, return_index=True)
    return own, owner[index]
