"""Many items on several workers, their records in the order of the items."""

import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Final, Protocol, TypeVar

from detectors.item import Item
from provenance.engine.config import RunConfig
from provenance.engine.supervisor import DEFAULTS, Start, Supervisor, forked
from provenance.engine.worker import Limits
from provenance.record import Record

UNFORKABLE: Final = ("darwin",)
"""Systems whose own libraries may break in a forked process."""
AHEAD: Final = 64
"""Items a worker may be ahead of the one whose record is due."""
T_co = TypeVar("T_co", covariant=True)
S = TypeVar("S")
T = TypeVar("T")


class Due(Protocol[T_co]):
    """What becomes of an item, to come."""

    def done(self) -> bool:
        """Tell whether it is there."""
        ...

    def result(self) -> T_co:
        """Return it."""
        ...


def records(
    items: Iterable[Item],
    config: RunConfig,
    jobs: int,
    interrupted: Callable[[], bool] = lambda: False,
    *,
    limits: Limits = DEFAULTS,
    settings: dict[str, bytes] | None = None,
) -> Generator[Record]:
    """Yield the record of every item, in the order of the items.

    Args:
        items: read lazily, a few ahead of the records.
        config: detectors, options and policy.
        jobs: most worker processes, at least 1.
        interrupted: asked when no record is due; true ends the run early.
        limits: of the stages of a check.
        settings: receives the bodies of the settings that records have, see `Supervisor`.

    Raises:
        ConfigError: a detector refused its options. Nothing was checked.
    """
    with (
        starting() as start,
        closing(
            Supervisor(config, jobs, limits=limits, start=start, settings=settings)
        ) as supervisor,
    ):
        yield from in_order(items, supervisor.submit, supervisor, jobs, interrupted)


@contextmanager
def starting() -> Iterator[Start]:
    """Provide what starts the workers of a command.

    A fork of this process, which has loaded nothing and has no threads, costs least. On macOS its
    system libraries may not be forked, so that a server is started, and waited for in the end.
    """
    if sys.platform not in UNFORKABLE:
        yield forked
        return
    from provenance.engine.fork_server import ForkServer

    server = ForkServer()
    try:
        yield server.start
    finally:
        server.close()


def in_order(
    items: Iterable[S],
    submit: Callable[[S], Due[T]],
    supervisor: Supervisor,
    jobs: int,
    interrupted: Callable[[], bool] = lambda: False,
) -> Generator[T]:
    """Yield what becomes of items that are submitted a few ahead; arguments as for `records`."""
    source, due = iter(items), deque[Due[T]]()
    more = True
    while True:
        if due and due[0].done():
            yield due.popleft().result()
        elif more and supervisor.hungry and len(due) < AHEAD * jobs:
            item = next(source, None)
            if item is None:
                more = False
            else:
                due.append(submit(item))
                supervisor.hand_out()  # a worker begins while the next item is waited for
        elif not due or interrupted():
            return
        else:
            supervisor.turn()
