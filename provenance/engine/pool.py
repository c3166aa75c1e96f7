"""Many items, in order, on several supervised processes.

Pixels, manifests and models are opened only in worker processes. A worker that dies, or uses up the
CPU seconds of one stage, is replaced; its item is tried again without the stage that was at work,
and the record says so. The parent never loads what the workers load, so that forking stays sound.
"""

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, wait

import msgspec

from detectors.decode.memory import LOADING
from detectors.errors import Error
from detectors.item import Item
from detectors.signal import Reason
from provenance.engine.check import ITEM, MEMORY, Engine
from provenance.engine.child import DEATH_SECONDS, Child, of_memory
from provenance.engine.config import RunConfig
from provenance.engine.limits import MemoryLimit
from provenance.record import Record

STAGE_SECONDS = {"picture": 5.0, "passage": 5.0}
"""CPU seconds that opening an item may take: the largest admitted pictures need under 4."""
DETECTOR_SECONDS = 30.0
"""CPU seconds of any other stage, loading a model included."""
WALL_SECONDS = 120.0
"""Seconds on the clock after which a silent worker is killed, whatever its CPU use."""
NO_MEMORY = 77
"""Exit code of a worker that cannot even say what memory was wanting for."""
AHEAD = 64
"""Items a process may be ahead of the one whose record is due."""

READY, STAGE, RECORD, REFUSED = "ready", "stage", "record", "refused"
HELD, FULL = "held", "full"
"""What a worker holds in memory without an item; a record that says what memory was wanting for."""

_DECODER = msgspec.json.Decoder(Record)


def serve(config: RunConfig, pipe: Connection) -> None:
    """Check what comes through the pipe until it closes: the life of a worker process."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core a worker, and the same sums each time
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    def stage(name: str) -> None:
        signal.setitimer(signal.ITIMER_PROF, STAGE_SECONDS.get(name, DETECTOR_SECONDS))
        pipe.send((STAGE, name))

    try:
        engine = Engine(config, stage)
    except Error as error:
        pipe.send((REFUSED, error))
        return
    if not any(options.get("device") == "cuda" for options in config.options.values()):
        limit = MemoryLimit(lambda held: pipe.send((HELD, held)))
        LOADING.set(limit.lifted)
    pipe.send((READY, ""))
    while True:
        try:
            item, stopped = pipe.recv()
        except EOFError:
            return
        try:
            record = engine.check(item, stopped)
            encoded = msgspec.json.encode(record)
        except MemoryError:
            os._exit(NO_MEMORY)
        signal.setitimer(signal.ITIMER_PROF, 0)
        full = any(signal.reason.code == MEMORY for signal in record.signals)
        pipe.send((FULL if full else RECORD, encoded))


class Worker(Child):
    """A worker process and the item it holds."""

    def __init__(self, config: RunConfig) -> None:
        """Start the process."""
        super().__init__(partial(serve, config))
        self.index = -1
        self.item: Item | None = None
        self.stopped: dict[str, Reason] = {}
        self.stage = ITEM
        self.heard = time.monotonic()
        self.held = 0
        """Bytes of memory that it holds without an item; 0 where it has no limit."""
        self.given = 0
        """Items that it was given."""

    def give(self, index: int, item: Item, stopped: dict[str, Reason]) -> None:
        """Hand over an item."""
        self.index, self.item, self.stopped = index, item, stopped
        self.stage, self.heard = ITEM, time.monotonic()
        self.given += 1
        with suppress(
            BrokenPipeError, ConnectionResetError
        ):  # it has died: that is heard when listening
            self.pipe.send((item, stopped))


def records(
    items: Iterable[Item],
    config: RunConfig,
    jobs: int,
    interrupted: Callable[[], bool] = lambda: False,
) -> Generator[Record]:
    """Yield the record of every item, in the order of the items.

    Args:
        items: read lazily, a few ahead of the records.
        config: detectors, options and policy.
        jobs: most worker processes, at least 1.
        interrupted: asked when no record is due; true ends the run early.

    Raises:
        ConfigError: a detector refused its options. Nothing was checked.
    """
    pool = Pool(items, config, jobs)
    try:
        while True:
            if pool.due is not None:
                yield pool.take()
            elif pool.exhausted or interrupted():
                return
            else:
                pool.turn()
    finally:
        pool.close()


class Pool:
    """The supervisor: hands out items, collects records, replaces workers."""

    def __init__(self, items: Iterable[Item], config: RunConfig, jobs: int) -> None:
        """Start with no worker; they come when there is work."""
        self._items = enumerate(items)
        self._again: deque[tuple[int, Item, dict[str, Reason]]] = deque()
        self._config, self._jobs = config, jobs
        self._busy: list[Worker] = []
        self._idle: list[Worker] = []
        self._done: dict[int, bytes] = {}
        self._next = 0
        self._all_read = False

    @property
    def due(self) -> bytes | None:
        """The next record, if it is there."""
        return self._done.get(self._next)

    @property
    def exhausted(self) -> bool:
        """True once every item has had its record."""
        return self._all_read and not self._busy and not self._again and not self._done

    def take(self) -> Record:
        """Return the record that is due."""
        encoded = self._done.pop(self._next)
        self._next += 1
        return _DECODER.decode(encoded)

    def turn(self) -> None:
        """Hand out what can be handed out, then wait for a worker to say something."""
        self._hand_out()
        if not self._busy:
            return
        ready = wait([worker.pipe for worker in self._busy], timeout=0.25)
        for worker in list(self._busy):
            if worker.pipe in ready:
                self._hear(worker)
            elif time.monotonic() - worker.heard > WALL_SECONDS:
                self._replace(worker, late=True)

    def close(self) -> None:
        """End every worker."""
        for worker in self._idle:
            worker.pipe.close()  # it sees that no more is to come, and ends
            worker.kill(DEATH_SECONDS)
        for worker in self._busy:
            worker.kill()

    def _hand_out(self) -> None:
        """Return items to workers while there are both, and not too far ahead of what is due."""
        while len(self._busy) < self._jobs and len(self._done) < AHEAD * self._jobs:
            if self._again:
                index, item, stopped = self._again.popleft()
                if self._idle:
                    self._idle.pop().kill()  # what is tried again gets a fresh worker
                worker = Worker(self._config)
            elif (following := next(self._items, None)) is not None:
                index, item, stopped = *following, {}
                worker = self._idle.pop() if self._idle else Worker(self._config)
            else:
                self._all_read = True
                return
            worker.give(index, item, stopped)
            self._busy.append(worker)

    def _hear(self, worker: Worker) -> None:
        """Take one message of a worker, or notice that it has died."""
        try:
            what, said = worker.pipe.recv()
        except (EOFError, OSError):
            self._replace(worker)
            return
        worker.heard = time.monotonic()
        if what == STAGE:
            worker.stage = said
        elif what == HELD:
            worker.held = said
        elif what == REFUSED:
            raise said
        elif what == RECORD:
            self._done[worker.index] = said
            self._busy.remove(worker)
            self._idle.append(worker)
        elif what == FULL:
            self._busy.remove(worker)
            worker.kill()
            if worker.given == 1:
                self._done[worker.index] = said
            else:
                self._put_back(worker, worker.stopped)

    def _replace(self, worker: Worker, *, late: bool = False) -> None:
        """Bury a worker and put its item back, without the stage that it did not survive.

        Where memory was wanting, a worker that had other items before says nothing of this one.
        """
        end = worker.kill(0 if late else DEATH_SECONDS)  # dying of a signal of its own
        self._busy.remove(worker)
        if worker.item is None or ITEM in worker.stopped:
            raise RuntimeError(f"workers die without looking at anything (exit {end.code})")
        full = not late and (end.code == NO_MEMORY or of_memory(end, worker.held))
        stage = ITEM if worker.stage in worker.stopped else worker.stage
        why = Reason(MEMORY) if full else _why(worker.stage, end.code, late=late)
        other = full and worker.given > 1
        self._put_back(worker, worker.stopped if other else worker.stopped | {stage: why})

    def _put_back(self, worker: Worker, stopped: dict[str, Reason]) -> None:
        """Let another worker look at an item."""
        if worker.item is not None:
            self._again.append((worker.index, worker.item, stopped))


def _why(stage: str, code: int, *, late: bool) -> Reason:
    """Return why a stage ended its process."""
    if late or code == -signal.SIGPROF:
        seconds = WALL_SECONDS if late else STAGE_SECONDS.get(stage, DETECTOR_SECONDS)
        return Reason("engine.timeout", {"stage": stage, "seconds": seconds})
    name = signal.Signals(-code).name if code < 0 else f"exit {code}"
    return Reason("engine.crashed", {"stage": stage, "signal": name})


def jobs_for(count: int, wanted: int | None) -> int:
    """Return how many workers to use: what is wanted, else one a core, never more than items."""
    return max(1, min(wanted or os.cpu_count() or 1, count))
