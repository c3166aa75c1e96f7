"""`provenance audit init`, `verify` and `repair`: make a log, see if it holds, mend its end."""

from pathlib import Path
from typing import Final

import click

from detectors.errors import ConfigError
from provenance.cli.audit.options import KEY, LOG, public_key, tell

BROKEN: Final = 1
INCOMPLETE: Final = 3


@click.command()
@LOG
@click.option(
    "--name", required=True, help="Of the log, such as example.org/moderation; it is signed too."
)
@click.option(
    "--key",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where the private key goes; FILE.pub is the public one."
    " [default: a file in your data folder]",
)
def init(log: Path, name: str, key: Path | None) -> None:
    """Make a log and its key.

    LOG is a folder that is empty or not there. The public key is printed: give it to whoever is to
    verify the log.
    """
    from provenance.audit.log import make

    public, private = make(log, name, key)
    click.echo(public.verifier)
    tell("made", err=True, log=str(log), key=str(private))


@click.command()
@LOG
@KEY
@click.option(
    "--checkpoint",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A checkpoint of this log that was kept elsewhere: the log must continue it.",
)
@click.pass_context
def verify(ctx: click.Context, log: Path, key: Path | None, checkpoint: Path | None) -> None:
    """See whether a log holds.

    Names the first line that was altered, removed, added or moved; settings and policies count
    too. Exit 0: it holds. 1: it does not. 3: its last line is unfinished, the rest holds.

    That its end was cut off together with its checkpoint shows only beside a newer checkpoint, kept
    elsewhere (--checkpoint).
    """
    from provenance.audit import verify as checking
    from provenance.audit.folder import LogFolder
    from provenance.messages import say
    from provenance.render.escape import escape

    folder = LogFolder(log)
    outside = None
    if checkpoint is not None:
        try:
            outside = checkpoint.read_bytes()
        except OSError as error:
            raise ConfigError(f"{checkpoint}: {error.strerror}") from error
    found = checking.verify(folder, public_key(folder, key), outside)
    if found.fault is not None:
        click.echo(escape(say(found.fault)))
        ctx.exit(BROKEN)
    for forget in found.forgotten:
        tell("forgotten", first=forget.first, last=forget.last, reason=forget.reason)
    if found.torn:
        tell("incomplete", bytes=found.torn, n=found.lines, log=str(log))
        ctx.exit(INCOMPLETE)
    tell("holds", lines=found.lines, signed=found.signed, behind=found.lines - found.signed)


@click.command()
@LOG
def repair(log: Path) -> None:
    """Set an unfinished last line aside.

    A line that says so takes its place. Whatever else does not hold is left as it is.
    """
    from provenance.audit.log import AuditLog

    with AuditLog(log) as opened:
        if opened.repaired is None:
            tell("whole", lines=opened.size)
        else:
            tell("set_aside", bytes=opened.repaired.bytes, aside=opened.repaired.aside)
