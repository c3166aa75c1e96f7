"""`provenance audit show`: a decision as it was shown."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from provenance.cli.audit.options import LOG, tables, tell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.audit.entry import Appeal, Entry
    from provenance.audit.reading import Reader

SHA256 = re.compile("[0-9a-f]{64}")
MISSING = 1


@click.command()
@LOG
@click.argument("what", metavar="N|SHA256|URI")
@click.option("-v", "--verbose", is_flag=True, help="Show every fact.")
@click.pass_context
def show(ctx: click.Context, log: Path, what: str, *, verbose: bool) -> None:
    """Show decisions in words, as they were shown: by line, digest of the bytes, or name.

    What was decided comes from the log, and so does the policy; with each decision, what came of
    appeals against it. A number is that of a line.
    """
    from provenance.audit.entry import Appeal, Forget, Repair
    from provenance.audit.folder import LogFolder
    from provenance.audit.reading import Reader
    from provenance.cli.run import colour, width
    from provenance.render import RenderOptions
    from provenance.render.terminal import Page

    reader = Reader(LogFolder(log))
    appeals = reader.appeals()
    shown = 0
    look = RenderOptions(
        width=width(),
        colour=colour("auto"),
        unicode=(sys.stdout.encoding or "").lower().replace("-", "") == "utf8",
        verbose=verbose,
        tables=tables(),
    )
    for entry in _named(reader, what):
        record = entry.record
        told: dict[str, Any] = {"n": entry.n, "time": entry.time, "actor": entry.actor}
        if shown:
            click.echo()
        shown += 1
        for kind, said in (
            ("appeal", entry.appeal), ("repair", entry.repair), ("forget", entry.forget),
        ):  # fmt: skip
            if isinstance(said, Appeal | Repair | Forget):
                tell(f"said.{kind}", **told, **msgspec.structs.asdict(said))
        if record is None:
            continue
        tell("line", **told)
        policy = record.verdict.policy
        look = msgspec.structs.replace(look, policy=reader.policy(policy.sha256, policy.name))
        Page(sys.stdout, look).item(record)
        _appeals(appeals, entry.n)
    if not shown:
        tell("nowhere", err=True, said=what, log=str(log))
        ctx.exit(MISSING)


def _named(reader: "Reader", what: str) -> "Iterator[Entry]":
    """Yield the lines that are meant."""
    number = int(what) if what.isdecimal() and len(what) < 19 else None
    for entry in reader.entries():
        record = entry.record
        if number is not None:
            meant = entry.n == number
        elif record is None:
            meant = False
        elif SHA256.fullmatch(what):
            parts = [part.sha256 for part in record.item.parts or ()]
            meant = what in (record.item.sha256, *parts)
        else:
            meant = record.item.uri == what
        if meant:
            yield entry


def _appeals(appeals: "Mapping[int, list[tuple[Entry, Appeal]]]", n: int) -> None:
    """Print what came of appeals against a decision."""
    for line, appeal in appeals.get(n, ()):
        told: dict[str, Any] = {"n": line.n, "time": line.time, "actor": line.actor}
        tell("said.appeal", **told, **msgspec.structs.asdict(appeal))
