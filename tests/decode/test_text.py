"""Texts are decoded once, never fail, and every step is linear."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.decode.documents.visible import visible
from detectors.decode.residue import plain
from detectors.decode.text import LONGEST, Passage, decode, nfc
from detectors.errors import CannotAssess
from detectors.signal import Outcome


@pytest.mark.parametrize(
    ("data", "text", "facts"),
    [
        (b"", "", {"encoding": "utf-8"}),
        (b"plain", "plain", {"encoding": "utf-8"}),
        ("é漢🙂".encode(), "é漢🙂", {"encoding": "utf-8"}),
        (b"\xef\xbb\xbfhi", "hi", {"encoding": "utf-8-sig"}),
        ("\ufeff\ufe00x".encode(), "\ufeff\ufe00x", {"encoding": "utf-8"}),
        ("\ufeffé".encode("utf-16-le"), "é", {"encoding": "utf-16-le"}),
        ("\ufeffé".encode("utf-16-be"), "é", {"encoding": "utf-16-be"}),
        (b"\xff\xfea\0b", "a\ufffd", {"encoding": "utf-16-le", "undecodable": 1}),
        (b"\xff\xfe\x00\xd8a\0", "\ufffda", {"encoding": "utf-16-le", "undecodable": 1}),
        (b"d\xe9j\xe0 vu", "déjà vu", {"encoding": "cp1252"}),
        ("Привет, мир!".encode("koi8_r"), "Привет, мир!", {"encoding": "koi8_r"}),
        ("déjà vu ".encode() + b"\xff", "déjà vu \ufffd", {"encoding": "utf-8", "undecodable": 1}),
    ],
)
def test_encodings_are_read_and_named(data: bytes, text: str, facts: dict[str, object]) -> None:
    said: dict[str, object] = {}
    assert (decode(data, "text/plain", said).text, said) == (text, facts)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_text_without_lone_surrogates(data: bytes) -> None:
    passage = decode(data, "text/html", {})
    for form in (passage.text, nfc(passage.text), passage.prose, passage.plain):
        form.encode("utf-8")
    assert passage.words >= 0


@pytest.mark.parametrize(
    ("data", "media_type", "code"),
    [
        (bytes(LONGEST + 1), "text/plain", "passage.too_long"),
    ],
)
def test_what_is_not_read_says_so(data: bytes, media_type: str, code: str) -> None:
    with pytest.raises(CannotAssess) as stopped:
        decode(data, media_type, {})
    assert (stopped.value.outcome, stopped.value.reason.code) == (Outcome.NOT_ASSESSED, code)


@given(st.text(st.sampled_from("ae\u0301\u0323\u0345\u0f73\u0f71각ᄀ漢 "), max_size=100))
def test_nfc_is_unicodes_own_where_no_marks_pile_up(text: str) -> None:
    assert nfc(text) == unicodedata.normalize("NFC", text)


def test_a_pile_of_marks_stays_and_the_rest_is_normalised() -> None:
    pile = "\u0323\u0301" * 100
    assert nfc(f"e\u0301 a{pile} e\u0301") == f"é a{pile} é"


@given(st.lists(st.sampled_from(["a", "\n", "\r", "\r\n", "é"])))
def test_positions_agree_with_lines(pieces: list[str]) -> None:
    text = "".join(pieces).replace("\r\r\n", "\n")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert Passage(text, None).at(len(text)) == (len(lines), len(lines[-1]) + 1)


def test_a_page_is_read_as_its_reader_sees_it() -> None:
    page = (
        "<!DOCTYPE html><html><head><title>Tab</title><style>p{}</style></head><body>"
        "<p>5 < 6 &amp; <b>bo</b>ld<br/>next<!-- unseen <p> --></p>"
        "<SCRIPT>if (a<b) {}</Script >end &#99999999999; &#xD800;<a href='x"
    )
    assert visible(page).split() == ["5", "<", "6", "&", "bold", "next", "end", "\ufffd", "\ufffd"]
    assert visible("<p>a<!-- open") == "\na"
    assert visible("a<script>open") == "a\n"


def test_plain_keeps_words_and_drops_what_a_copy_carried_along() -> None:
    text = (
        "The coun\u200bcil\u00a0voted. \ue200cite\ue202turn0search0\ue201 [cite_start]Work\ufe0f "
        "begins[cite: 1, 2] :contentReference[oaicite:0]{index=0} citeturn0search1turn2view0."
    )
    assert plain(text).split() == ["The", "council", "voted.", "Work", "begins", "."]
    assert Passage(text, "text/plain").words == 6
    assert Passage("\u200b \t\n", None).words == 0


@pytest.mark.parametrize(
    "unit",
    ["<!--", "<a ", "<", "</", "<script>", "&#", "&#1", "\u0301\u0323", "\u0f73",
     "\u200b", "turn0", "[cite: ", "\ue200", "a"],
)  # fmt: skip
def test_every_step_is_linear(unit: str) -> None:
    passage = Passage("a" + unit * (1_000_000 // len(unit)), "text/html")
    assert nfc(passage.text)
    assert passage.words >= 0
