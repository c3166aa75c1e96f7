"""`provenance audit forget`: drop old lines, keep their hashes."""

from datetime import datetime
from pathlib import Path

import click

from provenance.cli.audit.export import DAY
from provenance.cli.audit.options import LOG, REASON, tell, text


@click.command()
@LOG
@click.option(
    "--before",
    metavar="DATE",
    type=DAY,
    required=True,
    help="Lines of this UTC day or later stay.",
)
@REASON
def forget(log: Path, before: datetime, reason: str) -> None:
    """Drop the files of LOG whose lines are all older than a day.

    The hash of each line stays (32 bytes), a line says what was dropped and why, and the rest of
    the log holds as before. A log that does not hold is left as it is.
    """
    from detectors.errors import DamagedError
    from provenance.audit.forget import forget as drop
    from provenance.audit.log import AuditLog
    from provenance.audit.verify import verify
    from provenance.messages import say

    with AuditLog(log) as opened:
        found = verify(opened.folder, opened.key.public)
        if found.fault is not None:
            raise DamagedError(f"{log}: {say(found.fault)}", "nothing was dropped")
        day = before.date()
        said = drop(opened, day, text(reason))
        if said is None:
            tell("none_old", before=day.isoformat())
            return
        files = ", ".join(said.files)
        tell("dropped_now", first=said.first, last=said.last, files=files, at=opened.size - 1)
