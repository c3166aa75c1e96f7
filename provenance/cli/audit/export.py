"""`provenance audit export`: decisions for authorities, for the public and for spreadsheets."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from detectors.decode.untrusted import MALFORMED
from detectors.errors import ConfigError
from provenance.cli.audit.options import LOG, tables

if TYPE_CHECKING:
    from provenance.audit.reading import Decision, Reader

DAY: Final = click.DateTime(["%Y-%m-%d"])


@click.command()
@LOG
@click.option(
    "--as",
    "form",
    type=click.Choice(["dsa", "ca-22757", "csv"]),
    required=True,
    help="Statements of reasons for the EU's transparency database, the provenance data of"
    " California's section 22757.3.1, or a table.",
)
@click.option("--since", metavar="DATE", type=DAY, help="Only decisions of this UTC day or later.")
@click.option(
    "--fail-on",
    type=click.Choice(["high", "review", "inconclusive"]),
    default="high",
    show_default=True,
    help="With dsa, the risk from which on a decision gets a statement.",
)
@click.option(
    "--decision",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="With dsa, a JSON object with what a person decided, written into each statement.",
)
def export(
    log: Path, form: str, since: datetime | None, fail_on: str, decision: Path | None
) -> None:
    """Print decisions as JSON, or as CSV.

    A statement of reasons holds facts. What was decided, on what ground and in which category, is a
    person's to say, and stays empty until --decision fills it in.
    """
    from provenance.audit import exports
    from provenance.audit.folder import LogFolder
    from provenance.audit.reading import Reader
    from provenance.record import Risk

    reader = Reader(LogFolder(log))
    decisions = _since(reader, since)
    if form == "csv":
        _table(reader, decisions)
    elif form == "dsa":
        name = reader.folder.name
        decided = _decided(decision)
        _array(exports.statements(decisions, name, Risk(fail_on), decided, tables()))
    else:
        _array(exports.provenance_data(decisions))


def _since(reader: "Reader", since: datetime | None) -> "Iterator[Decision]":
    """Yield the decisions of a day and later ones."""
    day = since.date().isoformat() if since else ""
    return (each for each in reader.decisions() if each.entry.time >= day)


def _array(rows: Iterable[dict[str, Any]]) -> None:
    """Print an array of objects, each as it comes."""
    from provenance.render.escape import escape_json

    before = "[\n"
    for row in rows:
        click.echo(before + escape_json(json.dumps(row, ensure_ascii=False)), nl=False)
        before = ",\n"
    click.echo("[]" if before == "[\n" else "\n]")


def _table(reader: "Reader", decisions: "Iterator[Decision]") -> None:
    """Print rows of which no cell is run by a spreadsheet."""
    from provenance.audit import exports
    from provenance.render.csv import cell

    said = {n: [appeal.outcome for _, appeal in of] for n, of in reader.appeals().items()}
    out = csv.writer(sys.stdout)
    out.writerow(exports.Row._fields)
    for row in exports.rows(decisions, said):
        out.writerow(map(cell, row))


def _decided(file: Path | None) -> dict[str, Any]:
    """Return what a person decided.

    Raises:
        ConfigError: the file is no JSON object.
    """
    if file is None:
        return {}
    import msgspec

    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
    except MALFORMED as error:
        raise ConfigError(f"{file}: no JSON object: {error}") from error
