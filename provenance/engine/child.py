"""Child processes: forked, with a pipe to the parent, and gone when the parent is gone."""

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import cache
from multiprocessing.connection import Connection, Pipe
from threading import Thread
from typing import Any, Final, NamedTuple, NoReturn

from provenance.engine.limits import NEAR

KILOBYTE: Final = 1024
"""Bytes of a unit of `ru_maxrss` on Linux; macOS counts bytes."""
DEATH_SECONDS: Final = 1.0
"""Seconds on the clock that a child that closed its pipe has for dying of its own signal."""
ABORTS: Final = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGKILL, signal.SIGTRAP)
"""How native code ends when it gets no memory, and how the kernel ends whoever took too much."""


class End(NamedTuple):
    """How a child ended."""

    code: int
    """Exit code; negative: minus the signal."""
    peak: int
    """Most bytes of memory it held."""


class Child:
    """A forked process that runs a function with its end of a pipe."""

    def __init__(self, work: Callable[[Connection], None]) -> None:
        """Start the process.

        Args:
            work: what it does; the process ends when it returns.
        """
        _parent_pipe()
        self.pipe, theirs = Pipe()
        self.end: End | None = None
        self.pid = os.fork()
        if self.pid == 0:
            _live(work, theirs, self.pipe)
        theirs.close()
        _CHILDREN.add(self)

    def kill(self, patience: float = 0) -> End:
        """End the process, and say how it ended.

        Args:
            patience: seconds to wait for an end of its own.
        """
        if self.end is None:
            ended = self._waited(patience)
            if ended is None:
                os.kill(self.pid, signal.SIGKILL)
                ended = os.wait4(self.pid, 0)
            unit = 1 if sys.platform == "darwin" else KILOBYTE
            self.end = End(os.waitstatus_to_exitcode(ended[1]), ended[2].ru_maxrss * unit)
            _CHILDREN.discard(self)
            self.pipe.close()
        return self.end

    def _waited(self, patience: float) -> tuple[int, int, Any] | None:
        """Wait for the process to end by itself; return None if it does not."""
        until = time.monotonic() + patience
        while True:
            ended = os.wait4(self.pid, os.WNOHANG)
            if ended[0]:
                return ended
            if time.monotonic() >= until:
                return None
            time.sleep(0.005)


_CHILDREN: Final[set[Child]] = set()
"""Of this process. A new one lets go of the others' pipes, so that each sees its own close."""


@cache
def _parent_pipe() -> tuple[int, int]:
    """Return the two ends of a pipe that nobody writes to, the same at every call.

    Only the parent keeps the end for writing, so whoever sees it closed has lost the parent,
    however that ended. A pid would say nothing: it is given anew.
    """
    return os.pipe()


def _live(work: Callable[[Connection], None], pipe: Connection, other: Connection) -> NoReturn:
    """Live the life of a child, and end without taking the libraries down in order."""
    code = 1
    try:
        _settle_in(other)
        work(pipe)
        code = 0
    except (BrokenPipeError, ConnectionResetError, EOFError):
        pass  # the parent is gone
    except Exception as error:  # noqa: BLE001 - whatever it is, this process ends here
        sys.stderr.write(f"provenance: a worker ended: {type(error).__name__}\n")
        sys.stderr.flush()
    finally:
        os._exit(code)


def _settle_in(other: Connection) -> None:
    """Let go of what is the parent's: its ends of pipes, its signals, its standard output."""
    reading, writing = _parent_pipe()
    os.close(writing)
    other.close()
    for sibling in _CHILDREN:
        sibling.pipe.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    os.dup2(2, 1)  # standard output belongs to the parent's records: a library that prints is heard
    sys.stdout = sys.stderr  # on stderr, and what the parent has not flushed yet is not said twice
    Thread(target=_until_the_parent_ends, args=(reading,), daemon=True).start()


def _until_the_parent_ends(reading: int) -> None:
    os.read(reading, 1)
    os._exit(0)


def of_memory(end: End, before: int) -> bool:
    """Tell whether a child's limit explains its death: native code gets no memory and aborts.

    Args:
        end: how it ended.
        before: bytes of memory it held before the work at hand; 0: not known, or without a limit.
    """
    return before > 0 and -end.code in ABORTS and end.peak - before > NEAR
