"""Run items through the engine and a renderer: what `check` and `scan` share."""

import os
import shutil
import sys
from collections.abc import Callable, Container, Generator, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import date
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TextIO

import click
import msgspec

from detectors.errors import UnavailableError
from detectors.item import Item
from detectors.signal import Reason
from provenance.cli.configuration import Configuration
from provenance.cli.options import language, one_of
from provenance.cli.progress import Progress
from provenance.engine.config import RunConfig
from provenance.engine.interrupt import Interruption
from provenance.engine.ordered import Crew, in_order
from provenance.engine.supervisor import Supervisor
from provenance.engine.tally import UNCHECKED, Tally, could_not_check, keeps_from_checking
from provenance.intake import location
from provenance.messages import number, say
from provenance.record import Record, Risk
from provenance.render import RenderOptions, renderer

if TYPE_CHECKING:
    from provenance.audit.log import AuditLog

LINES = ("terminal", "jsonl")
"""Formats whose records end with their line."""
WIDTH = 80
"""Columns where there is no terminal to ask, as golden screens and log files expect."""

OPENED = (
    "application/zip",
    "application/gzip",
    "application/x-bzip2",
    "application/x-xz",
    "application/x-tar",
)
"""Media types of archives that `scan` opens."""


def run(
    choice: RunConfig,
    items: Iterable[Item],
    found: Configuration,
    given: dict[str, Any],
    *,
    workers: AbstractContextManager[Crew],
    formats: Sequence[str],
    count: int,
    interruption: Interruption,
    named: Container[str] | None = None,
    audit: "AuditLog | None" = None,
) -> int:
    """Check the items, print their records, and give the exit code.

    Args:
        choice: detectors, options, policy.
        items: read lazily.
        found: the configuration in force.
        given: the command's options.
        workers: provides those that look at the items.
        formats: those that the command writes.
        count: how many items there are, a file of posts counted once.
        interruption: told of signals; the first one ends the run after what is done.
        named: of a scan, which shows a line for an item and a count: items that the user named
            instead of a folder above them. None: no scan, the user named them all.
        audit: every record stands there before it is printed.
    """
    out = sys.stdout  # before anything else is done: it belongs to the records alone
    form = one_of("format", given["form"] or found.settings.format, formats)
    fail_on = given["fail_on"] or found.settings.fail_on
    look = look_of(choice, found, given, fail_on, named)
    quiet = given["quiet"] or count == 1 or _joined(form, out)
    progress = Progress("Checking", count, quiet=quiet)

    def unchecked(record: Record) -> None:
        progress.clear()
        name_on_stderr(record, look)

    tally = tally_of(look, unchecked, interruption)
    cut = partial(cut_short, tally, count, look)
    look = msgspec.structs.replace(
        look,
        closing=lambda: exit_line(tally, fail_on, cut(), look),
        cut=cut,
    )
    with workers as crew, progress:
        ordered = in_order(interruption.ending(items), crew.submit, crew, interruption)
        stream = _until_lost(ordered, interruption, cluster=not isinstance(crew, Supervisor))
        if audit:
            stream = audit.logged(stream)
        passing = tally.watch(progress.watch(stream))
        first = list(islice(passing, 1))  # a refused option shows here, before anything is written
        renderer(form)(chain(first, passing), out, look)
    out.flush()
    if form != "terminal" and (said := cut()):
        click.echo(f"provenance: {said}", err=True)
    return tally.exit_code


def _until_lost(
    records: Iterable[Record], interruption: Interruption, *, cluster: bool
) -> Generator[Record]:
    """Yield records until a cluster is lost: then the scan ends as an interrupted one, with 3.

    Args:
        records: of a scan or a check.
        interruption: gets the exit code.
        cluster: whether a cluster makes them.

    Raises:
        UnavailableError: something cannot be used here from the start; nothing was checked.
    """
    begun = False
    try:
        for record in records:
            begun = True
            yield record
    except UnavailableError as error:
        if not (begun or cluster):
            raise
        click.echo(f"provenance: {error}", err=True)
        interruption.code = UNCHECKED


def tally_of(
    look: RenderOptions, unchecked: Callable[[Record], None], interruption: Interruption
) -> Tally:
    """Return what counts records, by what flags, could not be checked, and was accepted.

    Args:
        look: how records are to look.
        unchecked: told of every record of an item that could not be checked.
        interruption: told of signals.
    """
    return Tally(
        look.fail_on,
        look.unchecked,
        unchecked,
        lambda: interruption.code,
        lambda record: look.acceptance(record) is not None,
    )


def look_of(
    choice: RunConfig,
    found: Configuration,
    given: dict[str, Any],
    fail_on: str,
    named: Container[str] | None,
) -> RenderOptions:
    """Return how records are to look: by the options, the configuration and the terminal."""
    configured, scan = found.settings, named is not None
    show = given["show"] or configured.show or ("review" if scan else "low")
    return RenderOptions(
        width=width(),
        colour=colour(given["color"] or configured.color),
        unicode=(sys.stdout.encoding or "").lower().replace("-", "") == "utf8",
        verbose=given["verbose"],
        quiet=given["quiet"],
        folder=scan,
        fail_on=None if fail_on == "never" else Risk(fail_on),
        show=Risk(show),
        root=location.root(given["root"]),
        unchecked=partial(could_not_check, named=named),
        locale=language(found, given),
        tables=tuple(table for spec in choice.specs for table in spec.messages),
        policy=choice.policy,
        accepted=_accepted(given["baseline"], choice.today),
        job_summary=os.environ.get("GITHUB_STEP_SUMMARY"),
    )


def _accepted(file: str | None, today: str) -> Callable[[Record], str | None] | None:
    """Return what tells why people accepted findings, None where there is no baseline.

    Raises:
        ConfigError: it cannot be used.
    """
    if file is None:
        return None
    from provenance.hooks.baseline import Baseline, load

    return Baseline(load(file), date.fromisoformat(today)).reason


def _joined(form: str, out: TextIO) -> bool:
    """Tell whether records end in the middle of a line of a terminal, where nothing may follow."""
    return out.isatty() and form not in LINES


def name_on_stderr(record: Record, look: RenderOptions) -> None:
    """Say which item could not be checked, and why."""
    from provenance.render.escape import escape

    for one in record.signals:
        if keeps_from_checking(one):
            who = "" if one.detector == "item" else f"{one.detector}: "
            line = (
                f"provenance: {record.item.uri}: {who}{say(one.reason, look.locale, look.tables)}"
            )
            if not look.folder and record.item.media_type in OPENED:
                line += f" {say(Reason('hint.archive'), look.locale, look.tables)}"
            click.echo(escape(line), err=True)


def exit_line(tally: Tally, fail_on: str, cut: str, look: RenderOptions) -> str:
    """Return why the exit code is what it is, and how many findings do not count."""
    said = say(exit_reason(tally, fail_on, cut), look.locale, look.tables)
    if not tally.accepted:
        return said
    reason = Reason("exit.accepted", {"said": said, "count": tally.accepted})
    return say(reason, look.locale, look.tables)


def exit_reason(tally: Tally, fail_on: str, cut: str) -> Reason:
    """Return why the exit code is what it is."""
    args = {"code": tally.exit_code, "limit": fail_on}
    if cut:
        return Reason("exit.cut", args | {"cut": cut})
    if tally.flagged:
        return Reason("exit.flagged", args | {"count": tally.flagged})
    if tally.unchecked:
        return Reason("exit.unchecked", args | {"count": tally.unchecked})
    return Reason("exit.never" if fail_on == "never" else "exit.none", args)


def cut_short(tally: Tally, count: int, look: RenderOptions) -> str:
    """Return that a run was interrupted, and where; empty where it was not."""
    if not tally.interrupted:
        return ""
    done = tally.checked  # posts may be more than the files that were counted
    words = {
        "done": number(done, look.locale),
        "total": number(max(done, count), look.locale),
    }
    return say(Reason("run.interrupted", words), look.locale, look.tables)


def colour(wish: str) -> bool:
    """Decide on colour: the option, NO_COLOR, FORCE_COLOR, then whether it is a terminal."""
    if wish != "auto":
        return wish == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if any(
        os.environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")
    ):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Return the columns to write in."""
    if os.environ.get("COLUMNS", "").isdigit() or sys.stdout.isatty():
        return max(40, min(120, shutil.get_terminal_size((WIDTH, 24)).columns))
    return WIDTH
