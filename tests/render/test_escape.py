"""One function stands between what an item says and whoever reads it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.render.escape import escape, escape_json

ACTING = [
    *map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), *map(chr, range(0x202A, 0x202F)),
    *map(chr, range(0x2066, 0x206A)), *map(chr, range(0xE0000, 0xE0080)),
    *"\u061c\u200b\u200e\u200f\u2028\u2029\u2060\ufeff\ufffe\udc80\ud800\U000e0100\U000e01ef",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", "\\x1b[31m"),
        ("\u202egpj", "\\u202egpj"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x9b\xad", "\\x9b\\xad"),
        ("\U000e0041", "\\U000e0041"),
        ("\udc80", "\\udc80"),
        ("名前 é 👩\u200d🚀\u00a0\u3000", "名前 é 👩\u200d🚀\u00a0\u3000"),
    ],
)
def test_what_acts_is_shown_and_what_is_written_stays(text: str, shown: str) -> None:
    assert escape(text) == shown


@given(st.text(st.one_of(st.characters(), st.sampled_from(ACTING)), max_size=40))
def test_nothing_that_acts_comes_through(text: str) -> None:
    shown = escape(text)
    assert not set(shown) & set(ACTING)
    assert escape(shown) == shown
    assert escape(text, ascii_only=True).isascii()


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.text(
            st.one_of(st.characters(codec="utf-8"), st.sampled_from("\x9b\u2028\u202e\U000e0041")),
            max_size=20,
        ),
    ),
    st.booleans(),
)
def test_json_stays_the_same_json(value: dict[str, str], ascii_only: bool) -> None:
    for indent in (None, 1):
        raw = json.dumps(value, ensure_ascii=False, indent=indent)
        shown = escape_json(raw, ascii_only=ascii_only)
        assert json.loads(shown) == value
        assert not set(shown) - {"\n"} & set(ACTING)
        assert shown.isascii() or not ascii_only
