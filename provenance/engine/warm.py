"""Keeps detectors ready for item after item: in workers behind a thread, or in this process.

Both take an item and give a future of its record, from any thread.
"""

import os
import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING

from detectors.errors import Error, UnavailableError
from detectors.item import Item
from provenance.engine.check import Engine
from provenance.engine.config import RunConfig
from provenance.engine.fork_server import ForkServer
from provenance.engine.position import Started
from provenance.engine.supervisor import DEFAULTS, Supervisor, utc_day
from provenance.engine.worker import Limits

if TYPE_CHECKING:
    from provenance.record import Record


class InProcess:
    """Checks items in the caller's thread, one at a time: no limits on time or memory."""

    def __init__(self, config: RunConfig) -> None:
        """Build the detectors.

        Raises:
            ConfigError: an option cannot be used.
        """
        self._engine = Engine(config)
        self._lock = threading.Lock()

    def submit(self, item: Item, deadline: float | None) -> "Future[Record]":
        """Return the record of an item, made by the time this returns.

        Args:
            item: what to check.
            deadline: seconds, looked at between detectors.
        """
        record: Future[Record] = Future()
        with self._lock:
            self._engine.renew(utc_day())
            record.set_result(self._engine.check(item, deadline=deadline))
        return record

    def close(self) -> None:
        """Do nothing: there is no process to end."""


class Workers:
    """Workers that stay, forked by a server, since this process may have threads."""

    def __init__(
        self,
        config: RunConfig,
        jobs: int,
        limits: Limits = DEFAULTS,
        today: Callable[[], str] = utc_day,
        settings: dict[str, bytes] | None = None,
    ) -> None:
        """Start the workers, and wait until they have built their detectors.

        Args:
            config: detectors, options, policy.
            jobs: worker processes.
            limits: of the stages of a check.
            today: asked for each item: UTC day, YYYY-MM-DD.
            settings: receives the bodies of the settings that records have, see `Supervisor`.

        Raises:
            ConfigError: an option cannot be used.
            UnavailableError: no process can be started.
        """
        self._server: ForkServer | None = None
        self.started = 0
        """Workers that were started, those that others came for included."""
        self._supervisor = Supervisor(
            config,
            jobs,
            limits=limits,
            start=self._start,
            today=today,
            folder=_folder,
            settings=settings,
        )
        self._pid, self._closed, self._ended = os.getpid(), threading.Event(), False
        try:
            self._supervisor.warm()
        except OSError as error:
            self._end()
            raise _unavailable(error) from error
        except Error:
            self._end()
            raise
        self._thread = threading.Thread(target=self._drive, name="provenance", daemon=True)
        self._thread.start()

    def submit(
        self, item: Item, deadline: float | None, only: Collection[str] | None = None
    ) -> "Future[Record]":
        """Return the record of an item, to come.

        Args:
            item: what to check.
            deadline: seconds after which the record is wanted as far as it has come.
            only: detectors that look, `FINGERPRINTS` as one of them; None: all.

        Raises:
            RuntimeError: it is closed, or this process was forked since it was made.
        """
        if self._pid != os.getpid():
            raise RuntimeError("a Checker is of the process that made it: make one in each")
        if self._closed.is_set():
            raise RuntimeError("this Checker is closed")
        record = self._supervisor.submit(item, deadline, only)
        if self._closed.is_set() and record.cancel():  # meanwhile; its thread looks no more
            raise RuntimeError("this Checker is closed")
        return record

    def close(self) -> None:
        """End the workers and the server, and wait for them."""
        if self._pid == os.getpid() and not self._ended:
            self._ended = True
            self._closed.set()
            self._supervisor.wake()
            self._thread.join()
            self._end()

    def _drive(self) -> None:
        """Hand out items and collect records until it is closed."""
        try:
            while not self._closed.is_set():
                try:
                    self._supervisor.turn()
                except OSError as error:
                    self._supervisor.fail(_unavailable(error))
        finally:
            if not self._closed.is_set():  # an error goes up from here: nobody is to wait for ever
                self._closed.set()
                self._supervisor.fail(RuntimeError("the thread of this Checker has broken off"))

    def _start(self, config: RunConfig, limits: Limits) -> Started:
        """Start a worker, and the server first where there is none (any more)."""
        if self._server is None or not self._server.runs:
            if self._server is not None:
                self._server.close()
            self._server = ForkServer()
        self.started += 1
        return self._server.start(config, limits)

    def _end(self) -> None:
        self._supervisor.close()
        if self._server is not None:
            self._server.close()


def _unavailable(error: OSError) -> UnavailableError:
    hint = "see how many processes and open files this user may have, or use jobs = 0"
    return UnavailableError(f"no worker can be started ({error.strerror})", hint)


def _folder() -> str | None:
    """Return the working folder, below which relative paths of items lie; None where it is gone."""
    with suppress(OSError):
        return os.getcwd()  # noqa: PTH109 - as text, for another process
    return None
