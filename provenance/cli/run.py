"""Run items through the engine and a renderer: what `check` and `scan` share."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any

import click
import msgspec

from detectors.item import Item
from detectors.signal import Outcome
from provenance.cli import settings
from provenance.cli.options import COLORS, FAIL_ON, one_of
from provenance.engine.check import Choice
from provenance.engine.pool import records
from provenance.engine.tally import Tally
from provenance.messages import languages, say
from provenance.record import Record, Risk
from provenance.render import Look, renderer

WIDTH = 80
"""Columns where there is no terminal to ask, as golden screens and log files expect."""


def run(
    choice: Choice,
    items: Iterable[Item],
    found: settings.Found,
    given: dict[str, Any],
    *,
    jobs: int,
    folder: bool,
    count: int | None,
) -> int:
    """Check the items, print their records, and give the exit code.

    Args:
        choice: detectors, options, policy.
        items: read lazily.
        found: the configuration in force.
        given: the command's options.
        jobs: worker processes.
        folder: several items, so that a terminal shows a line each and a count.
        count: how many items there are, for progress; None: not known.
    """
    write = renderer(given["form"])
    fail_on = one_of("fail_on", given["fail_on"] or found.settings.fail_on, FAIL_ON)
    look = _look(choice, found, given, fail_on)
    tally = Tally(look.fail_on, lambda record: _name_on_stderr(record, look))
    look = msgspec.structs.replace(look, folder=folder, closing=lambda: closing(tally, fail_on))
    with interruptible() as interrupted:
        stream = records(items, choice, jobs, interrupted)
        passing = tally.watch(_progress(stream, count, quiet=given["quiet"] or not folder))
        first = list(islice(passing, 1))  # a refused option shows here, before anything is written
        write(chain(first, passing), sys.stdout, look)
        tally.interrupted = interrupted()
    sys.stdout.flush()
    return tally.exit_code


def _look(choice: Choice, found: settings.Found, given: dict[str, Any], fail_on: str) -> Look:
    """Give how records are to look: by the options, the configuration and the terminal."""
    configured = found.settings
    return Look(
        width=width(),
        colour=colour(one_of("color", given["color"] or configured.color, COLORS)),
        unicode=(sys.stdout.encoding or "").lower().replace("-", "") == "utf8",
        verbose=given["verbose"],
        quiet=given["quiet"],
        fail_on=None if fail_on == "never" else Risk(fail_on),
        locale=one_of("lang", given["lang"] or configured.lang, languages()),
        tables=tuple(table for spec in choice.specs for table in spec.messages),
        policy=choice.policy,
    )


def _progress(stream: Iterator[Record], count: int | None, *, quiet: bool) -> Iterator[Record]:
    """Give the records on, with count, rate and time left on stderr where a person watches it."""
    if quiet or not sys.stderr.isatty():
        return stream
    return _watched(stream, count)


def _watched(stream: Iterator[Record], count: int | None) -> Iterator[Record]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("Checking"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    began = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=count, rate="")
        for done, record in enumerate(stream, 1):
            rate = done / max(time.monotonic() - began, 1e-3)
            shown.update(task, completed=done, rate=f"{rate:.1f} a second")
            yield record


def _name_on_stderr(record: Record, look: Look) -> None:
    """Say which item could not be checked, and why."""
    from provenance.render.escape import escape

    for one in record.signals:
        if one.outcome is Outcome.FAILED or one.detector == "item":
            if one.outcome is Outcome.FINDING:
                continue
            who = "" if one.detector == "item" else f"{one.detector}: "
            line = (
                f"provenance: {record.item.uri}: {who}{say(one.reason, look.locale, look.tables)}"
            )
            click.echo(escape(line), err=True)


def closing(tally: Tally, fail_on: str) -> str:
    """Say why the exit code is what it is."""
    code = tally.exit_code
    if tally.interrupted:
        return f"Exit {code}: interrupted; what was done is above."
    if tally.flagged:
        return f"Exit {code}: {tally.flagged} at or above {fail_on}."
    if tally.unchecked:
        return f"Exit {code}: {tally.unchecked} could not be checked."
    return f"Exit {code}: none at or above {fail_on}." if fail_on != "never" else f"Exit {code}."


@contextmanager
def interruptible() -> Iterator["Interrupted"]:
    """Let the first interrupt end the run after what is done; a second one ends it at once."""
    flag = Interrupted()
    before = signal.signal(signal.SIGINT, flag.notice)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)


class Interrupted:
    """Whether the user has interrupted."""

    def __init__(self) -> None:
        """Start uninterrupted."""
        self._yes = False

    def __call__(self) -> bool:
        """Tell whether there was an interrupt."""
        return self._yes

    def notice(self, _signal: int, _frame: object) -> None:
        """Take an interrupt.

        Raises:
            KeyboardInterrupt: it is the second one.
        """
        if self._yes:
            raise KeyboardInterrupt
        self._yes = True


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
    """Give the columns to write in."""
    if os.environ.get("COLUMNS", "").isdigit() or sys.stdout.isatty():
        return max(40, min(120, shutil.get_terminal_size((WIDTH, 24)).columns))
    return WIDTH
