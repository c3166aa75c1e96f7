"""Workers of a Ray cluster, as the command sees them."""

import hashlib
import importlib.util
import os
import pickle
import re
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from detectors.errors import ConfigError, UnavailableError
from detectors.item import Item
from detectors.spec import Settings
from provenance.engine.check import Engine
from provenance.engine.child import Child
from provenance.engine.config import RunConfig
from provenance.engine.isolated import isolated
from provenance.engine.ordered import Crew
from provenance.engine.ray.actor import Order, Result
from provenance.engine.ray.driver import HELD, HINT, LOG, REFUSED, Place, drive
from provenance.engine.settings import settings_body
from provenance.engine.supervisor import DEFAULTS, TURN_SECONDS, Awaited
from provenance.record import Record

ADDRESS: Final = re.compile(r"auto|(?:ray://)?[^/\s]+:[0-9]+")
"""Where a cluster is."""
CONNECTING: Final = 300.0
"""Seconds for Ray to be there: on a busy machine it takes minutes to start."""
ENDING: Final = 20.0
"""Seconds for Ray to end."""
STARTS: Final = 4
"""Times that a Ray is started here in one pass: its node is the whole cluster, and may be lost."""
MOST_BYTES: Final = 64 * 2**20
"""Bytes of tasks that are on their way at a time: those of members of archives travel with them."""
_DECODER: Final = msgspec.json.Decoder(Record)


@contextmanager
def cluster(
    config: RunConfig,
    engine: str,
    jobs: int | None,
    *,
    traced: bool = False,
    settings: dict[str, bytes] | None = None,
) -> Iterator[Crew]:
    """Provide workers of a cluster.

    Args:
        config: detectors, options and policy.
        engine: `ray` for one that is started here, else its address.
        jobs: most workers; None: one a processor.
        traced: whether records come with their traces.
        settings: as for `Supervisor`.

    Raises:
        ConfigError: Ray is not installed, that is no address, or a node cannot be used.
        UnavailableError: nothing answers there.
    """
    if engine != "ray" and not ADDRESS.fullmatch(engine):
        known = "local, ray, auto, HOST:PORT or ray://HOST:PORT"
        raise ConfigError(f"--engine {engine!r}: use {known}")
    if importlib.util.find_spec("ray") is None:
        hint = "pip install 'provenance-check[cluster]'"
        raise ConfigError(f"--engine {engine} needs the extra `cluster`: {hint}")
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as scratch:
        place = Place("" if engine == "ray" else engine, jobs or None, scratch)
        crew = Cluster(place, Order(config, DEFAULTS, traced), {} if settings is None else settings)
        try:
            crew.connect()
            yield crew
        finally:
            crew.close()


class Cluster:
    """Hands items to the process that speaks with Ray, and takes their records."""

    def __init__(self, place: Place, order: Order, settings: dict[str, bytes]) -> None:
        """Start the process.

        Args:
            place: where Ray is.
            order: how items are checked.
            settings: receives the bodies of settings, as for `Supervisor`.
        """
        self._place, self._order, self._starts = place, order, 0
        self._child = self._started()
        self._expected = Expected(order.config, settings)
        self._sent: dict[int, tuple[Awaited, bytes, str]] = {}
        """Number of an item → its record to come, what was sent for it, and its file."""
        self._count, self._bytes, self._most = 0, 0, 0
        self.ahead = 0

    def connect(self) -> None:
        """Wait until Ray is there.

        Raises:
            UnavailableError: it is not.
        """
        while True:
            try:
                if not self._child.pipe.poll(CONNECTING):
                    raise self._lost()
                self._most = 2 * HELD * self._heard()
            except UnavailableError:  # Ray gives itself 30 seconds to start, whatever the load
                if self._place.address or self._starts == STARTS:
                    raise
                self.close()
                self._child = self._started()
            else:
                self.ahead = 2 * self._most
                return

    @property
    def hungry(self) -> bool:
        """Whether further items are wanted."""
        return len(self._sent) < self._most and self._bytes < MOST_BYTES

    def submit(
        self, item: Item, deadline: float | None = None, only: Collection[str] | None = None
    ) -> Awaited:
        """Send an item.

        Args:
            item: what to check.
            deadline: not kept here: a pass has none.
            only: detectors that look; None: all.

        Raises:
            UnavailableError: the cluster is lost.
        """
        del deadline
        task, made = pickle.dumps((item, only)), Awaited()
        self._sent[self._count] = made, task, item.sources[0].name if item.sources else ""
        self._count += 1
        self._bytes += len(task)
        self._send(task)
        return made

    def hand_out(self) -> None:
        """Do nothing: an item is sent as soon as it is there."""

    def turn(self) -> None:
        """Wait a moment for records.

        Raises:
            ConfigError: a detector refuses its options, or a node cannot be used.
            UnavailableError: the cluster is lost.
        """
        if not self._child.pipe.poll(TURN_SECONDS):
            return
        try:
            results = self._heard()
        except UnavailableError:
            if self._place.address or self._starts == STARTS:
                raise
            self._begin_anew()
            return
        for result in results:
            self._take(Result(*result))

    def close(self) -> None:
        """End the process, and with it a Ray that was started here."""
        self._child.pipe.close()
        self._child.kill(ENDING)

    def _started(self) -> Child:
        self._starts += 1
        scratch = Path(self._place.scratch) / str(self._starts)
        scratch.mkdir()
        self._log = scratch / LOG
        place = self._place._replace(scratch=str(scratch))
        return Child(partial(drive, place, self._order))

    def _begin_anew(self) -> None:
        """Start Ray here once more, since it is lost, and send again what has no record yet.

        Raises:
            UnavailableError: it does not start.
        """
        self.close()
        self._child = self._started()
        self.connect()
        waiting, self._sent, self._count = [*self._sent.values()], {}, 0
        for sent in waiting:
            self._sent[self._count] = sent
            self._count += 1
            self._send(sent[1])

    def _send(self, task: bytes) -> None:
        """Send a task; where nobody takes it, the next turn says so."""
        with suppress(OSError):
            self._child.pipe.send_bytes(task)

    def _take(self, result: Result) -> None:
        """Take a record.

        Raises:
            UnavailableError: it is not the one that this machine would have made.
        """
        made, task, file = self._sent.pop(result.number)
        record = _DECODER.decode(result.record)
        if record.signals[0].reason.code == "item.missing" and os.path.lexists(file):
            what = f"a node of the cluster does not see {file}"
            raise UnavailableError(what, "its files must be there under the same names")
        if detectors := self._expected.not_met(record):
            what = f"a node of the cluster has another version, model, bank or list of {detectors}"
            raise UnavailableError(what, "install the same on every node")
        self._bytes -= len(task)
        made.trace, made.kept = result.trace, result.kept
        made.set_result(record)

    def _heard(self) -> Any:
        """Return what the process says next.

        Raises:
            Error: what it ends with.
        """
        try:
            what, said = self._child.pipe.recv()
        except (EOFError, OSError):
            raise self._lost() from None
        if what == REFUSED:
            raise said
        return said

    def _lost(self) -> UnavailableError:
        """Return that the cluster is lost, with what Ray said last."""
        said = ""
        with suppress(OSError), self._log.open(errors="replace") as log:
            said = ([line.strip() for line in log if line.strip()] or [""])[-1]
        where = self._place.address
        what = "the cluster is lost" if self._most else f"Ray cannot be reached at {where}"
        return UnavailableError(f"{what} ({said[-200:] or 'no word from it'})", HINT)


class Expected:
    """What decides the signals of each detector on this machine, and so has to on every node."""

    def __init__(self, config: RunConfig, bodies: dict[str, bytes]) -> None:
        """Ask the detectors.

        Args:
            config: detectors, options and policy.
            bodies: receives the bodies of settings: digest → body.

        Raises:
            ConfigError: one refuses its options.
        """
        self._settings = isolated("the settings of detectors", _settings, config)
        self._policy, self._bodies = config.policy.sha256, bodies
        self._digests: dict[tuple[str, ...], str] = {}

    def not_met(self, record: Record) -> str:
        """Return the detectors of a record that was made with other settings, else nothing."""
        names = tuple(record.tool.detectors)
        if names not in self._digests:
            body = settings_body({name: self._settings[name] for name in names}, self._policy)
            self._digests[names] = digest = hashlib.sha256(body).hexdigest()
            self._bodies[digest] = body
        met = record.tool.settings in (msgspec.UNSET, self._digests[names])
        return "" if met else ", ".join(names)


def _settings(config: RunConfig) -> dict[str, Settings]:
    return Engine(config).settings()
