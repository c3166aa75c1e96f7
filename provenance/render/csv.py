"""A line an item, for spreadsheets and for programs that read tables (RFC 4180, UTF-8)."""

import codecs
import csv
from typing import BinaryIO, Final

from provenance.render.report import Columns, Report

ACTING: Final = tuple("=+-@\t\r\n'＝＋－＠＇")  # noqa: RUF001 - the full-width forms are meant
"""First characters with which spreadsheets take a cell for a formula, and the mark of text: a cell
that begins with one gets an apostrophe in front, so that whoever takes it off gets the cell back.
Full-width forms are read as the narrow ones by spreadsheets of East Asian languages."""


def write(report: Report, out: BinaryIO) -> None:
    """Write a head and a line for each item, in the order of the records."""
    rows = csv.writer(codecs.getwriter("utf-8")(out))
    rows.writerow(Columns._fields)
    for record in report:
        columns = report.columns(record)
        rows.writerow(map(cell, columns._replace(complete=str(columns.complete).lower())))  # type: ignore[arg-type]


def cell(text: str) -> str:
    """Return a cell that no spreadsheet runs."""
    return f"'{text}" if text.startswith(ACTING) else text
