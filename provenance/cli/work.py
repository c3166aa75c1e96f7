"""`provenance work`: decisions on the messages of a queue, or on lines of JSON."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from provenance.cli.deciding import braked, deciding, jobs_of, media_options, say
from provenance.cli.options import FAIL_ON, JOBS, choosing

if TYPE_CHECKING:
    from provenance.hooks.brokers import Names
    from provenance.hooks.decider import Decider

LINES: Final = "-"
BATCHES: Final = 2
"""Messages a worker process that are taken at once."""


@click.command()
@click.argument("url", required=False)
@click.option("--in", "inbox", metavar="NAME", help="The stream, queue or topic of messages.")
@click.option("--out", metavar="NAME", help="Where decisions go.")
@click.option("--dead", metavar="NAME", help="Where goes what is no message. [default: IN.dead]")
@click.option(
    "--group", metavar="NAME", default="provenance", show_default=True,
    help="Workers of one group share the messages.",
)  # fmt: skip
@media_options
@click.option(
    "--deadline", type=click.FloatRange(min=0.1), default=20.0, show_default=True,
    metavar="SECONDS", help="For a message with its media; what is not done by then is said.",
)  # fmt: skip
@click.option(
    "--attempts", type=click.IntRange(min=1), default=3, show_default=True,
    help="Deliveries after which a message that cannot be done with is a dead letter.",
)  # fmt: skip
@click.option("--audit", metavar="LOG", help="Write every decision into this audit log.")
@click.option(
    "--state", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="Keeps decisions, so that a message that comes again is answered alike."
    " [default: in the user's state folder; for - none]",
)  # fmt: skip
@click.option(
    "--state-keep", type=click.FloatRange(min=0), default=30.0, show_default=True, metavar="DAYS",
    help="For how long.",
)  # fmt: skip
@click.option(
    "--trim", is_flag=True, help="Remove messages that are done with from a Redis stream."
)
@click.option(
    "--brake", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="SHARE",
    help="Mark decisions with hold while more than this share of an hour's is flagged.",
)  # fmt: skip
@click.option("--release-brake", is_flag=True, help="Lift the brake that --state keeps, and end.")
@click.option("--replay-dead", is_flag=True, help="Move dead letters back to the queue, and end.")
@FAIL_ON
@JOBS
@choosing
@click.pass_context
def work(
    ctx: click.Context, /, url: str | None, *, release_brake: bool, replay_dead: bool, **given: Any
) -> None:
    """Decide on the messages of the queue at URL, or on lines of JSON (URL is -).

    URL is redis://, amqp://, nats:// or kafka://. A message is JSON: an id, a text, media. Each
    gets one decision, or is put aside with the error; nothing is acknowledged before that is kept.
    SIGTERM ends it when what was taken is done. The page on queues says more.
    """
    if release_brake:
        ctx.exit(_released(given["state"]))
    if url is None:
        raise click.UsageError("name a queue (redis://, amqp://, nats://, kafka://), or -")
    if url == LINES:
        if replay_dead:
            raise click.UsageError("--replay-dead goes with a queue")
        with ExitStack() as stack:
            _lines(_decider(given, stack, given["state"]), jobs_of(given))
        return
    names = _names(url, given)
    if replay_dead:
        _replayed(names)
        return
    with ExitStack() as stack:
        _work(names, _decider(given, stack, given["state"] or _state_path()), given)


def _decider(given: dict[str, Any], stack: ExitStack, state: Path | None) -> "Decider":
    """Return what decides; workers, state and log are closed with the stack."""
    from provenance.hooks.brake import StoredBrake
    from provenance.hooks.state import State

    if given["brake"] and state is None:
        raise click.UsageError("--brake needs --state, which counts decisions")
    kept = State(state, given["state_keep"]) if state else None
    if kept:
        stack.callback(kept.close)
    share = given["brake"]
    brake = StoredBrake(kept, share, braked) if kept and share else None
    return deciding([LINES], given, stack).decider(state=kept, brake=brake)


def _lines(decider: "Decider", jobs: int) -> None:
    """Answer the lines of standard input; a signal ends it when what was read is answered."""
    from provenance.engine.interrupt import interruptible
    from provenance.hooks.lines import answer_lines, lines_of

    with interruptible() as interruption:
        lines = interruption.ending(lines_of(sys.stdin.buffer))
        answer_lines(lines, sys.stdout.buffer, decider.line, BATCHES * jobs)


def _names(url: str, given: dict[str, Any]) -> "Names":
    from provenance.hooks.brokers import Names

    if not (given["inbox"] and given["out"]):
        raise click.UsageError("name the queues with --in and --out")
    return Names(
        url=url,
        inbox=given["inbox"],
        out=given["out"],
        dead=given["dead"] or f"{given['inbox']}.dead",
        group=given["group"],
        lease=2 * given["deadline"],
        trim=given["trim"],
    )


def _work(names: "Names", decider: "Decider", given: dict[str, Any]) -> None:
    import asyncio
    import logging

    from provenance.hooks.brokers import queue_at
    from provenance.hooks.queue import Worker

    logging.getLogger().addHandler(logging.NullHandler())  # clients log what the worker says

    worker = Worker(
        queue_at(names),
        decider,
        ahead=BATCHES * jobs_of(given),
        attempts=given["attempts"],
        deadline=given["deadline"],
        tell=say,
    )
    asyncio.run(worker.run())


def _replayed(names: "Names") -> None:
    import asyncio

    from provenance.hooks.brokers import queue_at

    async def replay() -> int:
        queue = queue_at(names)
        await queue.open()
        try:
            return await queue.raise_dead()
        finally:
            await queue.close()

    click.echo(f"{asyncio.run(replay())} moved back", err=True)


def _released(state: Path | None) -> int:
    from provenance.hooks.state import State

    kept = State(state or _state_path())
    click.echo("the brake is off" if kept.release_brake() else "the brake was not on", err=True)
    kept.close()
    return 0


def _state_path() -> Path:
    from platformdirs import user_state_path

    return user_state_path("provenance") / "work.sqlite"
