"""`provenance audit bundle` and `check-bundle`: one decision that proves itself."""

from pathlib import Path
from typing import Any, Final

import click

from detectors.errors import ConfigError
from provenance.cli.audit.options import LOG, tell

BROKEN: Final = 1
MOST: Final = 1 << 28
"""Bytes of a bundle that is read."""


@click.command()
@LOG
@click.argument("n", type=click.IntRange(min=0))
@click.option(
    "--out",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where it goes.",
)
def bundle(log: Path, n: int, out: Path) -> None:
    """Write decision N so that it can be verified without the log.

    An in-toto statement in a DSSE envelope: the line, the settings and the policy that decided, and
    its place under a signed checkpoint.
    """
    import msgspec

    from detectors.storing.atomic import atomic_write
    from provenance.audit.bundle import make
    from provenance.audit.log import AuditLog

    with AuditLog(log) as opened:
        envelope = make(opened, n)
    atomic_write(out, msgspec.json.format(msgspec.json.encode(envelope), indent=1) + b"\n")
    tell("bundled", err=True, file=str(out), n=n)


@click.command("check-bundle")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--key",
    metavar="PUB",
    required=True,
    type=click.Path(path_type=Path),
    help="The public key of the log, a file in verifier form.",
)
@click.pass_context
def check_bundle(ctx: click.Context, file: Path, key: Path) -> None:
    """See whether a bundle holds: exit 0, else 1.

    Nothing else is needed: no log, no configuration, no network.
    """
    from detectors.signal import Reason
    from provenance.audit import keys
    from provenance.audit.bundle import check
    from provenance.messages import say
    from provenance.render.escape import escape

    public = keys.read(key)
    try:
        with file.open("rb") as opened:
            data = opened.read(MOST)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
    found = check(data, public)
    if isinstance(found, Reason):
        click.echo(escape(say(found)))
        ctx.exit(BROKEN)
    record, place = found
    told: dict[str, Any] = {"index": place.index, "size": place.size, "origin": place.origin}
    tell("proved", **told, uri=record.item.uri, risk=record.verdict.risk.value)
