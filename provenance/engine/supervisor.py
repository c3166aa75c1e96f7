"""Hands items to worker processes, collects their records, and replaces workers that die.

A worker that dies, or uses up the CPU seconds of one stage, is replaced; its item is tried again
without the stage that was at work, and the record says so. The parent never loads what the workers
load: where it has no threads, forking it is sound and costs least.
"""

import os
import select
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection, Pipe
from typing import Any, Final

import msgspec

from detectors.errors import Error
from detectors.item import Item
from detectors.signal import Reason
from provenance.engine.check import MEMORY
from provenance.engine.child import DEATH_SECONDS, Child, Process, of_memory
from provenance.engine.config import RunConfig
from provenance.engine.description import ITEM, unread
from provenance.engine.trace import Kept
from provenance.engine.worker import (
    FULL,
    HELD,
    NO_MEMORY,
    PARTIAL,
    READY,
    RECORD,
    REFUSED,
    SETTINGS,
    STAGE,
    TRACE,
    Limits,
    Task,
    serve,
)
from provenance.record import Record

AHEAD: Final = 64
"""Items a worker may be ahead of the one whose record is due."""
GRACE_SECONDS: Final = 0.05
"""Seconds behind a deadline that a worker has for ending by itself between two detectors."""
UNSEEN: Final = 2
"""Workers that may die before they say anything of an item, without blame on the item."""
TURN_SECONDS: Final = 0.25
"""Seconds on the clock between two looks at what is late."""
DEFAULTS: Final = Limits()
_DECODER: Final = msgspec.json.Decoder(Record)

Start = Callable[[RunConfig, Limits], Process]


class Awaited(Future[Record]):
    """A record to come, and whose its parts are."""

    trace: bytes = b""
    """A `Trace` as JSON, there with the record where it was asked for; empty where the worker did
    not come so far."""
    kept: Sequence[Kept] = ()
    """What a run keeps of its pictures, where a detector of pixels looked."""


class Job:
    """An item whose record is wanted."""

    def __init__(
        self,
        item: Item,
        seconds: float | None,
        folder: str | None,
        only: Collection[str] | None = None,
    ) -> None:
        """Begin without a worker.

        Args:
            item: what to check.
            seconds: on the clock, after which the record is wanted as far as it has come.
            folder: below which relative paths of the item lie; None: that of the worker.
            only: detectors that look; None: all.
        """
        self.item, self.folder, self.only = item, folder, only
        self.record = Awaited()
        self.stopped: Mapping[str, Reason] = {}
        """Stages that earlier tries did not survive → why."""
        self.until = None if seconds is None else time.monotonic() + seconds
        self.tries = 0
        """Workers that died before they said anything of it."""
        self.so_far: bytes | None = None
        """The record as far as it has come, as JSON."""

    def late(self, seconds: float = 0.0) -> bool:
        """Tell whether its deadline passed so many seconds ago."""
        return self.until is not None and time.monotonic() >= self.until + seconds


class Worker:
    """A worker process and the job it holds."""

    def __init__(self, process: Process) -> None:
        """Take over a process that has just started."""
        self.process = process
        self.job: Job | None = None
        self.ready = False
        """Whether it has built its detectors."""
        self.stage = ITEM
        self.begun = False
        """Whether it has said anything of its job."""
        self.heard = time.monotonic()
        self.held = 0
        """Bytes of memory that it holds without an item; 0 where it has no limit."""
        self.given = 0
        """Items that it was given."""

    @property
    def pipe(self) -> Connection:
        """The end of its pipe here."""
        return self.process.pipe

    def give(self, job: Job, today: str | None, *, traced: bool) -> None:
        """Hand over an item."""
        self.job = job
        self.stage, self.begun, self.heard = ITEM, False, time.monotonic()
        self.given += 1
        seconds = None if job.until is None else job.until - time.monotonic()
        with suppress(OSError):  # it has died: that is heard when listening
            self.pipe.send(
                Task(job.item, job.stopped, seconds, today, job.folder, job.only, traced)
            )


def forked(config: RunConfig, limits: Limits) -> Child:
    """Start a worker by forking this process, which must have no threads."""
    return Child(partial(serve, config, limits))


class Supervisor:
    """Worker processes, and the jobs that wait for one.

    `submit` and `stop` may be called by any thread; everything else by the one that calls `turn`.
    """

    def __init__(
        self,
        config: RunConfig,
        jobs: int,
        *,
        limits: Limits = DEFAULTS,
        start: Start = forked,
        today: Callable[[], str] | None = None,
        folder: Callable[[], str | None] = lambda: None,
        traced: bool = False,
        settings: dict[str, bytes] | None = None,
    ) -> None:
        """Start with no worker; they come when there is work.

        Args:
            config: detectors, options and policy.
            jobs: most worker processes, at least 1.
            limits: of the stages of a check.
            start: starts a worker.
            today: asked for each item: UTC day, YYYY-MM-DD; None: that of the configuration. Where
                it is given, workers also see what has changed of a bank since the last item.
            folder: asked for each item: the working folder of this process, if it may change.
            traced: whether records come with their traces.
            settings: receives the bodies of the settings that records have, each before the first
                of these records: digest → body.
        """
        self.ahead = AHEAD * jobs
        self._settings = {} if settings is None else settings
        self._traced = traced
        self._config, self._jobs, self._limits, self._start = config, jobs, limits, start
        self._today, self._folder = today, folder
        self._waiting: deque[Job] = deque()
        self._again: deque[Job] = deque()
        self._busy: list[Worker] = []
        self._idle: list[Worker] = []
        self._thread = 0
        """The thread that calls `turn`; it need not be woken."""
        self._woken, self._wakes = Pipe(duplex=False)
        os.set_blocking(self._wakes.fileno(), False)

    def submit(
        self, item: Item, deadline: float | None = None, only: Collection[str] | None = None
    ) -> Awaited:
        """Ask for the record of an item.

        Args:
            item: what to check.
            deadline: seconds on the clock, after which it is wanted as far as it has come.
            only: detectors that look; None: all.

        Returns:
            The record; raises an `Error` where a detector refuses its options.
        """
        job = Job(item, deadline, self._folder(), only)
        self._waiting.append(job)
        if threading.get_ident() != self._thread:
            self.wake()
        return job.record

    def wake(self) -> None:
        """Let `turn` return from waiting."""
        with suppress(BlockingIOError):  # it has enough to wake from
            os.write(self._wakes.fileno(), b".")

    @property
    def hungry(self) -> bool:
        """True while there are fewer jobs than workers."""
        return len(self._busy) + len(self._waiting) + len(self._again) < self._jobs

    def warm(self) -> None:
        """Start the workers and wait until each has built its detectors.

        Raises:
            Error: a detector refuses its options.
        """
        while len(self._idle) < self._jobs:
            self._idle.append(Worker(self._start(self._config, self._limits)))
        for worker in self._idle:
            while not worker.ready:
                self._hear(worker)

    def turn(self) -> None:
        """Hand out what can be handed out, then wait for a worker, a new job, or a deadline."""
        self._thread = threading.get_ident()
        self.hand_out()
        pipes = [self._woken, *(worker.pipe for worker in self._busy)]
        ready = _readable(pipes, self._patience())
        if self._woken in ready:
            os.read(self._woken.fileno(), 1 << 16)
        for worker in list(self._busy):
            if worker.pipe in ready:
                self._hear(worker)
            elif worker.job and worker.job.late(GRACE_SECONDS):
                self._cut(worker)
            elif time.monotonic() - worker.heard > self._limits.silent_seconds:
                self._replace(worker, late=True)

    def close(self) -> None:
        """End every worker; what has no record by then is cancelled."""
        for worker in self._idle:
            worker.pipe.close()  # it sees that no more is to come, and ends
            worker.process.kill(DEATH_SECONDS)
        for worker in self._busy:
            worker.process.kill()
        held = [worker.job for worker in self._busy if worker.job]
        for job in (*held, *self._waiting, *self._again):
            job.record.cancel()
        self._woken.close()
        self._wakes.close()

    def _patience(self) -> float:
        """Return for how many seconds nothing is due."""
        jobs = (worker.job for worker in self._busy)
        due = [job.until + GRACE_SECONDS for job in jobs if job and job.until is not None]
        waiting = [job.until for job in tuple(self._waiting) if job.until is not None]
        next_due = min((*due, *waiting), default=time.monotonic() + TURN_SECONDS)
        return min(max(next_due - time.monotonic(), 0.0), TURN_SECONDS)

    def hand_out(self) -> None:
        """Hand jobs to workers while there are both; finish what waits behind its deadline."""
        for job in [job for job in tuple(self._waiting) if job.late()]:
            self._waiting.remove(job)
            self._finish(job, unread(self._config, job.item))
        while len(self._busy) < self._jobs and (self._again or self._waiting):
            today = self._today() if self._today else None
            if self._again and self._idle:
                self._idle.pop().process.kill()  # what is tried again gets a fresh worker
            worker = self._ready()  # first: where none can be started, the job still waits
            job = (self._again or self._waiting).popleft()
            if job.record.cancelled():
                self._idle.append(worker)
                continue
            self._busy.append(worker)
            worker.give(job, today, traced=self._traced)

    def _ready(self) -> Worker:
        """Return an idle worker that is still alive, else a new one."""
        while self._idle:
            worker = self._idle.pop()
            try:
                while _readable([worker.pipe], 0):
                    worker.pipe.recv()
            except (EOFError, OSError):
                worker.process.kill()  # it died without an item, which says nothing of the next
            else:
                return worker
        return Worker(self._start(self._config, self._limits))

    def _hear(self, worker: Worker) -> None:
        """Take one message of a worker, or notice that it has died."""
        try:
            what, said = worker.pipe.recv()
        except (EOFError, OSError):
            self._replace(worker)
            return
        worker.heard = time.monotonic()
        if what == STAGE:
            worker.stage, worker.begun = said, True
        elif what == HELD:
            worker.held = said
        elif what == SETTINGS:
            self._settings.update([said])
        elif what == READY:
            worker.ready = True
        elif what == REFUSED:
            self._refuse(worker, said)
        elif worker.job is not None:
            self._take(worker, worker.job, what, said)

    def _take(self, worker: Worker, job: Job, what: str, said: Any) -> None:
        """Take a record: a whole one, one so far, or one that says that memory was wanting."""
        if what == PARTIAL:
            job.so_far = said
        elif what == TRACE:
            job.record.trace, job.record.kept = said
        elif what == RECORD:
            self._busy.remove(worker)
            self._idle.append(worker)
            worker.job = None
            self._finish(job, _DECODER.decode(said))
        elif what == FULL:
            self._busy.remove(worker)
            worker.process.kill()
            if worker.given == 1:
                self._finish(job, _DECODER.decode(said))
            else:
                self._again.append(job)

    def fail(self, error: Exception) -> None:
        """End every worker and fail every job."""
        jobs = [worker.job for worker in self._busy if worker.job]
        for worker in (*self._busy, *self._idle):
            worker.process.kill()
        self._busy, self._idle = [], []
        for job in (*jobs, *self._again, *self._drained()):
            self._fail(job, error)
        self._again.clear()

    def _drained(self) -> Iterator[Job]:
        """Yield what waits, and take it off."""
        while self._waiting:
            yield self._waiting.popleft()

    def _refuse(self, worker: Worker, error: Error) -> None:
        """Fail every job: a detector refuses its options, whatever the item.

        Raises:
            Error: it, where no job is there that could fail.
        """
        alone = worker.job is None
        self.fail(error)
        if alone:
            worker.process.kill()
            raise error

    def _cut(self, worker: Worker) -> None:
        """End a worker that is behind its deadline, with the record as far as it has come."""
        self._busy.remove(worker)
        worker.process.kill()
        if job := worker.job:
            made = job.so_far
            late = unread(self._config, job.item)
            self._finish(job, _DECODER.decode(made) if made else late)

    def _replace(self, worker: Worker, *, late: bool = False) -> None:
        """Replace a dead worker and retry its item without the stage that killed it.

        Where memory was wanting, a worker that had other items before says nothing of this one.
        """
        end = worker.process.kill(0 if late else DEATH_SECONDS)  # dying of a signal of its own
        if worker in self._busy:
            self._busy.remove(worker)
        job = worker.job
        if job is None or ITEM in job.stopped:
            error = RuntimeError(f"workers die without looking at anything (exit {end.code})")
            if job is None:
                raise error
            self._fail(job, error)
            return
        if not (worker.begun or late) and job.tries < UNSEEN:
            job.tries += 1  # it was dying when the item came, which says nothing of the item
            self._again.append(job)
            return
        full = not late and (end.code == NO_MEMORY or of_memory(end, worker.held))
        stage = ITEM if worker.stage in job.stopped else worker.stage
        why = Reason(MEMORY) if full else self._why(worker.stage, end.code, late=late)
        if not (full and worker.given > 1):
            job.stopped = {**job.stopped, stage: why}
        self._again.append(job)

    def _why(self, stage: str, code: int, *, late: bool) -> Reason:
        """Return why a stage ended its process."""
        if late or code == -signal.SIGPROF:
            seconds = self._limits.silent_seconds if late else self._limits.of(stage)
            return Reason("engine.timeout", {"stage": stage, "seconds": seconds})
        name = signal.Signals(-code).name if code < 0 else f"exit {code}"
        return Reason("engine.crashed", {"stage": stage, "signal": name})

    def _finish(self, job: Job, record: Record) -> None:
        if job.record.set_running_or_notify_cancel():
            job.record.set_result(record)

    def _fail(self, job: Job, error: Exception) -> None:
        if job.record.set_running_or_notify_cancel():
            job.record.set_exception(error)


def _readable(pipes: Iterable[Connection], seconds: float) -> list[Connection]:
    """Return the pipes from which can be read, once there is one.

    `multiprocessing.connection.wait` builds a selector for it, at several messages an item.
    """
    by_descriptor = {pipe.fileno(): pipe for pipe in pipes}
    poll = select.poll()
    for descriptor in by_descriptor:
        poll.register(descriptor, select.POLLIN)
    return [by_descriptor[descriptor] for descriptor, _ in poll.poll(1000 * seconds)]


def utc_day() -> str:
    """Return the day of today, UTC, YYYY-MM-DD."""
    return datetime.now(UTC).date().isoformat()


def jobs_for(count: int, wanted: int | None) -> int:
    """Return how many workers to use: what is wanted, else one a core, never more than items."""
    return max(1, min(wanted or os.cpu_count() or 1, count))
