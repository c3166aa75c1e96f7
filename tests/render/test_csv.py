"""Tables: what a spreadsheet opens, and what it must not run."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from provenance.record import Record
from provenance.render.csv import ACTING, cell
from provenance.render.report import Report, write

Make = Callable[..., Record]
Run = Callable[..., Path]


def table(run: Path) -> str:
    out = io.BytesIO()
    write(Report(run), "csv", out)
    return out.getvalue().decode()


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_line_an_item(examples: list[Record], run_of: Run, snapshot: SnapshotAssertion) -> None:
    run = run_of(examples, [["chatgpt-1.png", "DSC_0412.JPG"]])
    assert table(run).replace("\r\n", "\n") == snapshot


@pytest.mark.parametrize(
    "name",
    ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "'=1", "＝1", "＠x"],  # noqa: RUF001
)
def test_no_name_is_a_formula(make: Make, run_of: Run, name: str) -> None:
    (row,) = rows(table(run_of([make("plain", name)])))
    assert row["uri"] == f"'{name}"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_cell_is_told_back(text: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerow([cell(text), "x"])
    ((read, _),) = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert not read.startswith(tuple(set(ACTING) - {"'"}))
    assert read.removeprefix("'") == text


def test_line_breaks_and_quotes_stay_in_their_cell(make: Make, run_of: Run) -> None:
    names = ['a\nb\r\nc,"d"', "e\x00f", "\u202egpj.exe"]
    said = rows(table(run_of([make("plain", name) for name in names])))
    assert [row["uri"] for row in said] == names
