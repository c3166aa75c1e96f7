"""`provenance serve`: the same verdicts by HTTP."""

import ipaddress
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from detectors.errors import ConfigError
from provenance.cli.deciding import braked, deciding, jobs_of, media_options, say
from provenance.cli.options import FAIL_ON, JOBS, choosing

if TYPE_CHECKING:
    from provenance.hooks.address import Address
    from provenance.hooks.service.readiness import ListState
    from provenance.record import Record

SECRET: Final = b"PROVENANCE_MASTODON_SECRET"
LOCAL: Final = "localhost"
NEEDED: Final = ("starlette", "uvicorn", "python_multipart", "prometheus_client")


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
@click.option(
    "--open", "opened", is_flag=True,
    help="Open the page in the browser, with a token of its own; others of this machine need one.",
)  # fmt: skip
@click.option("--new-token", metavar="NAME", help="Print a new token and its line for the file.")
@click.option(
    "--allowed-host", "hosts", multiple=True, metavar="NAME",
    help="Answer also to this name; may be repeated.",
)  # fmt: skip
@media_options
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
@click.option(
    "--brake", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="SHARE",
    help="Mark decisions with hold while more than this share of an hour's is flagged, and let"
    " hooks answer as --on-error; POST /v1/brake lifts it.",
)  # fmt: skip
@click.option(
    "--stale-after", type=click.FloatRange(min=0, min_open=True), metavar="DAYS",
    help="Be no longer ready with a bank, feed or trust list that is older.",
)  # fmt: skip
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
    from provenance.audit.index import Index
    from provenance.banking.lookup import LookUp
    from provenance.hooks.brake import HourBrake
    from provenance.hooks.service.app import App
    from provenance.hooks.service.body import Bodies
    from provenance.hooks.service.checks import Checks
    from provenance.hooks.service.guards import Guards
    from provenance.hooks.service.metrics import Metrics
    from provenance.hooks.service.readiness import Readiness
    from provenance.hooks.service.reports import Reports
    from provenance.hooks.service.server import listening, run
    from provenance.hooks.service.service import Service
    from provenance.hooks.service.tokens import Sessions, Tokens

    tokens = Tokens(given["tokens"], say) if given["tokens"] else None
    hook = _hook(given)
    sessions = Sessions(tokens) if given["opened"] else None
    listener = stack.enter_context(listening(given["host"], given["port"]))
    made, jobs = deciding(["-"], given, stack), jobs_of(given)
    metrics, share = Metrics(), given["brake"]
    brake = HourBrake(share, made.fail_on, braked) if share else None

    def judged(record: "Record") -> None:
        metrics.judged(record)
        if brake:
            brake.judged(record)

    decider = made.decider(None, brake, judged)
    checks = Checks(made.workers, decider, made.audit, jobs, judged)
    stack.callback(checks.close)
    reports = None
    if hook:
        reports = Reports(decider, *hook, deadline=made.deadline, threads=jobs, tell=say)
        stack.callback(reports.close)
    lookup = LookUp(made.config.banks)
    if unknown := set(given["hma_names"]) - {state.bank for state in lookup.states()}:
        raise ConfigError(f"--hma-name {min(unknown)}=…: no bank of that name is in use (--bank)")
    stack.enter_context(lookup.kept_up(say))
    readiness = Readiness(
        made.config, workers=made.workers, settings=made.settings, lookup=lookup, lists=_lists,
        stale_after=given["stale_after"],
    )  # fmt: skip
    readiness.begin(jobs)
    bound, port = listener.getsockname()[:2]
    service = Service(
        config=made.config, checks=checks, bodies=Bodies(), media=made.media, look=made.look,
        words=made.words, sessions=sessions,
        lookup=lookup, hma_names=given["hma_names"], reports=reports,
        metrics=metrics, readiness=readiness,
        records=Index(made.audit.folder) if made.audit else None, brake=brake,
        guards=Guards([bound, given["host"], LOCAL, *given["hosts"]], sessions or tokens),
        deadline=made.deadline, fail_on=made.fail_on, on_error=given["on_error"],
    )  # fmt: skip
    where = f"http://{f'[{bound}]' if ':' in bound else bound}:{port}/"

    def ready() -> None:
        say(f"listening at {where}")
        if sessions:
            _show(f"{where}#token={sessions.invite()}")

    run(App(service, say), listener, made.deadline, ready)


def _show(address: str) -> None:
    """Open an address in the browser, or say it where there is none."""
    import webbrowser
    from threading import Thread

    def show() -> None:
        if not webbrowser.open(address):
            say(f"no browser was found; open {address} (it counts once)")

    Thread(target=show, daemon=True).start()


def _lists() -> "list[ListState]":
    """Return the trust lists in use."""
    from provenance.cli.trust import states
    from provenance.hooks.service.readiness import ListState

    return [ListState(name, issued) for name, issued, _, use in states() if use != "off"]


def _hook(given: dict[str, Any]) -> "tuple[bytes, Address | None] | None":
    """Return the secret of Mastodon's webhook and where decisions go; None without a secret.

    Raises:
        ConfigError: secret or address cannot be used.
    """
    from provenance.hooks.address import NotAllowed, parsed

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
        return secret, parsed(given["report_to"]) if given["report_to"] else None
    except NotAllowed:
        raise ConfigError(f"--report-to {given['report_to']}: use https://host/path") from None


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
