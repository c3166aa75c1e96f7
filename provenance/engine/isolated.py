"""A foreign file that a command reads itself is read in a forked process with limits.

What may run away there: time, memory, a library that aborts. It has the rights of whoever runs the
command, as the command has; so its answers come as pickles, which are ours.
"""

import signal
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from typing import Final, ParamSpec, TypeVar

from detectors.decode.memory import lacking, resident_bytes
from detectors.errors import ConfigError, Error
from provenance.engine.child import DEATH_SECONDS, Child, End, of_memory
from provenance.engine.limits import ROOM, MemoryLimit

P = ParamSpec("P")
T = TypeVar("T")

CPU_SECONDS: Final = 300.0
"""CPU seconds that reading one file may take: imports of 100,000 rows need under 30."""
CLOCK_SECONDS: Final = 120.0
"""Seconds on the clock without a word from the process."""
BATCH: Final = 256
"""Values that travel together."""
MAX_ERROR: Final = 200
"""Characters kept of a foreign error message."""
OUT_OF_MEMORY: Final = f"reading it would take more than {ROOM / 2**30:g} GiB of memory"
_VALUES, _END, _REFUSED, _FAILED = "values", "end", "refused", "failed"


def isolated(name: str, function: Callable[P, T], /, *args: P.args, **options: P.kwargs) -> T:
    """Return what a function returns, called in a limited process.

    Args:
        name: what it reads, for the sentence of an error.
        function: what to call; its result can be pickled.
        args: its arguments.
        options: its named arguments.

    Raises:
        ConfigError: the function raised it, or anything else; it died, or took too much time or
            memory.
    """

    def once() -> Iterator[T]:
        yield function(*args, **options)

    (result,) = streamed(name, once)
    return result


def streamed(
    name: str, function: Callable[P, Iterable[T]], /, *args: P.args, **options: P.kwargs
) -> Iterator[T]:
    """Yield what a function yields, called in a limited process, a few hundred values ahead.

    Arguments and errors as for `isolated`; what was yielded before one stands.
    """
    before = resident_bytes()
    child = Child(partial(_work, partial(function, *args, **options)))
    try:
        while True:
            if not child.pipe.poll(CLOCK_SECONDS):
                raise ConfigError(f"{name}: reading it was stopped after {CLOCK_SECONDS:g} seconds")
            what, said = child.pipe.recv()
            if what == _END:
                return
            if what != _VALUES:
                raise said if what == _REFUSED else ConfigError(f"{name}: {said}")
            yield from said
    except (EOFError, ConnectionResetError):
        raise ConfigError(f"{name}: {_why(child.kill(DEATH_SECONDS), before)}") from None
    finally:
        child.kill()


def _work(function: Callable[[], Iterable[object]], pipe: Connection) -> None:
    """Send what the function yields, in batches, and how it ended."""
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    MemoryLimit()
    batch: list[object] = []
    try:
        for value in function():
            batch.append(value)
            if len(batch) == BATCH:
                pipe.send((_VALUES, batch))
                batch = []
        pipe.send((_VALUES, batch))
        pipe.send((_END, None))
    except Error as error:
        pipe.send((_VALUES, batch))
        pipe.send((_REFUSED, error))
    except Exception as error:  # noqa: BLE001 - the border to readers of foreign files
        said = f"cannot be read ({type(error).__name__}: {str(error)[:MAX_ERROR]})"
        pipe.send((_FAILED, OUT_OF_MEMORY if lacking(error) else said))


def _why(end: End, before: int) -> str:
    """Return why a process ended without a word."""
    if end.code == -signal.SIGPROF:
        return f"reading it was stopped after {CPU_SECONDS:g} seconds"
    if of_memory(end, before):
        return OUT_OF_MEMORY
    ended = signal.Signals(-end.code).name if end.code < 0 else f"exit {end.code}"
    return f"the process that read it ended ({ended})"
