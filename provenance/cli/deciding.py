"""What `work` and `serve` are built of: workers that stay, media, words, an audit log."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from provenance.cli.options import F, choice, configuration, language

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from provenance.audit.log import AuditLog
    from provenance.engine.config import RunConfig
    from provenance.engine.warm import Workers
    from provenance.hooks.brake import Brake
    from provenance.hooks.decider import Decider
    from provenance.hooks.media import MediaFrom
    from provenance.hooks.state import State
    from provenance.record import Record, Risk
    from provenance.render import RenderOptions
    from provenance.render.words import Words

_MEDIA: Final = (
    click.option(
        "--media-from", "prefixes", multiple=True, metavar="PREFIX",
        help="Open media below this folder, https://host/path/ or s3://bucket/path/; may be"
        " repeated. Without it none is.",
    ),
    click.option(
        "--media-from-private", "private", multiple=True, metavar="PREFIX",
        help="The same, where the host has an address of a private network.",
    ),
)  # fmt: skip


def media_options(command: F) -> F:
    """Add the options that say which media may be opened."""
    for option in reversed(_MEDIA):
        command = option(command)
    return command


class Deciding(NamedTuple):
    """What decides, by its parts."""

    config: "RunConfig"
    workers: "Workers"
    settings: dict[str, bytes]
    """Bodies of the settings of records, by digest."""
    media: "MediaFrom"
    look: "RenderOptions"
    words: "Words"
    fail_on: "Risk | None"
    deadline: float
    audit: "AuditLog | None"

    def decider(
        self,
        state: "State | None" = None,
        brake: "Brake | None" = None,
        judged: "Callable[[Record], None]" = lambda _record: None,
    ) -> "Decider":
        """Return what decides on messages; arguments as for `Decider`."""
        from provenance.hooks.decider import Decider

        return Decider(
            self.config, self.workers, self.media, self.words, deadline=self.deadline,
            fail_on=self.fail_on, state=state, audit=self.audit, brake=brake, judged=judged,
        )  # fmt: skip


def deciding(sources: "Sequence[str]", given: dict[str, Any], stack: ExitStack) -> Deciding:
    """Return what decides; workers and log are closed with the stack.

    Raises:
        Error: something that was given cannot be used.
    """
    from provenance.audit.log import AuditLog
    from provenance.engine.warm import Workers
    from provenance.hooks.media import MediaFrom
    from provenance.record import Risk
    from provenance.render import RenderOptions
    from provenance.render.words import Words

    found = configuration(sources, given)
    config = choice(found, given)
    media = MediaFrom(given["prefixes"], given["private"])
    fail_on = given["fail_on"] or found.settings.fail_on
    log = (
        stack.enter_context(AuditLog(Path(given["audit"]), config.policy))
        if given["audit"]
        else None
    )
    settings = log.bodies if log else dict[str, bytes]()
    workers = Workers(config, jobs_of(given), settings=settings)
    stack.callback(workers.close)
    look = RenderOptions(
        locale=language(found, given),
        tables=tuple(table for spec in config.specs for table in spec.messages),
        policy=config.policy,
    )
    risk = None if fail_on == "never" else Risk(fail_on)
    return Deciding(
        config, workers, settings, media, look, Words(look), risk, given["deadline"], log
    )  # fmt: skip


def jobs_of(given: dict[str, Any]) -> int:
    """Return how many worker processes are wanted."""
    from provenance.engine.supervisor import jobs_for

    return jobs_for(1 << 20, given["jobs"] or 0)


def braked(why: str) -> None:
    """Say on stderr that the brake went on."""
    say(f"the brake is on: {why}")


def say(line: str) -> None:
    """Say on stderr what people should know."""
    from provenance.cli.secrets import without_secrets
    from provenance.render.escape import escape

    click.echo(f"provenance: {escape(without_secrets(line))}", err=True)
