"""`provenance bank export`, `import`, `merge` and `diff`: banks among partners."""

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec

from detectors.bank.entry import DIGITS, EntryKind, Tlp
from detectors.bank.exchange import FORMATS, format_of, guessed
from detectors.bank.exchange.importing import rows, take_in
from detectors.bank.exchange.merge import Difference, differences
from detectors.bank.exchange.merge import merge as merged
from detectors.bank.exchange.row import Feed, RowDefaults, Skipped, text
from detectors.bank.exchange.tlp import leaving
from detectors.bank.location import BankLocation, opened
from detectors.storing.atomic import appearing
from provenance.cli.bank.options import BANK, OVERRIDE, PLACE, REINSTATE, WHY, timestamp, why
from provenance.cli.options import words_or_json
from provenance.cli.progress import Progress
from provenance.engine.isolated import streamed
from provenance.render.escape import escape, json_text

_PREFIX = click.option("--prefix", default="", help="Put before every id, so that none can meet.")
_DISPUTE = click.option(
    "--dispute-withdrawn",
    "dispute",
    is_flag=True,
    help="What they withdrew becomes disputed here, for you to decide, not withdrawn.",
)
_OTHER = click.argument("other", type=PLACE)


@click.command()
@BANK
@click.option("--as", "name", required=True, type=click.Choice([*FORMATS]), help="The format.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write, not stdout."
)
@click.option("--to", help="Recipient of entries marked AMBER, which leave for nobody else.")
@click.option("--feed", help="Name that ids are derived from; default: the bank's name.")
@click.option("--with-notes", "notes", is_flag=True, help="Hand on notes too; they stay otherwise.")
def export(
    path: BankLocation,
    name: str,
    *,
    out: Path | None,
    to: str | None,
    feed: str | None,
    notes: bool,
) -> None:
    """Write the entries that may leave, withdrawn ones as tombstones.

    RED and AMBER+STRICT never leave; AMBER leaves with --to NAME. Local features, small copies and
    paths never leave. The same bank gives the same bytes.
    """
    bank = opened(path)
    entries, held = leaving(bank.entries.values(), to)
    progress = Progress("Writing entries", quiet=out is None and sys.stdout.isatty())
    pieces = format_of(name).write(
        entries, Feed(name=text(feed or bank.name) or "bank", notes=notes)
    )
    if out is None:
        for piece in progress.watch(pieces):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    else:
        with appearing(out) as file:
            file.writelines(progress.watch(pieces))
    words = [f"{bank.name}: {len(entries)} entries as {name}"]
    words += [f" for {to}"] if to else []
    click.echo(escape("".join(words)), err=True)
    for tlp, count in held.items():
        rule = "needs --to NAME" if tlp == Tlp.AMBER.value else "never leaves"
        click.echo(f"  held back {count}: TLP:{tlp} {rule}", err=True)


@click.command(name="import")
@BANK
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--as", "name", type=click.Choice([*FORMATS]), help="The format; else by content.")
@click.option(
    "--class",
    "kind",
    type=click.Choice([kind.value for kind in EntryKind]),
    default=EntryKind.OTHER.value,
    show_default=True,
    help="Of entries that do not say theirs.",
)
@click.option(
    "--tlp",
    type=click.Choice([tlp.value for tlp in Tlp]),
    default=Tlp.AMBER.value,
    show_default=True,
    help="Of entries that do not say theirs.",
)
@click.option("--source", help="Of entries that do not say theirs.")
@click.option(
    "--algorithm",
    type=click.Choice([*DIGITS]),
    help="Of hashes that do not say theirs, where their length leaves several.",
)
@_PREFIX
@_DISPUTE
@click.option(
    "--left-out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for all that was refused or parked, as JSON Lines.",
)
@REINSTATE
@WHY
@click.option("--dry-run", "dry", is_flag=True, help="Say what would be done, change nothing.")
@words_or_json
@click.pass_context
def import_(
    ctx: click.Context,
    /,
    path: BankLocation,
    file: Path,
    *,
    name: str | None,
    left_out: Path | None,
    form: str,
    dispute: bool,
    dry: bool,
    **said: Any,
) -> None:
    """Take in the entries of a partner's FILE.

    Faulty hashes are refused, what has no place in a bank is parked; both are counted and named,
    and the rest is taken. What they withdrew is withdrawn here; what you withdrew, disputed or keep
    as harmless stays so for its picture, under whatever id it comes.
    """
    reinstate = why(reinstate=said.pop("reinstate"), reason=said.pop("reason"))
    said |= {"kind": EntryKind(said["kind"]), "tlp": Tlp(said["tlp"])}
    defaults = RowDefaults(now=timestamp(), **said)
    out = appearing(left_out) if left_out else nullcontext()
    with out as kept, Progress("Reading rows, twice") as progress:
        report = take_in(
            path,
            file,
            name or guessed(file),
            defaults,
            dispute=dispute,
            reinstate=reinstate,
            dry=dry,
            tell=_teller(kept),
            step=progress.step,
            read=lambda form, feed: streamed(feed.name, rows, form, feed),
        )
    if form == "json":
        click.echo(json_text(report.report()))
    else:
        for line in report.lines():
            click.echo(escape(line))
    for each in report.decided:
        click.echo(escape(f"parked  {each.id}: its picture is {each.detail}; {OVERRIDE}"), err=True)
    ctx.exit(3 if report.refused or report.decided else 0)


def _teller(kept: BinaryIO | None) -> Callable[[Skipped], None]:
    """Return what writes left-out things to a file, if there is one."""

    def tell(left: Skipped) -> None:
        if kept is not None:
            kept.write(msgspec.json.encode(left) + b"\n")

    return tell


@click.command()
@BANK
@_OTHER
@_PREFIX
@_DISPUTE
@words_or_json
def merge(
    path: BankLocation, other: BankLocation, prefix: str, form: str, *, dispute: bool
) -> None:
    """Take in the entries of another bank.

    Local features come along. What was withdrawn in either is withdrawn; of two changes the later
    counts; an id that stands for two pictures keeps yours. OTHER stays as it is.
    """
    with Progress("Merging entries") as progress:
        done = merged(
            path, opened(other), timestamp(), prefix=prefix, dispute=dispute, step=progress.step
        )
    if form == "json":
        told = {**msgspec.to_builtins(done), "conflicts": done.conflicts}
        click.echo(json_text(told))
        return
    counts = ", ".join(f"{len(ids)} {name}" for name, ids in sorted(done.outcomes.items()))
    click.echo(escape(f"{done.here}: {counts or 'nothing to merge'}"))
    for name, ids in done.conflicts.items():
        for each in ids:
            click.echo(escape(f"  {name}  {each}"))


@click.command()
@BANK
@_OTHER
@_DISPUTE
@words_or_json
def diff(path: BankLocation, other: BankLocation, form: str, *, dispute: bool) -> None:
    """Show where two banks differ.

    Each line begins with what `bank merge` would do with the entry.
    """
    found = differences(opened(path), opened(other), dispute=dispute)
    if form == "json":
        click.echo(json_text(msgspec.to_builtins([*found])))
        return
    for each in found:
        click.echo(escape(_line(each)))


def _line(found: Difference) -> str:
    """Return a difference in a line."""
    said = [f"{name} {_short(a)} here, {_short(b)} there" for name, (a, b) in found.fields.items()]
    return f"{found.merge:<16}{found.id}" + (f"  ({'; '.join(said)})" if said else "")


def _short(value: Any) -> str:
    words = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return words if len(words) <= 40 else f"{words[:37]}…"
