"""Codes become sentences; what an item says is data in them and never a template."""

import re
import string
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.signal import Reason, phrase
from provenance.messages import say, table
from provenance.render.explained import NOTHING, QUESTIONS
from provenance.verdict.headline import Headline


def test_every_case_has_its_plain_line() -> None:
    assert not [case for case in Headline if f"verdict.{case}" not in table()]


@pytest.mark.parametrize(("language", "missing"), [("en", "unknown"), ("de", "unbekannt")])
def test_every_sentence_parses_and_tolerates_missing_arguments(language: str, missing: str) -> None:
    for code, template in table(language).items():
        fields = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
        assert all(re.fullmatch(r"\w+", name) for name in fields), template
        said = say(Reason(code), language)
        assert not re.search(r"[{}]", said), code
        assert said.count(missing) >= len(fields), code


@given(st.text(), st.dictionaries(st.text(max_size=9), st.text(max_size=9) | st.none(), max_size=3))
def test_nothing_crashes(code: str, args: dict[str, object]) -> None:
    assert code in table() or say(Reason(code, args)).startswith(code)
    said = say(Reason("item.media_outside", {"path": code, **args}))
    assert (
        str(args.get("path") or code if "path" not in args else args["path"] or "unknown") in said
    )


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"media_type": "{0.__class__}{media_type}"}, "({0.__class__}{media_type})"),
        ({"media_type": ["a", "b"]}, "(a, b)"),
        ({"media_type": None}, "(unknown)"),
        ({}, "(unknown)"),
    ],
)
def test_arguments_are_data(args: dict[str, object], said: str) -> None:
    told = say(Reason("item.unsupported", args))
    assert told.startswith(f"Not examined: unknown {said}.")


def test_codes_among_the_arguments_are_said_by_name() -> None:
    args = {"language": "unknown", "judged": "en, es, xx"}
    told = say(Reason("text_model.language", args))
    assert "English, Spanish, xx only" in told
    assert "not recognised" in told
    stopped = say(Reason("engine.timeout", {"stage": "picture", "seconds": 5.0}))
    assert stopped == "Stopped after 5 seconds, while at: opening the picture."


def test_phrases_among_the_arguments_are_said_in_their_own_words() -> None:
    changes = [phrase("known_fakes.cropped", percent=53), phrase("known_fakes.mirrored")]
    near = phrase("known_fakes.bits", distance=3)
    how = phrase("known_fakes.how", said=[phrase("known_fakes.changes", changes=changes), near])
    chance = phrase("known_fakes.one_in", times=65000)
    args = {"entry": "anna", "bank": "b", "entries": 5, "how": how, "chance": chance, "since": []}
    assert say(Reason("known_fakes.match_other", args)) == (
        'Shows the picture "anna", which fake accounts have used (bank b, 5 entries): cropped to'
        " 53 %, mirrored; 3 of 256 bits differ; chance of a false match 1 in 65,000."
    )
    args["since"] = [phrase("known_fakes.source", source="{entry}")]
    args["chance"] = {"code": "a.b", "args": "none"}
    assert say(Reason("known_fakes.match_other", args)).endswith("match a.b. From {entry}.")


def test_every_case_is_explained() -> None:
    named = {"nothing" if case in NOTHING else case.value for case in Headline}
    codes = {f"explain.{question}.{name}" for question in QUESTIONS for name in named}
    assert codes <= set(table())


def test_an_unknown_code_stands_for_itself() -> None:
    assert say(Reason("a.b", {"x": 1, "y": "z"})) == "a.b (x=1, y=z)"
    assert say(Reason("a.b")) == "a.b"


def test_a_language_without_a_table_speaks_english() -> None:
    assert say(Reason("item.empty"), "tlh") == "The file is empty."


def test_plug_ins_bring_sentences_but_change_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "stock_faces"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "words.toml").write_text(
        '"stock.found" = "Sold by {shop:>5.2f}."\n"item.empty" = "mine"\n"n" = 1\n'
    )
    (package / "broken.toml").write_text("not toml")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    extra = (
        "stock_faces:words.toml",
        "stock_faces:broken.toml",
        "stock_faces:none.toml",
        "nowhere:a.toml",
    )
    assert say(Reason("stock.found", {"shop": 2}), extra=extra) == "Sold by  2.00."
    assert say(Reason("stock.found", {"shop": "x"}), extra=extra) == "stock.found (shop=x)"
    assert say(Reason("item.empty"), extra=extra) == "The file is empty."
