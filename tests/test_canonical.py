"""Canonical JSON is that of RFC 8785, as a library of its own writes it."""

import struct
from math import isfinite
from typing import Any

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from provenance.canonical import canonical, canonical_json

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
DOUBLES = (
    st.binary(min_size=8, max_size=8)
    .map(lambda raw: float(struct.unpack(">d", raw)[0]))
    .filter(isfinite)
)
"""Every bit pattern alike, so that all exponents come up."""
SMALL = st.builds(lambda digits, power: digits * 10.0**-power, st.floats(-9, 9), st.integers(3, 12))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | DOUBLES | SMALL | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)


@given(JSON)
def test_it_is_what_the_library_writes(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(JSON)
def test_canonical_json_stays_as_it_is(value: Any) -> None:
    once = canonical(value)
    assert canonical_json(once) == once


def test_keys_are_in_the_order_of_utf_16() -> None:
    assert canonical({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()


def test_numbers_at_the_borders() -> None:
    numbers = [1e-4, 9.9e-5, 1e-6, 9.99e-7, 1e20, 1e21, -0.0, 1.0, 5e-324, 2.0**53 + 2]
    told = b"[0.0001,0.000099,0.000001,9.99e-7,100000000000000000000,1e+21,0,1,5e-324"
    assert canonical(numbers) == told + b",9007199254740994]"
