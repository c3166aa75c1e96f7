"""`provenance bank`: keep a bank of known fake-profile pictures."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from detectors.bank.entry import DIGITS, OF_NOTHING, Entry, EntryKind, Hash, Status, Tlp, named
from detectors.bank.exchange.row import REFUSED, printable
from detectors.bank.location import (
    BankLocation,
    Store,
    create,
    damage,
    opened,
    size,
    writing,
)
from detectors.bank.matching.decisions import Holds, copied, kept_out, reinstated
from detectors.errors import ConfigError
from provenance.banking.add import Enrolment, Planned, add_pictures
from provenance.cli.bank.calibrate import calibrate
from provenance.cli.bank.exchange import diff, export, import_, merge
from provenance.cli.bank.options import BANK, OVERRIDE, REINSTATE, WHY, timestamp, why
from provenance.cli.options import words_or_json
from provenance.cli.progress import Progress
from provenance.cli.suggest import Suggesting
from provenance.render.escape import escape, json_text

F = TypeVar("F", bound=Callable[..., Any])
_REASON = click.option("--reason", required=True, help="Why; it is kept with the entry.")


@click.group(cls=Suggesting)
def bank() -> None:
    """Keep banks of known fake-profile pictures.

    A bank is a folder, or lies on a PostgreSQL server. Of each picture it
    holds hashes, local features, a grey copy of 144 pixels, and what was said about it.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # small pictures: threads would only wait


@bank.command()
@BANK
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--id", "name", help="Id of the entry; for one picture or for hashes alone.")
@click.option(
    "--hash",
    "hashes",
    multiple=True,
    metavar="ALGORITHM=HEX",
    help=f"A hash without a picture ({', '.join(DIGITS)}); needs --id.",
)
@click.option(
    "--class",
    "kind",
    type=click.Choice([kind.value for kind in EntryKind]),
    default=EntryKind.OTHER.value,
    show_default=True,
    help="What the pictures are.",
)
@click.option("--innocent", is_flag=True, help="Pictures that are taken for fakes and are none.")
@click.option("--source", help="Who reported it: a name or an address; never opened.")
@click.option("--note", help="Kept with the entry, shown by `bank show`.")
@click.option(
    "--first-seen",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]),
    metavar="DATE",
    help="When it was first seen in use, YYYY-MM-DD.",
)
@click.option("--tag", "tags", multiple=True, help="Campaign or technique; may be repeated.")
@click.option(
    "--tlp",
    type=click.Choice([tlp.value for tlp in Tlp]),
    default=Tlp.AMBER.value,
    show_default=True,
    help="Traffic Light Protocol: whom it may be shown to.",
)
@click.option("--report", is_flag=True, help="List added pictures that are copies of others.")
@REINSTATE
@WHY
@words_or_json
@click.pass_context
def add(
    ctx: click.Context,
    /,
    path: BankLocation,
    paths: tuple[Path, ...],
    name: str | None,
    hashes: tuple[str, ...],
    **said: Any,
) -> None:
    """Add every picture below PATHS.

    An entry's id is the file's path below PATH without its ending, with it where two files would
    share one. The same id with other bytes is refused, and then nothing is written. A picture that
    was withdrawn or disputed here, or is kept as harmless, is not added under any id.
    """
    form, report = said.pop("form"), said.pop("report")
    reinstate = why(reinstate=said.pop("reinstate"), reason=said.pop("reason"))
    template = _template(**said)
    if hashes:
        if paths or not name:
            raise click.UsageError("--hash makes one entry without a picture: give --id, no paths")
        done = _add_hashes(path, template, name, hashes, reinstate)
    elif not paths:
        raise click.UsageError("name pictures or folders to add, or give --id and --hash")
    else:
        tell = _told if form == "terminal" else _untold
        done = add_pictures(
            path, [*paths], template, name=name, reinstate=reinstate, report=report, tell=tell,
            watch=_watched,
        )  # fmt: skip
    _say_enrolled(done, form, report=report)
    ctx.exit(3 if done.broken or done.held else 0)


def _say_enrolled(done: Enrolment, form: str, *, report: bool) -> None:
    """Print what became of the pictures."""
    for entry_id, held in done.held.items():
        click.echo(escape(f"parked  {entry_id}: its picture is {held}; {OVERRIDE}"), err=True)
    if form == "json":
        click.echo(json_text(done.report()))
        return
    for near in done.near:
        bits = near["distance"]
        how = "local features agree" if bits is None else f"{near['algorithm']}: {bits} bits differ"
        click.echo(escape(f"copy  {near['id']}  {near['other']}  ({how})"))
    if report and not done.near:
        click.echo("no copies among what was added")
    click.echo(escape(_summary(done)), err=True)


def _template(*, kind: str, tlp: str, first_seen: datetime | None, **said: Any) -> Entry:
    """Return what all entries of one call share."""
    now = timestamp()
    said |= {name: printable(value) for name, value in said.items() if isinstance(value, str)}
    said["tags"] = tuple(printable(tag) for tag in said["tags"])
    return Entry(
        id="",
        kind=EntryKind(kind),
        tlp=Tlp(tlp),
        first_seen=first_seen.date().isoformat() if first_seen else None,
        hashes={},
        created=now,
        modified=now,
        **said,
    )


def _summary(done: Enrolment) -> str:
    """Return what became of the pictures, in a line."""
    counts = {
        "added": len(done.added),
        "of low detail, matched by bytes alone": len(done.exact_only),
        "of the same bytes as another": len(done.copies),
        "already there": len(done.present),
        "parked": len(done.held),
        "broken": len(done.broken),
        "no pictures": len(done.passed_over),
    }
    words = [f"{count} {what}" for what, count in counts.items() if count]
    return f"{done.bank}: {', '.join(words) or 'nothing to add'}"


def _watched(rows: Iterable[Planned], count: int) -> Iterator[Planned]:
    """Yield rows as they are added, with a progress line."""
    with Progress("Adding pictures", count) as progress:
        yield from progress.watch(rows)


def _untold(_entry: Entry, _copy: str | None) -> None:
    """Print nothing: the report in JSON comes at the end."""


def _told(entry: Entry, copy: str | None) -> None:
    """Print one acknowledged entry at once."""
    low = "" if entry.perceptual else "  (low detail: by bytes alone)"
    same = f'  (the same bytes as "{copy}")' if copy else ""
    _print_at_once(f"added  {entry.id}{low}{same}")


def _print_at_once(line: str) -> None:
    """Print a line that a reader of the output may rely on."""
    click.echo(escape(line))
    sys.stdout.flush()


def _add_hashes(
    path: BankLocation, template: Entry, name: str, hashes: tuple[str, ...], reinstate: str | None
) -> Enrolment:
    """Add one entry of hashes that others computed."""
    pairs = [text.partition("=") for text in hashes]
    grouped: dict[str, tuple[Hash, ...]] = {}
    for algorithm, _, value in pairs:
        if value.lower() in OF_NOTHING:
            raise ConfigError(f"{algorithm} {value}: {REFUSED['digest_of_nothing']}")
        grouped[algorithm] = (*grouped.get(algorithm, ()), Hash(value.lower()))
    entry = msgspec.structs.replace(template, id=named(name), hashes=grouped)
    done = Enrolment(path.name)
    create(path, entry.created)
    with writing(path) as writer:
        if entry.id in writer.bank.entries:
            raise ConfigError(f"{path}: the id {entry.id!r} is taken; choose another (--id)")
        held = Holds(writer.bank, innocents=True).of_entry(entry)
        if (out := kept_out(entry, held)) is not None and reinstate is None:
            done.held[entry.id] = out.told
            return done
        writer.put(entry if reinstate is None else reinstated(entry, held, reinstate))
        done.added += [each.id for each in writer.commit()]
    return done


@bank.command(name="list")
@BANK
@words_or_json
@click.option("--all", "everything", is_flag=True, help="Withdrawn entries too.")
def list_(path: BankLocation, form: str, everything: bool) -> None:
    """List the entries: id, class, status, first seen, source."""
    rows = [
        entry
        for entry in opened(path).entries.values()
        if everything or entry.status is not Status.WITHDRAWN
    ]
    if form == "json":
        click.echo(json_text([_row(entry) for entry in rows]))
        return
    for entry in rows:
        innocent = ", innocent" if entry.innocent else ""
        parts = [entry.id, entry.kind.value + innocent, entry.status.value]
        parts += [part for part in (entry.first_seen, entry.source) if part]
        click.echo(escape("  ".join(parts)))


@bank.command()
@BANK
@words_or_json
@click.argument("entry_id", metavar="ID")
def show(path: BankLocation, form: str, entry_id: str) -> None:
    """Show all that is known of one entry."""
    row = _row(_entry(opened(path), entry_id))
    if form == "json":
        click.echo(json_text(row))
        return
    for key, value in _flat(row):
        click.echo(escape(f"{key:<24}{value}"))


@bank.command()
@BANK
@_REASON
@click.argument("entry_ids", metavar="ID…", nargs=-1, required=True)
def withdraw(path: BankLocation, reason: str, entry_ids: tuple[str, ...]) -> None:
    """Take entries out of use; a tombstone stays, and the ids stay taken."""
    _restate(path, entry_ids, Status.WITHDRAWN, reason)


@bank.command()
@BANK
@_REASON
@click.argument("entry_ids", metavar="ID…", nargs=-1, required=True)
def dispute(path: BankLocation, reason: str, entry_ids: tuple[str, ...]) -> None:
    """Mark entries as disputed: their matches are shown without a claim."""
    _restate(path, entry_ids, Status.DISPUTED, reason)


@bank.command()
@BANK
@_REASON
@click.argument("entry_ids", metavar="ID…", nargs=-1, required=True)
def confirm(path: BankLocation, reason: str, entry_ids: tuple[str, ...]) -> None:
    """Bring disputed entries back into use."""
    _restate(path, entry_ids, Status.ACTIVE, reason)


@bank.command()
@BANK
@words_or_json
def stats(path: BankLocation, form: str) -> None:
    """Count the entries by class and status, and say how large the bank is."""
    store = opened(path)
    entries = store.entries.values()
    row = {
        "bank": store.name,
        "entries": len(store.entries),
        "by_status": dict(Counter(entry.status.value for entry in entries)),
        "by_class": dict(Counter(entry.kind.value for entry in entries)),
        "innocent": sum(entry.innocent for entry in entries),
        "exact_only": sum(not entry.perceptual for entry in entries),
        "with_local_features": sum(entry.local is not None for entry in entries),
        "changes": store.changes,
        "bytes": size(path),
    }
    if form == "json":
        click.echo(json_text(row))
        return
    for key, value in _flat(row):
        click.echo(escape(f"{key:<24}{value}"))


@bank.command()
@BANK
@click.pass_context
def verify(ctx: click.Context, path: BankLocation) -> None:
    """Check every line and every feature of a bank against its digest."""
    wrong = damage(path)
    for line in wrong:
        click.echo(escape(line))
    if not wrong:
        store = opened(path)
        click.echo(escape(f"{store.name}: {len(store.entries)} entries, all whole"))
    ctx.exit(3 if wrong else 0)


def _restate(path: BankLocation, ids: tuple[str, ...], status: Status, reason: str) -> None:
    """Change the status of entries and of all copies of their pictures, all or none."""
    now, reason = timestamp(), printable(reason)
    with writing(path) as writer:
        changed = [_entry(writer.bank, each) for each in dict.fromkeys(ids)]
        if status is not Status.WITHDRAWN and any(
            entry.status is Status.WITHDRAWN for entry in changed
        ):
            raise ConfigError(f"{path}: a withdrawn entry stays withdrawn; add it under a new id")
        copies, unsure = copied(writer.bank, changed, status)
        for entry in [*changed, *(entry for entry, _ in copies.values())]:
            writer.put(msgspec.structs.replace(entry, status=status, reason=reason, modified=now))
        for entry in writer.commit():
            same = f'  (the same picture as "{copies[entry.id][1]}")' if entry.id in copies else ""
            _print_at_once(f"{status.value}  {entry.id}{same}")
    for entry_id, other in unsure.items():
        words = f'may be the same picture as "{other}" by its hashes alone, and stays as it is'
        click.echo(escape(f"{entry_id}: {words}"), err=True)


def _entry(store: Store, entry_id: str) -> Entry:
    if entry_id not in store.entries:
        raise ConfigError(f"{store.path}: no entry {entry_id!r} (`provenance bank list`)")
    return store.entries[entry_id]


def _row(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON; where its features lie is the bank's own business."""
    row: dict[str, Any] = msgspec.to_builtins(entry)
    row.pop("local", None)
    return {"status": entry.status.value, "class": entry.kind.value, **row}


def _flat(row: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Yield nested values as lines."""
    for key, value in row.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        elif isinstance(value, list | tuple):
            for each in value:
                words = " ".join(map(str, each.values())) if isinstance(each, dict) else each
                yield f"{before}{key}", str(words)
        else:
            yield f"{before}{key}", str(value)


for command in (calibrate, export, import_, merge, diff):
    bank.add_command(command)
