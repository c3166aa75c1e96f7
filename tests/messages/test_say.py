"""Codes become sentences; what an item says is data in them and never a template."""

import ast
import re
import string
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import detectors
import provenance
from detectors.catalog import BUILT_IN
from detectors.signal import Reason
from provenance.messages import say, table
from provenance.render.explained import NOTHING, QUESTIONS
from provenance.verdict.headline import Case

HOUSES = [Path(package.__path__[0]) for package in (detectors, provenance)]
CODE = re.compile(
    r"(?:item|engine|conflict|picture|passage|credential|text_credential|metadata|known_fakes"
    r"|image_model|portrait|text_model|text_marks|screen|support|advice)\.[a-z_0-9]+"
)


def spoken() -> dict[str, str]:
    """Return every code that stands in the source as a string of its own, and where."""
    found: dict[str, str] = {}
    for house in HOUSES:
        for path in sorted(house.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and CODE.fullmatch(str(node.value)):
                    found[str(node.value)] = f"{path}:{node.lineno}"
    return found


SPOKEN = spoken()


def test_codes_are_found_in_the_source() -> None:
    assert {"item.special", "item.empty", "engine.failed", "screen.count"} <= set(SPOKEN)


@pytest.mark.parametrize("code", sorted(SPOKEN))
def test_every_code_has_a_sentence(code: str) -> None:
    assert code in table(), SPOKEN[code]


@pytest.mark.parametrize("case", Case)
def test_every_case_has_its_plain_line(case: Case) -> None:
    assert f"verdict.{case}" in table()


@pytest.mark.parametrize("code", sorted(table()))
def test_every_sentence_parses_and_tolerates_missing_arguments(code: str) -> None:
    template = table()[code]
    fields = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    assert all(re.fullmatch(r"\w+", name) for name in fields), template
    said = say(Reason(code))
    assert not re.search(r"[{}]", said)
    assert said.count("unknown") >= len(fields)


def test_no_two_tables_share_a_code() -> None:
    folders = [HOUSES[0], HOUSES[1] / "messages", *(HOUSES[0] / spec.name for spec in BUILT_IN)]
    files = [folder / "en.toml" for folder in folders if (folder / "en.toml").exists()]
    codes = [code for file in files for code in tomllib.loads(file.read_text("utf-8"))]
    assert len(codes) == len(set(codes))


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


@pytest.mark.parametrize("case", Case)
@pytest.mark.parametrize("question", QUESTIONS)
def test_every_case_is_explained(case: Case, question: str) -> None:
    named = "nothing" if case in NOTHING else case.value
    assert f"explain.{question}.{named}" in table()


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
