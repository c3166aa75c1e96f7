"""What runs on a node: checks items in a worker process of its own, whatever they do to it."""

import os
import pickle
import platform
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from detectors.errors import ConfigError
from provenance.engine.config import RunConfig
from provenance.engine.fork_server import ForkServer
from provenance.engine.supervisor import Awaited, Supervisor
from provenance.engine.trace import Kept
from provenance.engine.worker import Limits
from provenance.version import __version__

TURN_SECONDS: Final = 0.5
"""Seconds on the clock after which an actor hands over what is done: so much is lost with it."""


class Order(NamedTuple):
    """How items are checked."""

    config: RunConfig
    limits: Limits
    traced: bool


class Result(NamedTuple):
    """What became of an item."""

    number: int
    """Its number among all items."""
    record: bytes
    """As JSON."""
    trace: bytes
    kept: Sequence[Kept]


class Checker:
    """An actor: a worker of a cluster. It passes bytes of items on and opens none."""

    def __init__(self) -> None:
        """Start without a worker process."""
        self._due: dict[int, Awaited] = {}

    def begin(self, version: str, folder: str, order: bytes) -> None:
        """Get ready.

        Args:
            version: of the program that has the items.
            folder: its working folder.
            order: a pickled `Order`.

        Raises:
            ConfigError: this node has another version, or does not see the folder.
        """
        if version != __version__:
            has = f"node {platform.node()} has provenance {__version__}, this machine {version}"
            raise ConfigError(f"{has}: install the same on every node")
        try:
            os.chdir(folder)
        except OSError as error:
            sees = f"node {platform.node()} cannot enter {folder} ({error.strerror})"
            raise ConfigError(
                f"{sees}: files must be reachable under the same names on every node"
            ) from error
        config, limits, traced = pickle.loads(order)  # noqa: S301 - from our own driver
        server = ForkServer()
        self._supervisor = Supervisor(config, 1, limits=limits, start=server.start, traced=traced)

    def turn(self, tasks: Sequence[tuple[int, bytes]]) -> list[Result]:
        """Take items, and return what is done of all that were taken, soon.

        Args:
            tasks: number and pickled item of each, with the detectors that look (None: all).

        Raises:
            ConfigError: a detector refuses its options.
        """
        for number, task in tasks:
            item, only = pickle.loads(task)  # noqa: S301 - from our own driver
            self._due[number] = self._supervisor.submit(item, None, only)
        until = time.monotonic() + TURN_SECONDS
        while time.monotonic() < until and not all(due.done() for due in self._due.values()):
            self._supervisor.turn()
        done = [number for number, due in self._due.items() if due.done()]
        return [_result(number, self._due.pop(number)) for number in done]


def _result(number: int, awaited: Awaited) -> Result:
    record = msgspec.json.encode(awaited.result())
    return Result(number, record, awaited.trace, awaited.kept)
