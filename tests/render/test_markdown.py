"""Tickets: what is flagged, and nothing in it that a tracker obeys."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from syrupy.assertion import SnapshotAssertion

from provenance.record import Record, Risk
from provenance.render.escape import escape
from provenance.render.markdown import code, plain
from provenance.render.report import Report, write

Make = Callable[..., Record]
Run = Callable[..., Path]
HOSTILE = [
    "<script>alert(1)</script>", "[x](javascript:alert(1))", "`a`` b", "| a | b |", "# a", "a\n# b",
    "![x](http://evil.example/x.png)", "<!--", "@everyone", "&lt;b&gt;", "\u202egpj.exe", "*a* _b_",
]  # fmt: skip


def ticket(run: Path, fail_on: Risk | None = Risk.HIGH) -> str:
    out = io.BytesIO()
    write(Report(run, fail_on=fail_on), "markdown", out)
    return out.getvalue().decode()


def shown(text: str) -> str:
    """Return what a reader sees of Markdown that is one paragraph; fail where it holds more."""
    tokens = MarkdownIt("commonmark").parse(text)
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    parts = tokens[1].children or []
    assert {part.type for part in parts} <= {"text", "text_special", "code_inline"}
    return "".join(part.content for part in parts)


def test_a_ticket(examples: list[Record], run_of: Run, snapshot: SnapshotAssertion) -> None:
    run = run_of(examples, [["chatgpt-1.png", "DSC_0412.JPG"]])
    assert ticket(run) == snapshot


@pytest.mark.parametrize(("fail_on", "count"), [(Risk.HIGH, 3), (Risk.REVIEW, 6), (None, 0)])
def test_it_names_what_is_flagged(
    examples: list[Record], run_of: Run, fail_on: Risk | None, count: int
) -> None:
    assert ticket(run_of(examples), fail_on).count("\n### ") == count


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_of_a_name_or_a_field_is_markup(
    build: Make, signal: Make, run_of: Run, name: str
) -> None:
    said = signal("credentials", "credential.ai_declared_expired", "ai_generated", by=name,
                  how=name, signer=name, facts={"state": "valid", "ai": "generated"})  # fmt: skip
    text = ticket(run_of([build(name, said)]), Risk.LOW)
    tokens = MarkdownIt("commonmark").parse(text)
    kinds = {part.type for token in tokens for part in token.children or []}
    assert kinds <= {"text", "text_special", "code_inline", "softbreak"}
    assert not {token.type for token in tokens} & {"html_block", "table_open", "fence"}
    outside = [p.content for t in tokens for p in t.children or [] if p.type != "code_inline"]
    assert not any(re.search(r"@\w|://|\u202e", part) for part in outside)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_code_span_holds_any_text(text: str) -> None:
    line = escape(text)
    if line.strip(" "):
        assert shown(code(line)) in (line, f" {line} ")


@given(st.text(st.sampled_from("ab `*_[]()<>!#&|~\\-+=1.\n@:/"), min_size=1).map(escape))
def test_a_sentence_holds_any_text(text: str) -> None:
    line = text.strip()
    if line:
        assert shown(plain(line)).strip() == line
