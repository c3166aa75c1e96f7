"""Tables for programs: the columns of CSV, and every signal."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from provenance.record import Record
from provenance.render.report import Columns, Report, write

Run = Callable[..., Path]
parquet = pytest.importorskip("pyarrow.parquet")


def test_it_has_the_columns_of_csv_and_every_signal(examples: list[Record], run_of: Run) -> None:
    report = Report(run_of(examples, [["chatgpt-1.png", "DSC_0412.JPG"]]))
    out = io.BytesIO()
    write(report, "parquet", out)
    table = parquet.read_table(io.BytesIO(out.getvalue()))
    assert table.column_names == [*Columns._fields, "signals"]
    for row, record in zip(table.to_pylist(), examples, strict=True):
        signals = row.pop("signals")
        assert Columns(**row) == report.columns(record)
        told = [(s["detector"], s["outcome"], s["code"], s["log10_lr"]) for s in signals]
        assert told == [
            (s.detector, s.outcome.value, s.reason.code, s.log10_lr) for s in record.signals
        ]
    assert table["signals"][0].as_py()[0]["facts"].startswith('{"ai":"generated"')
