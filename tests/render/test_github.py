"""Annotations and summaries of GitHub, and the report of GitLab: no name acts, limits hold."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from provenance.record import Record
from provenance.render import RenderOptions, renderer
from provenance.render.escape import escape
from provenance.verdict import load

Make = Callable[..., Record]
HURT = (
    "::set-output name=x::y", "##[add-mask]x", "a%0A::error::b,c=d", "new\n::error::line",
    "<img src=x onerror=y>", "a|b](javascript:1)[`c", "\x1b[31mred", "\u202egpj",
)  # fmt: skip


def written(form: str, records: list[Record], **look: object) -> str:
    out = io.StringIO()
    renderer(form)(records, out, RenderOptions(policy=load("default"), **look))  # type: ignore[arg-type]
    return out.getvalue()


def commands(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.lstrip().startswith("::")]


def test_the_screen_of_a_step(make: Make, tmp_path: Path, snapshot: object) -> None:
    records = [make("a-signed-ai", "a.jpg"), make("marked", "b.png"), make("unreadable", "c.jpg")]
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    shown = written("github", records, job_summary=str(summary))
    assert f"{shown}=====\n{summary.read_text()}" == snapshot
    assert json.loads(written("gitlab", records)) == snapshot


def test_no_name_begins_a_line_or_a_command(make: Make, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    shown = written(
        "github", [make("a-signed-ai", name) for name in HURT], job_summary=str(summary)
    )
    assert len(commands(shown)) == len(HURT)
    assert all(line.startswith("::error file=") for line in commands(shown))
    assert "##[" not in shown
    text = summary.read_text()
    bare = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert "<img" not in bare
    assert "](javascript" not in bare
    assert "##[" not in text
    assert all(char not in text for char in "\x1b\u202e")
    assert len([line for line in text.splitlines() if line.startswith("- ")]) == len(HURT)


@given(st.text())
def test_what_is_shown_is_one_line_without_a_command(text: str) -> None:
    shown = escape(text)
    assert "##[" not in shown
    assert len(shown.splitlines()) <= 1


def test_limits_cut_the_lowest_risk_and_say_it(make: Make, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    low = [make("marked", f"{number:05}-{'x' * 180}.png") for number in range(5_000)]
    high = [make("a-signed-ai", f"{number}.jpg") for number in range(15)]
    summary.write_text("x" * 10_000)
    shown = written("github", low + high, job_summary=str(summary))
    kinds = [line.split()[0] for line in commands(shown)]
    assert (kinds.count("::warning"), kinds.count("::error"), len(kinds)) == (10, 10, 20)
    assert "15 errors" in shown
    assert "4990 are in the summary" in shown
    text = summary.read_text()
    assert 0.9 * 2**20 < len(text.encode()) <= 2**20
    assert all(f"- `{number}.jpg`" in text for number in range(15))
    left = re.search(r"And (\d+) more", text)
    assert left is not None
    assert int(left[1]) + text.count("\n- ") == 5_015


def test_an_interrupted_run_is_no_clean_one() -> None:
    cut = {"cut": lambda: "interrupted after 3 of 9"}
    assert commands(written("github", [], **cut)) == ["::error::interrupted after 3 of 9"]
    (entry,) = json.loads(written("gitlab", [], **cut))
    assert (entry["severity"], entry["description"]) == ("blocker", "interrupted after 3 of 9")
    assert json.loads(written("gitlab", [])) == []


def test_fingerprints_stay_and_differ(make: Make) -> None:
    records = [make("a-signed-ai", "a.jpg"), make("a-signed-ai", "b.jpg"), make("marked", "c.png")]
    prints = [e["fingerprint"] for e in json.loads(written("gitlab", records))]
    again = [e["fingerprint"] for e in json.loads(written("gitlab", records[::-1]))]
    assert prints == again[::-1]
    assert len(set(prints)) == 3
