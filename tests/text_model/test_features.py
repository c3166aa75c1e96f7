import re
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.text_model.features import BASE, MIX, STYLE, grams, style

SPACE = 1 << 64


def bucket(value: int, bits: int) -> int:
    value %= SPACE
    return ((value ^ (value >> 33)) * MIX % SPACE) >> (64 - bits)


def plainly(text: str, character_bits: int, word_bits: int) -> list[int]:
    """The definition, one n-gram at a time."""
    lower = text.lower()
    padded, found = f" {lower} ", set()
    for n in range(2, 6):
        for start in range(len(padded) - n + 1):
            value = 0
            for character in padded[start : start + n]:
                value = value * BASE + ord(character)
            found.add(bucket(value + n, character_bits))
    tokens = [
        sum((ord(character) + 1) * BASE**place for place, character in enumerate(token))
        for token in re.findall(r"\w+|[^\w\s]", lower)
    ]
    pairs = [a * BASE + b + 1 for a, b in pairwise(tokens)]
    found |= {(1 << character_bits) + bucket(value, word_bits) for value in tokens + pairs}
    return sorted(found)


@given(st.text(max_size=40), st.integers(4, 20), st.integers(4, 20))
def test_vectorised_hashing_equals_the_definition(text: str, c: int, w: int) -> None:
    assert grams(text, c, w).tolist() == plainly(text, c, w)


def test_buckets_are_those_of_every_release() -> None:
    assert grams("A cat.", 19, 18).tolist() == plainly("a cat.", 19, 18)
    assert grams("ab", 10, 10).tolist() == [88, 178, 328, 525, 788, 1011, 1912]


@given(st.text(max_size=300))
def test_style_is_finite_for_every_text(text: str) -> None:
    numbers = style(text)
    assert numbers.shape == (len(STYLE),)
    assert np.isfinite(numbers).all()


def test_style_counts_what_it_names() -> None:
    numbers = dict(zip(STYLE, style("Yes, we can. Can we? NO!").tolist(), strict=True))
    assert numbers["commas"] == np.float32((1 / 6) ** 0.5)
    assert numbers["words in capitals"] == np.float32((1 / 6) ** 0.5)
    assert numbers["types"] < 1
    assert numbers["closed"] == 1
