"""`provenance serve`: the same verdicts by HTTP."""

import ipaddress
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from detectors.errors import ConfigError
from provenance.cli.deciding import deciding, jobs_of, say
from provenance.cli.options import FAIL_ON, JOBS, choosing

if TYPE_CHECKING:
    from provenance.cli.deciding import Deciding
    from provenance.hooks.service.reports import Reports

SECRET: Final = b"PROVENANCE_MASTODON_SECRET"
LOCAL: Final = "localhost"
NEEDED: Final = ("starlette", "uvicorn", "python_multipart")


def _hma_names(
    _ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """Take apart BANK=NAME."""
    pairs = [value.partition("=") for value in values]
    if any(not (bank and name) or "/" in name for bank, _, name in pairs):
        raise click.BadParameter("use BANK=NAME, NAME without a slash", param=param)
    return {bank: name for bank, _, name in pairs}


@click.command()
@click.option(
    "--host", metavar="ADDRESS", default="127.0.0.1", show_default=True,
    help="Listen at this address; another than of this machine itself needs --tokens.",
)  # fmt: skip
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8440, show_default=True,
    help="Listen at this port; 0 is any that is free.",
)  # fmt: skip
@click.option(
    "--tokens", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="Ask every client for a token of this file; without it only this machine is served.",
)  # fmt: skip
@click.option("--new-token", metavar="NAME", help="Print a new token and its line for the file.")
@click.option(
    "--allowed-host", "hosts", multiple=True, metavar="NAME",
    help="Answer also to this name; may be repeated.",
)  # fmt: skip
@click.option(
    "--media-from", "prefixes", multiple=True, metavar="PREFIX",
    help="Open media below this folder or https://host/path/; may be repeated. Without it none is.",
)  # fmt: skip
@click.option(
    "--media-from-private", "private", multiple=True, metavar="PREFIX",
    help="The same, where the host has an address of a private network.",
)  # fmt: skip
@click.option(
    "--deadline", type=click.FloatRange(min=0.1), default=20.0, show_default=True,
    metavar="SECONDS", help="For a request with its media; what is not done by then is said.",
)  # fmt: skip
@click.option(
    "--on-error", type=click.Choice(["accept", "reject"]),
    help="What hooks of other programs answer where there is no verdict. [default: 503]",
)  # fmt: skip
@click.option(
    "--mastodon-secret", "secret", metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The secret of Mastodon's webhook. [default: $PROVENANCE_MASTODON_SECRET]",
)  # fmt: skip
@click.option(
    "--report-to", metavar="URL", help="POST decisions on Mastodon's events there, signed alike."
)
@click.option("--audit", metavar="LOG", help="Write every record into this audit log.")
@click.option(
    "--hma-name", "hma_names", multiple=True, metavar="BANK=NAME", callback=_hma_names,
    help="Call a bank so to clients of Hasher-Matcher-Actioner; may be repeated.",
)  # fmt: skip
@FAIL_ON
@JOBS
@choosing
def serve(new_token: str | None, **given: Any) -> None:
    """Answer requests of other programs by HTTP, until SIGTERM.

    POST a file to /v1/check, and get its record. Nothing of a request is kept.
    """
    if new_token is not None:
        _print_token(new_token)
        return
    _need()
    if not (given["tokens"] or _is_local(given["host"])):
        raise ConfigError(
            f"--host {given['host']} lets other machines ask: name a file of tokens with --tokens"
            " (`provenance serve --new-token NAME` prints a line for it)"
        )
    with ExitStack() as stack:
        _serve(given, stack)


def _serve(given: dict[str, Any], stack: ExitStack) -> None:
    from provenance.banking.lookup import LookUp
    from provenance.hooks.service.app import App
    from provenance.hooks.service.body import Bodies
    from provenance.hooks.service.checks import Checks
    from provenance.hooks.service.guards import Guards
    from provenance.hooks.service.server import listening, run
    from provenance.hooks.service.service import Service
    from provenance.hooks.service.tokens import Tokens

    tokens = Tokens(given["tokens"], say) if given["tokens"] else None
    listener = stack.enter_context(listening(given["host"], given["port"]))
    made = deciding(["-"], given, stack)
    checks = Checks(made.workers, made.decider(), made.audit, jobs_of(given))
    stack.callback(checks.close)
    lookup = LookUp(made.config.banks)
    if unknown := set(given["hma_names"]) - {state.bank for state in lookup.states()}:
        raise ConfigError(f"--hma-name {min(unknown)}=…: no bank of that name is in use (--bank)")
    stack.enter_context(lookup.kept_up(say))
    service = Service(
        config=made.config, checks=checks, bodies=Bodies(), media=made.media, words=made.words,
        lookup=lookup, hma_names=given["hma_names"], reports=_reports(given, made, stack),
        deadline=made.deadline, fail_on=made.fail_on, on_error=given["on_error"],
    )  # fmt: skip
    bound, port = listener.getsockname()[:2]
    guards = Guards([bound, given["host"], LOCAL, *given["hosts"]], tokens)
    where = f"http://{f'[{bound}]' if ':' in bound else bound}:{port}/"
    run(App(service, guards, say), listener, made.deadline, lambda: say(f"listening at {where}"))


def _reports(given: dict[str, Any], made: "Deciding", stack: ExitStack) -> "Reports | None":
    """Return what reports on Mastodon's events; None where no secret is given.

    Raises:
        ConfigError: secret or address cannot be used.
    """
    from provenance.hooks.address import NotAllowed, parsed
    from provenance.hooks.service.reports import Reports

    secret = os.environb.get(SECRET, b"")
    if given["secret"]:
        try:
            secret = given["secret"].read_bytes().strip()
        except OSError as error:
            raise ConfigError(f"--mastodon-secret {given['secret']}: {error.strerror}") from None
    if not secret:
        if given["secret"] or given["report_to"]:
            raise ConfigError("there is no secret of Mastodon's webhook (--mastodon-secret FILE)")
        return None
    try:
        to = parsed(given["report_to"]) if given["report_to"] else None
    except NotAllowed:
        raise ConfigError(f"--report-to {given['report_to']}: use https://host/path") from None
    reports = Reports(
        made.decider(), secret, to, deadline=made.deadline, threads=jobs_of(given), tell=say
    )
    stack.callback(reports.close)
    return reports


def _is_local(host: str) -> bool:
    """Tell whether an address is one that only this machine can reach."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == LOCAL


def _print_token(name: str) -> None:
    from provenance.hooks.service.tokens import new

    token, line = new(name)
    click.echo(f"token: {token}\nline for the file of --tokens: {line}")


def _need() -> None:
    """Do nothing where the extra is installed.

    Raises:
        ConfigError: it is not.
    """
    from importlib.util import find_spec

    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise ConfigError(
            f"`serve` needs {', '.join(missing)}: pip install 'provenance-check[serve]'"
        )
