"""The process that speaks with Ray: it keeps the actors busy, and replaces those that are lost.

An actor has one call at a time, which brings new items and takes away what is done. Whatever an
actor held when it was lost goes to others.
"""

import os
import pickle
import signal
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import chdir, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Union

from detectors.errors import Error, UnavailableError
from provenance.engine.ray.actor import Checker, Order, Result
from provenance.version import __version__

if TYPE_CHECKING:
    from concurrent.futures import Future

READY, DONE, REFUSED = "ready", "done", "refused"
"""What the driver says: how many actors there are to be, results, and the error that ends it."""
HELD: Final = 64
"""Most items that an actor holds: a call costs a millisecond, so it is to bring some dozens."""
TRIES: Final = 4
"""Actors that may be lost with an item, or before the first one is ready."""
LOOK_SECONDS: Final = 2.0
"""Seconds between two looks at the nodes while there is no actor."""
PATIENCE: Final = 600.0
"""Seconds without any actor after which a cluster is given up: nodes may have to be started."""
REACHED: Final = 10.0
"""Seconds for a first connection to an address."""
OBJECTS: Final = 2**29
"""Bytes of the object store of a Ray that is started here: only members of archives lie in it."""
HINT: Final = "see docs/cluster.md"
LOG: Final = "driver.log"
"""What Ray says in this process."""


class Place(NamedTuple):
    """Where Ray is, and what it may use."""

    address: str
    """Of a cluster; "": one is started here."""
    jobs: int | None
    """Most actors; None: one a processor of the cluster."""
    scratch: str
    """A folder for what Ray started here writes, and for the log."""


def drive(place: Place, order: Order, pipe: Connection) -> None:
    """Connect to Ray, and have items checked until the pipe closes: the life of the process."""
    os.setpgid(0, 0)  # an interrupt from the terminal is the command's to answer
    with (Path(place.scratch) / LOG).open("ab") as log:
        for descriptor in (1, 2):
            os.dup2(log.fileno(), descriptor)
    try:
        pool = Pool(_connected(place), place, order, pipe)
        pipe.send((READY, pool.jobs))
        pool.run()
    except Error as error:
        pipe.send((REFUSED, error))
    import ray

    ray.shutdown()


def _connected(place: Place) -> Any:
    """Return the module `ray`, connected.

    Raises:
        UnavailableError: nothing answers at the address, or no Ray can be started here.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # Ray reports its use to its maker otherwise
    import ray

    said: dict[str, Any] = {"address": place.address}
    if not place.address:
        said = {
            "address": "local",
            "num_cpus": place.jobs or os.cpu_count(),
            "object_store_memory": OBJECTS,
            "_node_ip_address": "127.0.0.1",
            "_temp_dir": place.scratch,
        }
    folder = os.getcwd()  # noqa: PTH109 - as text, for another process
    try:
        _reach(place.address)
        with chdir("/"):  # workers look for modules in the driver's folder: it may be a sender's
            ray.init(**said, include_dashboard=False, log_to_driver=False, configure_logging=False)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        what = f"Ray cannot be reached at {place.address}" if place.address else "no Ray starts"
        raise UnavailableError(f"{what}: {_words(error)}", HINT) from error
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.chdir(folder)
    return ray


def _words(error: Exception) -> str:
    """Return what an error says, without the lines of a trace in front of it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()


def _reach(address: str) -> None:
    """Connect to an address and hang up: Ray itself would end this process where it cannot.

    Raises:
        OSError: nothing answers.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host:
        socket.create_connection((host, int(port)), REACHED).close()


class Station:
    """An actor, and what it holds."""

    def __init__(self, actor: Any) -> None:
        """Take an actor that was asked for."""
        self.actor = actor
        self.ready = False
        self.held: dict[int, bytes] = {}
        """Number of an item → the task."""


Event = Union[bytes, tuple[Station, "Future[list[Result] | None]"], None]  # noqa: UP007 - quoted
"""A task from the command, the end of an actor's call, or the end of all."""


class Pool:
    """The actors, and the tasks that wait for one."""

    def __init__(self, ray: Any, place: Place, order: Order, pipe: Connection) -> None:
        """Ask for the actors.

        Args:
            ray: the module, connected.
            place: says how many.
            order: how items are checked.
            pipe: to the command.
        """
        self._ray, self._pipe = ray, pipe
        cuda = any(options.get("device") == "cuda" for options in order.config.options.values())
        needs = {"num_cpus": 1, "num_gpus": 1 if cuda else 0}
        self._checker = ray.remote(max_restarts=0, **needs)(Checker)
        there = ray.cluster_resources().get("GPU" if cuda else "CPU", 1)
        self.jobs = place.jobs or max(1, int(there))
        """How many actors there are to be."""
        self._order = (__version__, os.getcwd(), pickle.dumps(order))  # noqa: PTH109
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._stations: set[Station] = set()
        self._idle: list[Station] = []
        self._tries: dict[int, int] = {}
        """Number of an item → actors that were lost with it."""
        self._unready = 0
        """Actors that were lost before they were ready, since the last one was."""
        self._since = time.monotonic()
        """When an actor was seen last."""
        for _ in range(self.jobs):
            self._ask()

    def run(self) -> None:
        """Hand out tasks and collect results until the command closes its end.

        Raises:
            Error: a detector refuses its options, a node cannot be used, or the cluster is lost.
        """
        Thread(target=_receive, args=(self._pipe, self._events.put), daemon=True).start()
        number = 0
        while True:
            try:
                event = self._events.get(timeout=LOOK_SECONDS)
            except Empty:
                self._look()
                continue
            if event is None:
                return
            if isinstance(event, bytes):
                self._waiting.append((number, event))
                number += 1
            else:
                self._answered(*event)
            while self._idle and self._waiting:
                self._call(self._idle.pop())

    def _look(self) -> None:
        """See whether there is a node, while no actor is ready.

        Raises:
            UnavailableError: there is none any more, or it gives none.
        """
        if any(station.ready for station in self._stations):
            self._since = time.monotonic()
        elif not any(node["Alive"] for node in self._ray.nodes()):
            raise UnavailableError("no node of the cluster is left", HINT)
        elif time.monotonic() - self._since > PATIENCE:
            what = f"the cluster has not given any worker for {PATIENCE:g} seconds"
            raise UnavailableError(what, "see with `ray status` what it has")

    def _ask(self) -> None:
        """Ask for an actor; it comes once a node has room for it."""
        station = Station(self._checker.remote())
        self._stations.add(station)
        self._await(station, station.actor.begin.remote(*self._order))

    def _await(self, station: Station, called: Any) -> None:
        called.future().add_done_callback(lambda done: self._events.put((station, done)))

    def _call(self, station: Station) -> None:
        """Let an actor go on, with its share of what waits."""
        share = -(-len(self._waiting) // max(1, sum(each.ready for each in self._stations)))
        count = min(share, HELD - len(station.held))
        tasks = [self._waiting.popleft() for _ in range(count)]
        station.held.update(tasks)
        self._await(station, station.actor.turn.remote(tasks))

    def _answered(self, station: Station, called: "Future[list[Result] | None]") -> None:
        """Take what an actor has done, or replace it.

        Raises:
            Error: as `run` does.
        """
        from ray.exceptions import RayError, RayTaskError

        try:
            results = called.result()
        except RayTaskError as error:
            if isinstance(error.cause, Error):
                raise error.cause from None
            what = f"a worker of the cluster broke ({type(error.cause).__name__}: {error.cause})"
            raise UnavailableError(what, HINT) from None
        except RayError as error:
            self._lose(station, error)
            return
        station.ready, self._unready = True, 0
        if results:
            self._pipe.send((DONE, results))
        for result in results or ():
            del station.held[result.number]
            self._tries.pop(result.number, None)
        if station.held:
            self._call(station)
        else:
            self._idle.append(station)

    def _lose(self, station: Station, error: Exception) -> None:
        """Give what a lost actor held to others, and ask for another one.

        Raises:
            UnavailableError: too many are lost.
        """
        self._stations.remove(station)
        with suppress(Exception):  # it may not be lost, just out of reach
            self._ray.kill(station.actor)
        for number in station.held:
            self._tries[number] = self._tries.get(number, 0) + 1
        self._unready += not station.ready
        tries = max([self._tries.get(number, 0) for number in station.held], default=0)
        if max(self._unready, tries) >= TRIES:
            raise UnavailableError(f"workers of the cluster are lost: {_words(error)}", HINT)
        self._waiting.extendleft(sorted(station.held.items(), reverse=True))
        self._ask()


def _receive(pipe: Connection, put: Callable[[Event], None]) -> None:
    """Take what the command sends, always, so that it never waits for this process."""
    with suppress(EOFError, OSError):
        while True:
            put(pipe.recv_bytes())
    put(None)
