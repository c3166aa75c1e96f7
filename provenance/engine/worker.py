"""What a worker process does: it checks the items that come through its pipe, within limits.

Pixels, manifests and models are opened only here. Before each stage (a detector, `picture` or
`passage`) the supervisor is told, so that it knows what a worker died of.
"""

import os
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
from provenance.record import Record

NO_MEMORY: Final = 77
"""Exit code of a worker that cannot even say what memory was wanting for."""
READY, STAGE, PARTIAL, RECORD, REFUSED = "ready", "stage", "partial", "record", "refused"
"""What a worker says: that it is there, what begins, the record as far as it has come, the whole
one, the error by which a detector refuses its options."""
TRACE = "trace"
"""Whose the parts of the record are that comes next, and what a run keeps of its pictures."""
SETTINGS = "settings"
"""The body of settings that a record has which comes next, once."""
HELD, FULL = "held", "full"
"""What a worker holds in memory without an item; a record that says what memory was wanting for."""


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


def serve(config: RunConfig, limits: Limits, pipe: Connection) -> None:
    """Check what comes through the pipe until it closes: the life of a worker process."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core a worker, and the same sums each time
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    def stage(name: str) -> None:
        signal.setitimer(signal.ITIMER_PROF, limits.of(name))
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
            task: Task = pipe.recv()
        except EOFError:
            return
        try:
            encoded, full = _checked(engine, task, pipe)
        except MemoryError:
            os._exit(NO_MEMORY)
        signal.setitimer(signal.ITIMER_PROF, 0)
        pipe.send((FULL if full else RECORD, encoded))


def _checked(engine: Engine, task: Task, pipe: Connection) -> tuple[bytes, bool]:
    """Check an item; return its record as JSON, and whether memory was wanting."""
    if task.folder is not None:
        with suppress(OSError):
            os.chdir(task.folder)
    if task.today is not None:
        engine.renew(task.today)

    def tell(record: Record) -> None:
        _tell_settings(engine, record, pipe)
        pipe.send((PARTIAL, msgspec.json.encode(record)))

    record = engine.check(
        task.item,
        task.stopped,
        only=task.only,
        deadline=task.seconds,
        tell=tell,
        keep=task.traced,
    )
    _tell_settings(engine, record, pipe)
    if task.traced:
        pipe.send((TRACE, (msgspec.json.encode(engine.trace), engine.kept)))
    return msgspec.json.encode(record), any(s.reason.code == MEMORY for s in record.signals)


def _tell_settings(engine: Engine, record: Record, pipe: Connection) -> None:
    """Send the body of a record's settings where no earlier record had them."""
    sha256 = record.tool.settings
    if isinstance(sha256, str) and (body := engine.untold.pop(sha256, None)) is not None:
        pipe.send((SETTINGS, (sha256, body)))
