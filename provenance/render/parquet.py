"""The columns of the table in CSV, and every signal, as Apache Parquet (extra `tables`)."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO, Final

import msgspec

from detectors.errors import ConfigError
from provenance.render.report import Columns, Report

BATCH: Final = 5000
"""Items of a row group, all that is held at a time."""
TEXTS: Final = ("detector", "tier", "outcome", "claim", "source", "code", "args", "facts", "part")


def write(report: Report, out: BinaryIO) -> None:
    """Write a row for each item, in the order of the records.

    Arguments and facts of a signal are JSON, since each detector has others.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
        from pyarrow.parquet import ParquetWriter  # type: ignore[import-untyped]
    except ImportError:
        raise ConfigError("parquet needs pyarrow; pip install 'provenance-check[tables]'") from None
    schema = _schema(pa)
    rows = _rows(report)
    with ParquetWriter(out, schema, compression="zstd") as file:
        while batch := list(islice(rows, BATCH)):
            file.write_table(pa.Table.from_pylist(batch, schema))


def _schema(pa: Any) -> Any:
    """Return the names and types of the columns."""
    signal = pa.struct([(name, pa.string()) for name in TEXTS] + [("log10_lr", pa.float64())])
    columns = [(n, pa.bool_() if n == "complete" else pa.string()) for n in Columns._fields]
    return pa.schema([*columns, ("signals", pa.list_(signal))])


def _rows(report: Report) -> Iterator[dict[str, Any]]:
    for record in report:
        signals = []
        for one in msgspec.to_builtins(record.signals):
            reason = one.pop("reason")
            told = {"args": _json(reason["args"]), "facts": _json(one["facts"])}
            signals.append(one | told | {"code": reason["code"]})
        yield report.columns(record)._asdict() | {"signals": signals}


def _json(value: object) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
