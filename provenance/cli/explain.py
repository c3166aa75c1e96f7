"""`provenance explain`: a verdict at length."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from detectors.errors import ConfigError
from detectors.signal import Signal
from detectors.storing.atomic import appearing
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
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the match with a known picture into this PNG file.",
)
@click.option("--force", is_flag=True, help="Let --out replace a file.")
@choosing
@click.pass_context
def explain(
    ctx: click.Context, /, file: str, out: Path | None, *, force: bool, **given: Any
) -> None:
    """Say at length why FILE gets its verdict: every fact, and the rows of the policy it met.

    Of a long text each window is listed, and passages that stand out are quoted.

    With --out, both pictures of a match are drawn: what joins them, and how well each part agrees.
    """
    from provenance.cli import settings
    from provenance.cli.run import colour, width
    from provenance.engine.pool import records
    from provenance.engine.tally import Tally
    from provenance.intake import paths
    from provenance.render import Look, renderer
    from provenance.render.escape import escape

    if out is not None and file == "-":
        raise ConfigError("--out draws a file; name one instead of -")
    if out is not None and out.exists() and not force:
        raise ConfigError(f"{out}: is there already; --force replaces it")
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
    for line in (*by_windows(record), *account(record, chosen.policy)):
        click.echo(escape(line))
    if out is not None:
        click.echo(escape(_drawn(file, record, chosen.options, out)), err=True)
    ctx.exit(tally.exit_code)


def _drawn(file: str, record: Record, options: Mapping[str, Mapping[str, Any]], out: Path) -> str:
    """Draw the first match of a record, and give what became of it in a line."""
    from detectors.known_fakes.bank.place import opened, place
    from detectors.known_fakes.draw import draw
    from provenance.intake import files
    from provenance.messages import say

    matches = [s for s in record.signals if s.detector == "known_fakes" and s.facts.get("entry")]
    if not matches:
        return f"{out}: nothing is drawn, since no picture of a bank was matched"
    signal = matches[0]
    names = options.get("known_fakes", {}).get("banks", [])
    banks = [bank for bank in map(opened, map(place, names)) if bank.name == signal.facts["bank"]]
    bank = next(bank for bank in banks if signal.facts["entry"] in bank.entries)
    entry = bank.entries[signal.facts["entry"]]
    picture = files.item(file, follow=True).picture
    frame = signal.facts.get("frame", 0)
    shown = picture.frame(frame) if frame else picture
    captions = [say(signal.reason), f"{record.item.uri}: policy finds {record.verdict.risk.value}."]
    image = draw(shown, bank.features(entry), captions)
    with appearing(out) as drawn:
        image.save(drawn, "PNG")
    return f"{out}: {entry.id} and {file}, drawn"


def by_windows(record: Record) -> Iterator[str]:
    """Give what each window of a long text is worth by itself and beside the rest, line by line.

    A passage that stands out is marked, and its beginning quoted.
    """
    for signal in record.signals:
        spans = signal.facts.get("spans")
        if not spans:
            continue
        yield ""
        yield f"How the windows of {signal.part or 'the text'} compare ({signal.detector})"
        for span in spans:
            mark, worth = "*" if span["found"] else " ", span["log10_lr"]
            last = span["first_word"] + span["words"] - 1
            ratio = "" if worth is None else f", likelihood ratio {10**worth:.2g}"
            yield (
                f"{mark} words {span['first_word']} to {last}: score {span['score']:+.1f},"
                f" {span['contrast']:+.1f} beside the rest{ratio}"
            )
            if span["found"]:
                yield f'    "{span["begins"]}"'
        yield "  * stands out. The ratio weighs a model's passage in a text by a person."


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
