"""Many items on several workers, their records in the order of the items."""

import sys
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Final, Protocol, TypeVar

from detectors.item import Item
from provenance.engine.config import RunConfig
from provenance.engine.supervisor import DEFAULTS, Awaited, Start, Supervisor, forked
from provenance.engine.worker import Limits
from provenance.record import Record

UNFORKABLE: Final = ("darwin",)
"""Systems whose own libraries may break in a forked process."""
THREADED: Final = "fsspec"
"""A library that has threads once it is used."""
TOGETHER: Final = 16
"""Small items that a worker is given at a time."""
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


class Crew(Protocol):
    """Workers to which items are handed: those of this machine, or of a cluster."""

    ahead: int
    """Items that may be ahead of the one whose record is due."""

    @property
    def hungry(self) -> bool:
        """Whether further items are wanted."""
        ...

    def submit(
        self, item: Item, deadline: float | None = None, only: Collection[str] | None = None
    ) -> Awaited:
        """Ask for the record of an item; arguments as for `Supervisor.submit`."""
        ...

    def hand_out(self) -> None:
        """Hand to workers what can be handed out at once."""
        ...

    def turn(self) -> None:
        """Wait a moment for records."""
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
    """Yield the record of every item, in the order of the items, from workers of this machine.

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
    with local(config, jobs, limits=limits, settings=settings) as crew:
        yield from in_order(items, crew.submit, crew, interrupted)


@contextmanager
def local(
    config: RunConfig,
    jobs: int,
    *,
    limits: Limits = DEFAULTS,
    traced: bool = False,
    settings: dict[str, bytes] | None = None,
) -> Iterator[Crew]:
    """Provide workers of this machine; they start when there is work.

    Args:
        config: detectors, options and policy.
        jobs: most worker processes, at least 1.
        limits: of the stages of a check.
        traced: whether records come with their traces.
        settings: as for `Supervisor`.
    """
    with (
        starting() as start,
        closing(
            Supervisor(
                config,
                jobs,
                limits=limits,
                start=start,
                traced=traced,
                settings=settings,
                together=TOGETHER,
            )
        ) as crew,
    ):
        yield crew


@contextmanager
def starting() -> Iterator[Start]:
    """Provide what starts the workers of a command.

    A fork of this process, which has loaded nothing and has no threads, costs least. On macOS its
    system libraries may not be forked, and what reads buckets has threads; then a server is
    started, and waited for in the end.
    """
    if sys.platform not in UNFORKABLE and THREADED not in sys.modules:
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
    crew: Crew,
    interrupted: Callable[[], bool] = lambda: False,
) -> Generator[T]:
    """Yield what becomes of items that are submitted a few ahead, in the order of the items.

    Args:
        items: read lazily.
        submit: hands one to the crew.
        crew: the workers.
        interrupted: asked when nothing is due; true ends it early.

    Raises:
        ConfigError: a detector refused its options.
        UnavailableError: the cluster is lost.
    """
    source, due = iter(items), deque[Due[T]]()
    more = True
    while True:
        if due and due[0].done():
            yield due.popleft().result()
        elif more and crew.hungry and len(due) < crew.ahead:
            item = next(source, None)
            if item is None:
                more = False
            else:
                due.append(submit(item))
                crew.hand_out()  # a worker begins while the next item is waited for
        elif not due or interrupted():
            return
        else:
            crew.turn()
