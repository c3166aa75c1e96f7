"""What the model sees of a text: which n-grams it has, hashed, and its style in numbers."""

import math
import re
import zlib
from collections import Counter
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

LONGEST_GRAM = 5
"""Characters of the longest n-gram; the shortest has 2."""
BASE = 0x9E3779B97F4A7C15
"""Base of the polynomial hash: 2^64 / golden ratio (Knuth), odd, so that it has an inverse."""
MIX = 0xFF51AFD7ED558CCD
"""Multiplier of the finaliser of MurmurHash3, so that the upper bits depend on all."""
_STEP = np.uint64(BASE)
_BACK = np.uint64(pow(BASE, -1, 1 << 64))
_TOKEN = re.compile(r"\w+|[^\w\s]")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_SENTENCE_END = re.compile(r"(?<![.!?])[.!?]++[\"')]*+\s|[\u3002\uff01\uff1f]")
LONG, LONGER = 7, 11
"""Letters from which on a word is long."""
STYLE = (
    "log words", "word length", "word length sd", "long words", "longer words",
    "log sentence length", "sentence length sd", "log longest sentence", "log shortest sentence",
    "types", "hapaxes", "commonest word", "commas", "full stops", "colons", "question marks",
    "exclamation marks", "quotes", "apostrophes", "brackets", "hyphens", "dashes", "dots", "digits",
    "capitals", "words in capitals", "capitalised words", "zlib", "zlib x log length",
    "repeated pairs", "sentence openings", "-ing", "-ly", "contractions", "closed",
)  # fmt: skip
"""The numbers of `style`, in order. Shares are square-rooted where they are small counts."""


def grams(text: str, character_bits: int, word_bits: int) -> NDArray[np.int64]:
    """Return the buckets of a text's n-grams, rising, each once.

    Characters: 2 to 5 of the lower-cased text with a space at either end, in buckets 0 to
    2^character_bits - 1. Tokens (words, punctuation marks): 1 and 2, in the 2^word_bits after them.

    Args:
        text: normalised.
        character_bits: log2 of the number of buckets for characters, 1..40.
        word_bits: the same for words.
    """
    lower = text.lower()
    rolling = codes(f" {lower} ")
    padded, buckets = rolling, []
    for n in range(2, LONGEST_GRAM + 1):
        rolling = rolling[:-1] * _STEP + padded[n - 1 :]
        buckets.append(_bucket(rolling + np.uint64(n), character_bits))
    tokens = token_hashes(lower)
    pairs = tokens[:-1] * _STEP + tokens[1:] + np.uint64(1)
    buckets += [_bucket(of, word_bits) + (1 << character_bits) for of in (tokens, pairs)]
    rising = np.sort(np.concatenate(buckets))
    # What np.unique gives, which hashes first and takes longer.
    distinct: NDArray[np.int64] = rising[np.append([True], rising[1:] != rising[:-1])]
    return distinct


def codes(text: str) -> NDArray[np.uint64]:
    """Return the code points of a text; a lone surrogate counts as a question mark."""
    points = np.frombuffer(text.encode("utf-32-le", "replace"), "<u4")
    return points.astype(np.uint64)


def token_hashes(text: str) -> NDArray[np.uint64]:
    """Return a hash of each token: the sum of (code + 1) x BASE^position, modulo 2^64.

    Taken from differences of one running sum, moved back to position 0 by the inverse of BASE.
    """
    spans = np.array([hit.span() for hit in _TOKEN.finditer(text)], np.int64).reshape(-1, 2)
    powers = _powers(_STEP, len(text))
    terms = (codes(text) + np.uint64(1)) * powers[:-1]
    running = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
    hashes: NDArray[np.uint64] = running[spans[:, 1]] - running[spans[:, 0]]
    return hashes * _powers(_BACK, len(text))[spans[:, 0]]


def style(text: str) -> NDArray[np.float32]:
    """Return the numbers that `STYLE` names, finite for every text, the empty one too."""
    found = _WORD.findall(text)
    lower = [word.lower() for word in found]
    values = _of_words(found) + _of_sentences(text) + _of_repetition(lower)
    values += _of_marks(text, max(len(found), 1)) + _of_letters(text, found) + _of_packing(text)
    return np.array(values + _of_wording(text, lower), np.float32)


def _of_words(found: list[str]) -> list[float]:
    lengths = np.array([len(word) for word in found] or [0], np.float64)
    long, longer = float((lengths >= LONG).mean()), float((lengths >= LONGER).mean())
    return [math.log1p(len(found)), float(lengths.mean()), float(lengths.std()), long, longer]


def _of_sentences(text: str) -> list[float]:
    counts = [len(_WORD.findall(part)) for part in _SENTENCE_END.split(text) if part.strip()]
    lengths = np.array(counts or [0], np.float64) + 0.5
    mean = float(lengths.mean())
    ends = [math.log(lengths.max()), math.log(lengths.min())]
    return [math.log(mean), float(lengths.std()) / mean, *ends]


def _of_repetition(lower: list[str]) -> list[float]:
    counts = Counter(lower)
    n = max(len(lower), 1)
    once = sum(count == 1 for count in counts.values())
    return [
        math.log1p(len(counts)) / math.log(n + 2),
        once / n,
        max(counts.values(), default=0) / n,
    ]


def _of_marks(text: str, n: int) -> list[float]:
    marks = (",", ".", ";:", "?", "!", '"', "'", "([", "-", (" - ",), ("...",))
    return [math.sqrt(sum(map(text.count, mark)) / n) for mark in marks]


def _of_letters(text: str, found: list[str]) -> list[float]:
    n = max(len(found), 1)
    letters = sum(map(str.isalpha, text)) or 1
    shouted = sum(word.isupper() and len(word) > 1 for word in found)
    shares = (
        sum(map(str.isdigit, text)) / max(len(text), 1),
        sum(map(str.isupper, text)) / letters,
        shouted / n,
        sum(word[0].isupper() for word in found) / n,
    )
    return [math.sqrt(share) for share in shares]


def _of_packing(text: str) -> list[float]:
    length = max(len(text), 1)
    ratio = len(zlib.compress(text.encode("utf-8", "replace"), 6)) / length
    return [ratio, ratio * math.log(length)]


def _of_wording(text: str, lower: list[str]) -> list[float]:
    n = max(len(lower), 1)
    pairs = len(set(pairwise(lower))) / (n - 1) if n > 1 else 1.0
    opened = [part.split(None, 1)[0] for part in _SENTENCE_END.split(text.lower()) if part.strip()]
    return [
        math.sqrt(1 - pairs),
        len(set(opened)) / max(len(opened), 1),
        sum(word.endswith("ing") for word in lower) / n,
        sum(word.endswith("ly") for word in lower) / n,
        sum("'" in word for word in lower) / n,
        float(text[-1:] in tuple('.!?"')),
    ]


def _powers(base: np.uint64, n: int) -> NDArray[np.uint64]:
    """Return base^0 to base^n modulo 2^64."""
    powers = np.full(n + 1, base, np.uint64)
    powers[0] = 1
    return np.cumprod(powers, dtype=np.uint64)


def _bucket(hashes: NDArray[np.uint64], bits: int) -> NDArray[np.int64]:
    """Return the upper bits of mixed hashes."""
    mixed = (hashes ^ (hashes >> np.uint64(33))) * np.uint64(MIX)
    return (mixed >> np.uint64(64 - bits)).astype(np.int64)
