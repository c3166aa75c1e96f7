"""What a worker process does: it checks the items that come through its pipe, within limits.

Pixels, manifests and models are opened only here. Before each stage (a detector, `picture` or
`passage`) its position is written, so that the supervisor knows what a worker died of.
"""

import gc
import mmap
import os
import pickle
import signal
from collections.abc import Collection, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Final, NamedTuple

import msgspec

from detectors.decode.memory import LOADING
from detectors.errors import Error
from detectors.item import Item
from detectors.signal import Reason
from provenance.engine.check import MEMORY, Engine
from provenance.engine.config import RunConfig
from provenance.engine.limits import MemoryLimit
from provenance.engine.messages import put
from provenance.engine.position import Position
from provenance.record import Record

NO_MEMORY: Final = 77
"""Exit code of a worker that cannot even say what memory was wanting for."""
READY, REFUSED, HELD = b"y", b"x", b"h"
"""What a worker says of itself: that it is there; the error by which a detector refuses its options
(a pickle); the bytes of memory that it holds without an item, in decimal digits."""
PARTIAL, RECORD, FULL = b"p", b"r", b"f"
"""The record of an item, as JSON: as far as it has come, whole, or one that says what memory was
wanting for."""
SETTINGS, DIGEST = b"s", 64
"""The body of settings that a record has which comes next, once, behind its digest, hex digits."""
TRACE, KEPT = b"t", b"k"
"""Whose the parts of the record are that comes next, as JSON, and what a run keeps of its pictures,
a list of `Kept` as MessagePack."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How long the stages of a check may take."""

    opening_seconds: float = 5.0
    """CPU seconds for opening a picture or a text: the largest admitted pictures need under 4."""
    detector_seconds: float = 30.0
    """CPU seconds of any other stage, loading a model included."""
    silent_seconds: float = 120.0
    """Seconds on the clock after which a silent worker is killed, whatever its CPU use."""

    def of(self, stage: str) -> float:
        """Return the CPU seconds of a stage."""
        return self.opening_seconds if stage in ("picture", "passage") else self.detector_seconds


class Task(NamedTuple):
    """An item on its way to a worker."""

    item: Item
    stopped: Mapping[str, Reason]
    """Stages that earlier tries did not survive → why."""
    seconds: float | None
    """Seconds on the clock after which the record is wanted as far as it has come; None: never."""
    today: str | None
    """UTC day, YYYY-MM-DD, from a long-lived caller; None: that of the configuration."""
    folder: str | None
    """Below which relative paths of the item lie; None: where the worker is."""
    only: Collection[str] | None
    """Detectors that look; None: all."""
    traced: bool
    """Whether it is to be told whose the parts of the record are, and what is kept of pictures."""


def serve(config: RunConfig, limits: Limits, memory: mmap.mmap, pipe: Connection) -> None:
    """Check what comes through the pipe until it closes: the life of a worker process.

    Args:
        config: detectors, options and policy.
        limits: of the stages of a check.
        memory: where the worker's position is written.
        pipe: lists of tasks come out of it, and what becomes of each goes into it, in their order.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core a worker, and the same sums each time
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    position, out = Position(config, memory), pipe.fileno()

    def stage(name: str) -> None:
        signal.setitimer(signal.ITIMER_PROF, limits.of(name))
        position.begin(name)

    try:
        engine = Engine(config, stage)
    except Error as error:
        put(out, (REFUSED, pickle.dumps(error)))
        return
    if not any(options.get("device") == "cuda" for options in config.options.values()):
        limit = MemoryLimit(lambda held: put(out, (HELD, str(held).encode())))
        LOADING.set(limit.lifted)
    gc.freeze()  # what was loaded stays, so it is not gone through again and again
    put(out, (READY, b""))
    while True:
        try:
            tasks: list[Task] = pipe.recv()
        except EOFError:
            return
        tasks.reverse()
        while tasks:  # each is let go of before the next, with the bytes of its item
            task = tasks.pop()
            position.next_item()
            try:
                said = _checked(engine, task, out)
            except MemoryError:
                os._exit(NO_MEMORY)
            signal.setitimer(signal.ITIMER_PROF, 0)
            put(out, *said)
            if said[-1][0] == FULL:
                tasks.clear()  # others do them: this process is ended


def _checked(engine: Engine, task: Task, out: int) -> list[tuple[bytes, bytes]]:
    """Check an item; return what is to be said of it, its record last."""
    if task.folder is not None:
        with suppress(OSError):
            os.chdir(task.folder)
    if task.today is not None:
        engine.renew(task.today)

    def tell(record: Record) -> None:
        put(out, *_new_settings(engine, record), (PARTIAL, msgspec.json.encode(record)))

    record = engine.check(
        task.item,
        task.stopped,
        only=task.only,
        deadline=task.seconds,
        tell=tell,
        keep=task.traced,
    )
    encoded, said = msgspec.json.encode(record), _new_settings(engine, record)
    if task.traced:
        said.append((TRACE, msgspec.json.encode(engine.trace)))
        if engine.kept:
            said.append((KEPT, msgspec.msgpack.encode(engine.kept)))
    full = any(signal.reason.code == MEMORY for signal in record.signals)
    return [*said, (FULL if full else RECORD, encoded)]


def _new_settings(engine: Engine, record: Record) -> list[tuple[bytes, bytes]]:
    """Return the body of a record's settings where no earlier record had them."""
    sha256 = record.tool.settings
    if isinstance(sha256, str) and (body := engine.untold.pop(sha256, None)) is not None:
        return [(SETTINGS, sha256.encode() + body)]
    return []
