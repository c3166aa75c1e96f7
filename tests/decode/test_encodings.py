# ruff: noqa: RUF001 - texts in many alphabets
"""Texts in the encodings of the world are read as their authors wrote them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.decode import encodings
from detectors.item import Item, Kind

TEXTS = {
    "ja": "これは日本語の文章です。昨日、東京で新しい図書館が開館し、多くの市民が訪れました。",
    "zh": "昨天上午，市图书馆新馆正式对外开放，吸引了许多市民前来参观。馆内藏书约十万册。",
    "zht": "昨天上午，市立圖書館新館正式對外開放，吸引了許多市民前來參觀。館內藏書約十萬冊。",
    "ko": "어제 오전 시립 도서관 신관이 정식으로 문을 열어 많은 시민이 방문했습니다.",
    "ru": "Вчера утром открылось новое здание городской библиотеки, и многие жители пришли.",
    "uk": "Вчора вранці відкрилася нова будівля міської бібліотеки, і багато мешканців прийшли.",
    "pl": "Wczoraj rano otwarto nowy budynek biblioteki. Wielu mieszkańców przyszło go obejrzeć, "
    "są też książki dla dzieci i żółte krzesła.",
    "cs": "Včera ráno byla otevřena nová budova městské knihovny a mnoho obyvatel se na ni přišlo "
    "podívat. Žluťoučký kůň.",
    "de": "Gestern früh wurde das neue Gebäude eröffnet; für Kinder gibt es schöne Räume.",
    "fr": "Hier matin, la bibliothèque a été inaugurée. C’était très animé, déjà complet à midi.",
    "el": "Χθες το πρωί άνοιξε το νέο κτίριο της βιβλιοθήκης και πολλοί κάτοικοι ήρθαν.",
    "tr": "Dün sabah şehir kütüphanesinin yeni binası açıldı ve birçok kişi görmeye geldi.",
    "he": "אתמול בבוקר נפתח הבניין החדש של הספרייה העירונית ותושבים רבים באו לראות אותו.",
    "ar": "افتتح أمس المبنى الجديد لمكتبة المدينة وجاء كثير من السكان لرؤيته.",
    "th": "เมื่อวานนี้อาคารใหม่ของห้องสมุดเปิดให้บริการแล้ว มีคนมาเยี่ยมชมมากมาย",
}
WRITTEN = [
    ("ja", "shift_jis"), ("ja", "euc_jp"), ("ja", "iso2022_jp"), ("zh", "gbk"), ("zh", "gb18030"),
    ("zht", "big5"), ("ko", "euc_kr"), ("ko", "iso2022_kr"), ("ru", "koi8_r"), ("ru", "cp1251"),
    ("ru", "iso8859_5"), ("ru", "cp866"), ("uk", "koi8_u"), ("pl", "cp1250"), ("pl", "iso8859_2"),
    ("cs", "cp1250"), ("de", "cp1252"), ("fr", "cp1252"), ("el", "cp1253"), ("tr", "cp1254"),
    ("he", "cp1255"), ("ar", "cp1256"), ("th", "tis_620"), ("de", "utf-16"), ("ja", "utf-32"),
]  # fmt: skip
CONTROLS = re.compile("[\0-\x08\x0e-\x1f\x7f-\x9f]")


@pytest.mark.parametrize(("language", "encoding"), WRITTEN)
@pytest.mark.parametrize("times", [1, 20])
def test_a_text_is_read_as_it_was_written(language: str, encoding: str, times: int) -> None:
    text = f"{TEXTS[language]}\n" * times
    item = Item("a.txt", lambda: text.encode(encoding))
    assert item.kind is Kind.TEXT
    assert item.passage.text == text
    assert not CONTROLS.search(item.passage.text)
    assert item.facts["encoding"] != "utf-8"


def test_no_control_characters_are_found_in_a_legal_encoding(
    records: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    names = [f"{language}.{encoding}.txt" for language, encoding in WRITTEN]
    for name, (language, encoding) in zip(names, WRITTEN, strict=True):
        (tmp_path / name).write_bytes(TEXTS[language].encode(encoding))
    for record in records("check", *names, "--only", "text_marks", cwd=tmp_path):
        (signal,) = record["signals"]
        assert signal["outcome"] == "clear", record["item"]["uri"]


def test_a_text_is_looked_at_to_its_end() -> None:
    packet = b"<x>" + b" " * 6000 + b"</x>"
    noise = bytes(range(256)) * 4
    assert encodings.of(packet) == "utf-8"
    assert encodings.of(packet + noise) is None
    assert encodings.of(packet + bytes(900)) is None
    assert encodings.of(bytes(b | 0x20 for b in noise) * 40) is None


def test_a_byte_order_mark_alone_makes_no_text() -> None:
    noise = bytes(range(256)) * 8
    assert encodings.of(b"\xff\xfe" + noise) is None
    assert encodings.of(b"\xff\xfe" + "words".encode("utf-16-le")) == "utf-16-le"


@given(st.text(st.characters(min_codepoint=0x410, max_codepoint=0x44F), min_size=1, max_size=80))
def test_letters_of_koi8_never_become_control_characters(text: str) -> None:
    item = Item("a.txt", lambda: f"{text} - {text}".encode("koi8_r"))
    assert not CONTROLS.search(item.passage.text)


@given(st.binary(max_size=400))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    told = encodings.of(data)
    assert told is None or isinstance(data.decode(told, "replace"), str)
