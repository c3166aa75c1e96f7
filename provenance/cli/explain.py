"""`provenance explain`: a verdict at length."""

import sys
from collections.abc import Iterator
from typing import Any

import click
import msgspec

from detectors.signal import Signal
from provenance.cli.options import choice, choosing
from provenance.record import Record
from provenance.verdict import Policy
from provenance.verdict.policy import Row

CONDITIONS = (
    "detector", "claim", "state", "code", "ingredients_hold", "exact", "max_false_match",
    "min_log10_lr", "max_q",
)  # fmt: skip


@click.command()
@click.argument("file", type=click.Path())
@choosing
@click.pass_context
def explain(ctx: click.Context, /, file: str, **given: Any) -> None:
    """Say at length why FILE gets its verdict: every fact, and the rows of the policy it met."""
    from provenance.cli import settings
    from provenance.cli.run import colour, width
    from provenance.engine.pool import records
    from provenance.engine.tally import Tally
    from provenance.intake import paths
    from provenance.render import Look, renderer
    from provenance.render.escape import escape

    found = settings.load()
    chosen = choice(found, given)
    tally = Tally(None, lambda _record: None)
    (record,) = tally.watch(records(paths.items(paths.named([file])), chosen, 1))
    look = Look(
        width=width(),
        colour=colour("auto"),
        verbose=True,
        policy=chosen.policy,
        tables=tuple(table for spec in chosen.specs for table in spec.messages),
    )
    renderer("terminal")([record], sys.stdout, look)
    for line in account(record, chosen.policy):
        click.echo(escape(line))
    ctx.exit(tally.exit_code)


def account(record: Record, policy: Policy) -> Iterator[str]:
    """Give how the policy came to its risk, line by line."""
    yield ""
    yield f"How policy {policy.name} came to {record.verdict.risk.value}"
    met = 0
    for number, row in enumerate(policy.rows, 1):
        if findings := _met(row, record, policy):
            met += 1
            yield f"  row {number} asks for {row.floor.value}: {conditions(row)}"
            yield from (f"    met by {s.detector}: {s.reason.code}" for s in findings)
    if not met:
        yield "  No row was met: nothing was found that asks for anything, so it is inconclusive."
    yield f"  {len(policy.rows)} rows in all; the highest that is met decides."
    if not record.verdict.complete:
        yield "  Not everything the policy requires could be looked at, so it cannot be low."


def _met(row: Row, record: Record, policy: Policy) -> list[Signal]:
    """Give the findings that meet a row, in whichever part of the item they lie."""
    from provenance.verdict.rules import decided_by, uncancelled

    parts: dict[object, list[Signal]] = {}
    for signal in record.signals:
        parts.setdefault(signal.part, []).append(signal)
    return [s for part in parts.values() for s in decided_by(row, uncancelled(part), policy)]


def conditions(row: Row) -> str:
    """Give a row's conditions in one line."""
    said = [f"tier {row.tier.value}"]
    for name in CONDITIONS:
        value = msgspec.to_builtins(getattr(row, name))
        if value not in ([], None):
            said.append(f"{name} {', '.join(value) if isinstance(value, list) else value}")
    return "; ".join(said)
