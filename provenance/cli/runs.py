"""`provenance scan --out RUN`: the pass over a run, and what the command says of it."""

import sys
from collections.abc import Callable, Container, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from detectors.errors import ConfigError
from provenance.cli.configuration import Configuration
from provenance.cli.options import one_of
from provenance.cli.progress import Progress
from provenance.cli.run import cut_short, exit_line, look_of, name_on_stderr, tally_of
from provenance.engine.config import RunConfig
from provenance.engine.interrupt import Interruption
from provenance.engine.ordered import Crew
from provenance.engine.tally import UNCHECKED, Tally
from provenance.messages import say
from provenance.record import Record, Risk
from provenance.render import RenderOptions, jsonl
from provenance.render import run as screen
from provenance.runs.folder import RunFolder
from provenance.runs.run import Pass, Stopped

if TYPE_CHECKING:
    from provenance.audit.log import AuditLog

FORMATS = ("terminal", "jsonl")
"""What goes with a run; the other formats are documents of all records."""


def keep(
    choice: RunConfig,
    paths: Iterable[str],
    found: Configuration,
    given: dict[str, Any],
    *,
    folder: RunFolder,
    deepen: str | None,
    sources: list[str],
    workers: AbstractContextManager[Crew],
    count: int,
    interruption: Interruption,
    named: Container[str],
    audit: "AuditLog | None" = None,
) -> int:
    """Make a pass over a run, and return the exit code.

    Args:
        choice: detectors, options, policy.
        paths: of the files that are looked at, as a walk yields them.
        found: the configuration in force.
        given: the command's options.
        folder: of the run.
        deepen: what further detectors look at; None: everything.
        sources: as the user named them.
        workers: provides those that look at the items.
        count: how many items there are, a file of posts counted once.
        interruption: told of signals.
        named: items that the user named instead of a folder above them.
        audit: every record stands there once the pass has come to it.
    """
    out = sys.stdout
    form = one_of("format", given["form"] or found.settings.format, FORMATS)
    fail_on = given["fail_on"] or found.settings.fail_on
    look = look_of(choice, found, given, fail_on, named)
    progress = Progress("Checking", count, quiet=given["quiet"])

    def unchecked(record: Record) -> None:
        progress.clear()
        name_on_stderr(record, look)

    tally = tally_of(look, unchecked, interruption)
    chosen = (deepen, _chosen(deepen)) if deepen else None
    settings = audit.bodies if audit else None
    run = Pass(folder, choice, sources, jsonl.line, chosen, settings=settings)
    try:
        with workers as crew, run.open():
            for reason in run.again:
                click.echo(f"provenance: {say(reason, look.locale, look.tables)}", err=True)
            stream = run.records(paths, crew, interruption.ending, interruption)
            if audit:
                stream = audit.logged(stream)
            summary = _passed(run, stream, tally, progress)
            if form == "terminal":
                cut = partial(cut_short, tally, count, look)
                why = exit_line(tally, fail_on, cut(), look)
                look = msgspec.structs.replace(look, closing=lambda: why, cut=cut)
                groups = () if tally.interrupted else _groups(folder)
                screen.write(summary, groups, _shown(run, look), out, look)
    except Stopped as error:
        click.echo(f"provenance: the pass ends here, to be continued: {error}", err=True)
        return UNCHECKED
    out.flush()
    if form != "terminal" and (said := cut_short(tally, count, look)):
        click.echo(f"provenance: {said}", err=True)
    return tally.exit_code


def _passed(
    run: Pass, stream: Generator[Record], tally: Tally, progress: Progress
) -> dict[str, Any]:
    """Take all records; return the summary.

    Raises:
        Stopped: the pass could not go on; what is done is kept.
    """
    try:
        with closing(stream), progress:
            for _ in tally.watch(progress.watch(stream)):
                pass
        return (run.interrupt if tally.interrupted else run.end)(tally.unchecked)
    except Stopped:
        run.interrupt(tally.unchecked)
        raise


def _shown(run: Pass, look: RenderOptions) -> Iterator[Record]:
    """Return what asks for attention."""
    least = look.show if not look.quiet else look.fail_on
    return iter(()) if least is None else run.at_or_above(least.rank)


def _groups(folder: RunFolder) -> Iterator[dict[str, Any]]:
    """Yield the largest groups, with their first names."""
    with folder.groups.open("rb") as lines:
        for line in islice(lines, screen.GROUPS):
            group = msgspec.json.decode(line)
            yield {**group, "count": len(group["items"]), "items": group["items"][: screen.NAMED]}


def _chosen(said: str) -> Callable[[Record], bool]:
    """Return what tells whether further detectors look at an item.

    Args:
        said: a risk, or `@` and the name of a file with one name of an item a line.

    Raises:
        ConfigError: it is neither.
    """
    if said.startswith("@"):
        names = frozenset(_listed(Path(said[1:])))
        return lambda record: record.item.uri in names
    risks = [risk.value for risk in Risk]
    if said not in risks:
        raise ConfigError(f"--deepen {said!r}: use one of {', '.join(risks)}, or @FILE")
    least = Risk(said).rank
    return lambda record: record.verdict.risk.rank >= least


def _listed(file: Path) -> Iterator[str]:
    """Yield the names of items that a file lists, one a line; a JSON string where one is quoted.

    Raises:
        ConfigError: the file cannot be read, or a line is no JSON string.
    """
    try:
        lines = file.read_text("utf-8").split("\n")
    except (OSError, ValueError) as error:
        raise ConfigError(f"--deepen @{file}: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.startswith('"'):
            yield line.removesuffix("\r")
            continue
        try:
            yield msgspec.json.decode(line, type=str)
        except msgspec.DecodeError as error:
            raise ConfigError(f"--deepen @{file}:{number}: {error}") from error
