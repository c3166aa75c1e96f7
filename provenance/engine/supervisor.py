"""Hands items to worker processes, collects their records, and replaces workers that die.

A worker that dies, or uses up the CPU seconds of one stage, is replaced; its item is tried again
without the stage that was at work, and the record says so. The parent never loads what the workers
load: where it has no threads, forking it is sound and costs least.
"""

import math
import os
import pickle
import select
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Pipe
from typing import Final

import msgspec

from detectors.errors import Error
from detectors.item import Item
from detectors.signal import Reason
from provenance.engine.check import MEMORY
from provenance.engine.child import DEATH_SECONDS, Child, of_memory
from provenance.engine.config import RunConfig
from provenance.engine.description import ITEM, unread
from provenance.engine.messages import Messages
from provenance.engine.position import Position, Started, memory
from provenance.engine.trace import Kept
from provenance.engine.worker import (
    DIGEST,
    FULL,
    HELD,
    KEPT,
    NO_MEMORY,
    PARTIAL,
    READY,
    REFUSED,
    SETTINGS,
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
BATCH_SECONDS: Final = 0.1
"""Seconds on the clock that the items which a worker is given together should take it."""
NAP: Final = 0.75
"""Share of the time that a batch should take for which nobody listens; less than all, or it would
never be seen that a batch takes less time than the last one."""
NAP_SECONDS: Final = 0.02
"""Seconds on the clock that this takes at most."""
SMALL: Final = 2**20
"""Bytes of the file of an item that may travel with others, and may be held in memory meanwhile."""
DEFAULTS: Final = Limits()
_DECODER: Final = msgspec.json.Decoder(Record)
_PICTURES: Final = msgspec.msgpack.Decoder(list[Kept])

Start = Callable[[RunConfig, Limits], Started]


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
        """Workers that died before they began with it."""
        self.so_far: bytes | None = None
        """The record as far as it has come, as JSON."""

    def late(self, seconds: float = 0.0) -> bool:
        """Tell whether its deadline passed so many seconds ago."""
        return self.until is not None and time.monotonic() >= self.until + seconds

    @property
    def alone(self) -> bool:
        """Whether it is given to a worker by itself: it has a deadline, or may be large."""
        sources = self.item.sources
        return self.until is not None or not sources or sources[0].size > SMALL


class Worker:
    """A worker process and the jobs it holds."""

    def __init__(self, started: Started) -> None:
        """Take over a process that has just started."""
        self.process, self._position = started
        self.descriptor = self.process.pipe.fileno()
        self._messages = Messages(self.descriptor)
        self._poll = select.poll()
        self._poll.register(self.descriptor, select.POLLIN)
        self.jobs = deque[Job]()
        """In the order in which it does them; the first is at work."""
        self.ready = False
        """Whether it has built its detectors."""
        self.held = 0
        """Bytes of memory that it holds without an item; 0 where it has no limit."""
        self.done = 0
        """Items whose records it has given."""
        self.given_at = 0.0
        """When it was given its jobs, seconds of the monotonic clock."""
        self.batch = 0
        """How many they were."""
        self._word, self._heard = 0, 0.0

    @property
    def stage(self) -> str:
        """The stage at work; `item` where it has not begun with its first job."""
        return self._position.at.stage if self.begun else ITEM

    @property
    def begun(self) -> bool:
        """Whether it has begun with its first job."""
        return self._position.at.item == self.done + 1

    def silent(self) -> float:
        """Return for how many seconds nothing of it is known to have changed."""
        now, word = time.monotonic(), self._position.word
        if word != self._word:
            self._word, self._heard = word, now
        return now - self._heard

    def read(self) -> list[tuple[bytes, bytes]]:
        """Return what it says.

        Raises:
            EOFError: it has died.
            OSError: it has died.
        """
        said = self._messages.read()
        self._heard = time.monotonic()
        return said

    def says_something(self) -> bool:
        """Tell whether it has said anything, or has died."""
        return bool(self._poll.poll(0))

    def give(self, jobs: Sequence[Job], today: str | None, *, traced: bool) -> None:
        """Hand over items."""
        self.jobs.extend(jobs)
        self.given_at = self._heard = now = time.monotonic()
        self._word = self._position.word
        self.batch = len(jobs)
        tasks = []
        for job in jobs:
            seconds = None if job.until is None else job.until - now
            tasks.append(Task(job.item, job.stopped, seconds, today, job.folder, job.only, traced))
        with suppress(OSError):  # it has died: that is heard when listening
            self.process.pipe.send(tasks)


def forked(config: RunConfig, limits: Limits) -> Started:
    """Start a worker by forking this process, which must have no threads."""
    shared = memory()
    child = Child(partial(serve, config, limits, shared))
    return Started(child, Position(config, shared))


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
        together: int = 1,
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
            together: most small items that a worker is given at a time, where they take it little
                time; 1 where each one's record is waited for.
        """
        self.ahead = AHEAD * jobs
        self._settings = {} if settings is None else settings
        self._traced, self._together = traced, together
        self._config, self._jobs, self._limits, self._start = config, jobs, limits, start
        self._today, self._folder = today, folder
        self._waiting: deque[Job] = deque()
        self._again: deque[Job] = deque()
        self._busy: dict[int, Worker] = {}
        """By the descriptor of its pipe."""
        self._idle: list[Worker] = []
        self._pace = math.inf
        """Seconds on the clock that an item takes a worker, as the last ones did."""
        self._timed = False
        """Whether any job has had a deadline."""
        self._looked = time.monotonic()
        """When it was last looked at what is late."""
        self._thread = 0
        """The thread that calls `turn`; it need not be woken."""
        self._woken, self._wakes = Pipe(duplex=False)
        os.set_blocking(self._wakes.fileno(), False)
        self._poll = select.poll()
        self._poll.register(self._woken, select.POLLIN)

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
        self._timed = self._timed or deadline is not None
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
        """True while more jobs are of use: for each worker one, or as many as it does at a time."""
        waiting = len(self._waiting) + len(self._again)
        free = self._jobs - len(self._busy)
        if (ahead := self._batch) == 1 or (self._waiting and self._waiting[-1].alone):
            return waiting < free
        return waiting < free + ahead * self._jobs

    @property
    def _batch(self) -> int:
        """How many small items a worker is given at a time."""
        if self._pace * self._together <= BATCH_SECONDS:
            return self._together
        return max(int(BATCH_SECONDS / self._pace), 1)

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
        self._let_work()
        for descriptor, _ in self._poll.poll(1000 * self._patience()):
            if descriptor in self._busy:
                self._hear(self._busy[descriptor])
            elif descriptor == self._woken.fileno():
                os.read(descriptor, 1 << 16)
        if self._timed or time.monotonic() - self._looked > TURN_SECONDS:
            self._look()
        self.hand_out()

    def _let_work(self) -> None:
        """Sleep for as long as all workers are busy with several items, to hear of many at once."""
        if len(self._busy) == self._jobs and all(w.batch > 1 for w in self._busy.values()):
            first = min(w.given_at + NAP * w.batch * self._pace for w in self._busy.values())
            time.sleep(min(max(first - time.monotonic(), 0.0), NAP_SECONDS))

    def _look(self) -> None:
        """End the workers that are behind a deadline, or silent for too long."""
        self._looked = time.monotonic()
        for worker in list(self._busy.values()):
            silent = worker.silent()
            if worker.says_something():
                continue
            if worker.jobs[0].late(GRACE_SECONDS):
                self._cut(worker)
            elif silent > self._limits.silent_seconds:
                self._replace(worker, late=True)

    def close(self) -> None:
        """End every worker; what has no record by then is cancelled."""
        for worker in self._idle:
            worker.process.pipe.close()  # it sees that no more is to come, and ends
            worker.process.kill(DEATH_SECONDS)
        for worker in self._busy.values():
            worker.process.kill()
        held = [job for worker in self._busy.values() for job in worker.jobs]
        for job in (*held, *self._waiting, *self._again):
            job.record.cancel()
        self._woken.close()
        self._wakes.close()

    def _patience(self) -> float:
        """Return for how many seconds nothing is due."""
        if not self._timed:
            return TURN_SECONDS
        jobs = (worker.jobs[0] for worker in self._busy.values())
        due = [job.until + GRACE_SECONDS for job in jobs if job.until is not None]
        waiting = [job.until for job in tuple(self._waiting) if job.until is not None]
        next_due = min((*due, *waiting), default=time.monotonic() + TURN_SECONDS)
        return min(max(next_due - time.monotonic(), 0.0), TURN_SECONDS)

    def hand_out(self) -> None:
        """Hand jobs to workers while there are both; finish what waits behind its deadline."""
        for job in [job for job in tuple(self._waiting) if job.late()] if self._timed else ():
            self._waiting.remove(job)
            self._finish(job, unread(self._config, job.item))
        while len(self._busy) < self._jobs and (self._again or self._waiting):
            today = self._today() if self._today else None
            if self._again and self._idle:
                self._idle.pop().process.kill()  # what is tried again gets a fresh worker
            worker = self._ready()  # first: where none can be started, the job still waits
            if jobs := self._next():
                self._busy[worker.descriptor] = worker
                self._poll.register(worker.descriptor, select.POLLIN)
                worker.give(jobs, today, traced=self._traced)
            else:
                self._idle.append(worker)

    def _next(self) -> list[Job]:
        """Take what a worker is given at a time, nothing where nobody waits for it any more."""
        if self._again:
            jobs = [self._again.popleft()]
        else:
            jobs = [self._waiting.popleft()]
            share = -(-len(self._waiting) // self._jobs)
            for _ in range(min(self._batch - 1, share) if not jobs[0].alone else 0):
                if self._waiting[0].alone:
                    break
                jobs.append(self._waiting.popleft())
        return [job for job in jobs if not job.record.cancelled()]

    def _ready(self) -> Worker:
        """Return an idle worker that is still alive, else a new one."""
        while self._idle:
            worker = self._idle.pop()
            try:
                while worker.says_something():
                    worker.read()
            except (EOFError, OSError):
                worker.process.kill()  # it died without an item, which says nothing of the next
            else:
                return worker
        return Worker(self._start(self._config, self._limits))

    def _hear(self, worker: Worker) -> None:
        """Take what a worker says, or notice that it has died."""
        try:
            said = worker.read()
        except (EOFError, OSError):
            self._replace(worker)
            return
        for kind, body in said:
            if kind == HELD:
                worker.held = int(body)
            elif kind == SETTINGS:
                self._settings[body[:DIGEST].decode()] = body[DIGEST:]
            elif kind == READY:
                worker.ready = True
            elif kind == REFUSED:
                self._refuse(worker, pickle.loads(body))  # noqa: S301 - of a process of ours
            elif worker.jobs:
                self._take(worker, worker.jobs[0], kind, body)

    def _take(self, worker: Worker, job: Job, kind: bytes, body: bytes) -> None:
        """Take a record: a whole one, one so far, or one that says that memory was wanting."""
        if kind == PARTIAL:
            job.so_far = body
        elif kind == TRACE:
            job.record.trace = body
        elif kind == KEPT:
            job.record.kept = _PICTURES.decode(body)
        elif kind == FULL and worker.done:
            self._let_go(worker)
            self._again.append(worker.jobs.popleft())
            self._give_back(worker)
        else:
            worker.jobs.popleft()
            worker.done += 1
            if kind == FULL:
                self._let_go(worker)
                self._give_back(worker)
            elif not worker.jobs:
                self._let_go(worker, alive=True)
            self._finish(job, _DECODER.decode(body))

    def _let_go(self, worker: Worker, *, alive: bool = False) -> None:
        """Take a worker off what is listened to: it is idle, or it is ended."""
        if self._busy.pop(worker.descriptor, None):
            self._poll.unregister(worker.descriptor)
        if alive:
            self._idle.append(worker)
            pace = (time.monotonic() - worker.given_at) / worker.batch
            self._pace = pace if self._pace == math.inf else (self._pace + pace) / 2
        else:
            worker.process.kill()

    def _give_back(self, worker: Worker) -> None:
        """Let the jobs wait that a worker has not begun."""
        self._waiting.extendleft(reversed(worker.jobs))
        worker.jobs.clear()

    def fail(self, error: Exception) -> None:
        """End every worker and fail every job."""
        jobs = [job for worker in self._busy.values() for job in worker.jobs]
        for worker in (*self._busy.values(), *self._idle):
            self._let_go(worker)
        self._idle = []
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
        alone = not worker.jobs
        self.fail(error)
        if alone:
            worker.process.kill()
            raise error

    def _cut(self, worker: Worker) -> None:
        """End a worker that is behind its deadline, with the record as far as it has come."""
        self._let_go(worker)
        job = worker.jobs.popleft()
        made, late = job.so_far, unread(self._config, job.item)
        self._finish(job, _DECODER.decode(made) if made else late)
        self._give_back(worker)

    def _replace(self, worker: Worker, *, late: bool = False) -> None:
        """Replace a dead worker and retry its item without the stage that killed it.

        Where memory was wanting, a worker that had other items before says nothing of this one.
        """
        if self._busy.pop(worker.descriptor, None):
            self._poll.unregister(worker.descriptor)
        end = worker.process.kill(0 if late else DEATH_SECONDS)  # dying of a signal of its own
        job = worker.jobs.popleft() if worker.jobs else None
        self._give_back(worker)
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
        if not (full and worker.done):
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


def utc_day() -> str:
    """Return the day of today, UTC, YYYY-MM-DD."""
    return datetime.now(UTC).date().isoformat()


def jobs_for(count: int, wanted: int | None) -> int:
    """Return how many workers to use: what is wanted, else one a core, never more than items."""
    return max(1, min(wanted or os.cpu_count() or 1, count))
