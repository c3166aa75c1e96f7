"""`provenance baseline`: findings that people have looked at and accepted."""

from contextlib import closing
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from detectors.errors import ConfigError
from provenance.cli.options import choice, choosing, configuration, words_or_json
from provenance.cli.suggest import Suggesting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provenance.hooks.baseline import Entry
    from provenance.record import Record

    F = TypeVar("F", bound=Callable[..., Any])

_BASELINE = click.option(
    "--baseline",
    "file",
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False),
    envvar="PROVENANCE_BASELINE",
    help="The file of accepted findings.",
)


@click.group(cls=Suggesting)
def baseline() -> None:
    """Keep findings that people have looked at and accepted.

    A build whose `check` or `scan` is given the same file with --baseline does not fail for them:
    they keep their verdict and are marked. An entry is bound to the bytes and to what was found;
    other bytes, or a further finding, count again.
    """


@baseline.command()
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@_BASELINE
@click.option("--reason", required=True, help="Why it is accepted; kept with the entry.")
@click.option(
    "--until",
    metavar="DATE",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The last day on which it holds, YYYY-MM-DD (UTC).",
)
@choosing
@click.pass_context
def accept(
    ctx: click.Context,
    /,
    paths: tuple[str, ...],
    file: str,
    reason: str,
    until: datetime | None,
    **given: Any,
) -> None:
    """Check each FILE, and accept what is found in it, from now on.

    Of archives and files of posts, every item in them is accepted. The file is made where there is
    none yet.
    """
    import os

    from provenance.engine.tally import UNCHECKED
    from provenance.hooks.baseline import accepted, found, load, save
    from provenance.intake.files import uri

    if not reason.strip():
        raise ConfigError("--reason says nothing; whoever reads it later wants to know why")
    if folder := next(filter(os.path.isdir, paths), None):
        raise ConfigError(f"{uri(folder)} is a folder; name the files that you have looked at")
    entries = load(file) if os.path.lexists(file) else []
    records: list[Record] = []
    unchecked = 0
    for record, missed in _checked(paths, given):
        unchecked += missed
        records.append(record)
        if not missed and not found(record):
            _say(f"{record.item.uri}: nothing was found, so there is nothing to accept")
    save(file, accepted(entries, records, reason, until.date() if until else None))
    if unchecked:
        ctx.exit(UNCHECKED)


def _checked(paths: tuple[str, ...], given: dict[str, Any]) -> "Iterator[tuple[Record, bool]]":
    """Yield the records of files, and whether each could not be checked, which is said."""
    from provenance.cli.progress import Progress
    from provenance.engine.ordered import records
    from provenance.engine.supervisor import jobs_for
    from provenance.engine.tally import could_not_check
    from provenance.intake.paths import Walk, scanned
    from provenance.messages import say

    found = configuration(paths, given)
    chosen = choice(found, given)
    walk = Walk(paths)
    stream = records(scanned(walk), chosen, jobs_for(len(paths), found.settings.jobs))
    with closing(stream), Progress("Checking", len(paths), quiet=len(paths) == 1) as progress:
        for record in progress.watch(stream):
            missed = could_not_check(record)
            if missed:
                progress.clear()
                why = next(record.signals[index].reason for index in record.verdict.not_assessed)
                _say(f"{record.item.uri}: {say(why)}")
            yield record, missed
    for link in walk.links:
        raise ConfigError(f"{link}: a link or a special file; name the file itself")


@baseline.command("list")
@_BASELINE
@words_or_json
def list_(file: str, form: str) -> None:
    """Show what is accepted, why, and until when."""
    from provenance.hooks.baseline import holds, load
    from provenance.render.escape import escape, json_text

    entries, today = load(file), datetime.now(UTC).date()
    if form == "json":
        import msgspec

        click.echo(json_text(msgspec.to_builtins(entries)))
        return
    for entry in entries:
        click.echo(escape(entry.uri))
        click.echo(f"  {escape(entry.reason)}{_end(entry, today, over=not holds(entry, today))}")
        click.echo(f"  {' '.join(map(escape, entry.codes))}  sha256 {entry.sha256[:12]}")
    click.echo(f"{len(entries)} accepted")


def _end(entry: "Entry", today: date, *, over: bool) -> str:
    """Return until when an entry holds, in brackets; empty where it has no end."""
    if entry.until is None:
        return ""
    if over:
        return f" (ran out on {entry.until}: counts again)"
    return f" (until {entry.until}, {(entry.until - today).days + 1} days)"


@baseline.command()
@_BASELINE
def prune(file: str) -> None:
    """Drop entries that have run out, or whose file no longer has these bytes.

    Names lead from the current folder.
    """
    from provenance.hooks.baseline import gone, load, save
    from provenance.render.escape import escape

    entries = load(file)
    dropped = dict(gone(entries, datetime.now(UTC).date()))
    for entry, why in dropped.items():
        said = f"ran out on {entry.until}" if why == "until" else "no longer has these bytes"
        click.echo(escape(f"{entry.uri}: {said}"))
    if dropped:
        save(file, [entry for entry in entries if entry not in dropped])
    click.echo(f"{len(dropped)} dropped, {len(entries) - len(dropped)} kept")


def _say(line: str) -> None:
    from provenance.render.escape import escape

    click.echo(escape(f"provenance: {line}"), err=True)
