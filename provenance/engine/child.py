"""Child processes: forked, with a pipe to the parent, and gone when the parent is gone."""

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterable
from functools import cache
from multiprocessing.connection import Connection, Pipe
from threading import Thread
from typing import Any, Final, NamedTuple, NoReturn, Protocol

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


class Process(Protocol):
    """A child of this process, or of a server that forks for it."""

    pipe: Connection
    """This process's end of the pipe to it."""

    def kill(self, patience: float = 0) -> End:
        """End the process, after so many seconds for an end of its own; return how it ended."""
        ...


class Child:
    """A forked process that runs a function with its end of a pipe."""

    def __init__(self, work: Callable[[Connection], None]) -> None:
        """Start the process.

        Args:
            work: what it does; the process ends when it returns.
        """
        self.pipe, theirs = Pipe()
        self.end: End | None = None
        inherited = [self.pipe, *(child.pipe for child in _CHILDREN), *UNSHARED]
        self.pid = fork(work, theirs, inherited)
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
            self.end = end_of(*ended[1:])
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


UNSHARED: Final["set[Closable]"] = set()
"""Files that a child closes first: a lock holds for as long as anybody has its file open."""
_CHILDREN: Final[set[Child]] = set()
"""Children of this process. A new one closes the others' pipes, so that each sees its own close."""


def end_of(status: int, usage: Any) -> End:
    """Return how a process ended, from what `os.wait4` says of it."""
    unit = 1 if sys.platform == "darwin" else KILOBYTE
    return End(os.waitstatus_to_exitcode(status), usage.ru_maxrss * unit)


def fork(
    work: Callable[[Connection], None],
    pipe: Connection,
    inherited: "Iterable[Closable]",
    watched: Iterable[int] = (),
) -> int:
    """Fork a process that does some work and ends; return its id.

    Args:
        work: what it does with its end of a pipe.
        pipe: that end.
        inherited: what the process closes first, since it belongs to this one.
        watched: further pipes whose close ends the process, as the end of this process does.
    """
    reading, writing = _parent_pipe()
    pid = os.fork()
    if pid == 0:
        _live(work, pipe, [*inherited], writing, [reading, *watched])
    return pid


class Closable(Protocol):
    """A connection or socket."""

    def close(self) -> None:
        """Close it."""
        ...


@cache
def _parent_pipe() -> tuple[int, int]:
    """Return the two ends of a pipe that nobody writes to, the same at every call.

    Only the parent keeps the end for writing, so whoever sees it closed has lost the parent,
    however that ended. A pid would say nothing: it is given anew.
    """
    return os.pipe()


def _live(
    work: Callable[[Connection], None],
    pipe: Connection,
    inherited: list[Closable],
    writing: int,
    watched: list[int],
) -> NoReturn:
    """Do the work of a child, and end without taking the libraries down in order."""
    code = 1
    try:
        _detach(inherited, writing, watched)
        work(pipe)
        code = 0
    except (BrokenPipeError, ConnectionResetError, EOFError):
        pass  # the parent is gone
    except Exception as error:  # noqa: BLE001 - whatever it is, this process ends here
        sys.stderr.write(f"provenance: a worker ended: {type(error).__name__}\n")
        sys.stderr.flush()
    finally:
        os._exit(code)


def _detach(inherited: list[Closable], writing: int, watched: list[int]) -> None:
    """Close what is the parent's: its ends of pipes, its signals, its standard output."""
    os.close(writing)
    for end in inherited:
        end.close()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    for number in (signal.SIGTERM, signal.SIGPROF, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    os.dup2(2, 1)  # standard output belongs to the parent's records: a library that prints is heard
    sys.stdout = sys.stderr  # on stderr, and what the parent has not flushed yet is not said twice
    Thread(target=_until_the_parent_ends, args=(watched,), daemon=True).start()


def _until_the_parent_ends(watched: list[int]) -> None:
    select.select(watched, [], [])
    os._exit(0)


def of_memory(end: End, before: int) -> bool:
    """Tell whether a child's limit explains its death: native code gets no memory and aborts.

    Args:
        end: how it ended.
        before: bytes of memory it held before the work at hand; 0: not known, or without a limit.
    """
    return before > 0 and -end.code in ABORTS and end.peak - before > NEAR
