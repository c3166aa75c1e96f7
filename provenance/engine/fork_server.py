"""A process that forks workers for a parent that may not fork: a long-lived or threaded one.

Forking a process with threads copies their locks as they stand, and the child may wait for ever. So
the parent starts a fresh interpreter, which has no threads and loads nothing but this package, and
asks it for workers. Unlike the fork server of `multiprocessing` it binds no socket in a folder, so
that it works where TMPDIR is read-only or its name is long, and it never imports the main module of
the parent, so that a script needs no guard.

One request is 9 bytes on a pair of sockets: `w` with three descriptors (the worker's end of its
pipe, where its id and its end are told, and the memory of its position), or `k` and the id of a
worker to kill. Only the server reaps
workers, so an id that it still knows is never that of another process. The CPU time of a worker
becomes that of the parent's children when the parent closes the server, which waits for it.
"""

import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Final

from provenance.engine.child import End, end_of, fork
from provenance.engine.config import RunConfig
from provenance.engine.position import Position, Started, mappable, mapped
from provenance.engine.worker import Limits
from provenance.engine.worker import serve as work

REQUEST: Final = struct.Struct("!cq")
"""What is asked, and of which process; 0 where it is not asked of one."""
STARTED: Final = struct.Struct("!q")
"""Id of a worker."""
ENDED: Final = struct.Struct("!qq")
"""Exit code of a worker (negative: minus the signal), and most bytes of memory it held."""
FORK, KILL = b"w", b"k"
DESCRIPTORS: Final = 3
"""Descriptors that come with a request for a worker."""
COMMAND: Final = (
    "import sys; sys.path[:] = sys.argv[3:]; from provenance.engine.fork_server import serve; "
    "serve(int(sys.argv[1]), int(sys.argv[2]))"
)
LOST: Final = End(-signal.SIGKILL, 0)
"""How a worker ended of which the server, itself killed, can say nothing."""


class ForkServer:
    """The server, as its parent sees it. One thread of the parent uses it."""

    def __init__(self) -> None:
        """Start the server.

        Raises:
            OSError: the interpreter cannot be started.
        """
        self._asked, theirs = socket.socketpair()
        reading, self._writing = os.pipe()
        with theirs:
            descriptors = theirs.fileno(), reading
            path = [entry or str(Path.cwd()) for entry in sys.path]
            self._server = subprocess.Popen(  # noqa: S603 - this interpreter, and words of ours
                [sys.executable, "-P", "-c", COMMAND, *map(str, descriptors), *path],
                stdin=subprocess.DEVNULL,
                stdout=2,
                pass_fds=descriptors,
            )
        os.close(reading)

    @property
    def runs(self) -> bool:
        """Whether the server is there."""
        return self._server.poll() is None

    def start(self, config: RunConfig, limits: Limits) -> Started:
        """Start a worker.

        Args:
            config: detectors, options and policy.
            limits: of the stages of a check.

        Raises:
            OSError: the server is gone.
        """
        ours, theirs = Pipe()
        told, tells = socket.socketpair()
        with theirs, tells:
            memory = mappable()
            position = Position(config, mapped(os.dup(memory)))
            descriptors = [theirs.fileno(), tells.fileno(), memory]
            try:
                socket.send_fds(self._asked, [REQUEST.pack(FORK, 0)], descriptors)
            finally:
                os.close(memory)
        ours.send((config, limits))
        return Started(ForkedWorker(ours, told, self.kill), position)

    def kill(self, pid: int) -> None:
        """Kill a worker, if it is still there."""
        with suppress(OSError):
            self._asked.sendall(REQUEST.pack(KILL, pid))

    def close(self) -> None:
        """End the server and its workers, and wait for it: then their CPU time is counted."""
        self._asked.close()
        os.close(self._writing)
        self._server.wait()


class ForkedWorker:
    """A worker that the server forked."""

    def __init__(self, pipe: Connection, told: socket.socket, kill: Callable[[int], None]) -> None:
        """Take over the worker's pipe, and the socket on which its end will be told."""
        self.pipe = pipe
        self._told, self._kill = told, kill
        self._end: End | None = None

    def kill(self, patience: float = 0) -> End:
        """End the process, after so many seconds for an end of its own; return how it ended."""
        if self._end is None:
            self._end = self._ended(patience)
            self._told.close()
            self.pipe.close()
        return self._end

    def _ended(self, patience: float) -> End:
        started = self._read(STARTED.size, None)
        if not started:
            return LOST
        ended = self._read(ENDED.size, patience)
        if ended is None:
            self._kill(*STARTED.unpack(started))
            ended = self._read(ENDED.size, None)
        return End(*ENDED.unpack(ended)) if ended else LOST

    def _read(self, size: int, patience: float | None) -> bytes | None:
        """Read what the server tells: nothing where it is gone, None where it takes too long."""
        self._told.settimeout(max(patience, 0.001) if patience is not None else None)
        try:
            return self._told.recv(size, socket.MSG_WAITALL)
        except TimeoutError:
            return None
        except OSError:
            return b""


def serve(asked: int, lifeline: int) -> None:
    """Fork workers until the parent closes its end: the life of the server.

    Args:
        asked: descriptor of the socket that requests come through.
        lifeline: descriptor of a pipe that closes when the parent ends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    requests = socket.socket(fileno=asked)
    workers: dict[int, socket.socket] = {}
    woken, wakes = socket.socketpair()
    os.set_blocking(wakes.fileno(), False)
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    selector = selectors.DefaultSelector()
    selector.register(requests, selectors.EVENT_READ)
    selector.register(woken, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is woken:
                woken.recv(4096)
                _reap(workers)
            elif not _answer(requests, lifeline, workers, [requests, woken, wakes, selector]):
                _end(workers)
                return


def _answer(
    requests: socket.socket,
    lifeline: int,
    workers: dict[int, socket.socket],
    inherited: "list[socket.socket | selectors.BaseSelector]",
) -> bool:
    """Do what is asked; tell whether there was a request."""
    data, descriptors, _, _ = socket.recv_fds(requests, REQUEST.size, DESCRIPTORS)
    while 0 < len(data) < REQUEST.size and (more := requests.recv(REQUEST.size - len(data))):
        data += more
    if len(data) < REQUEST.size:
        return False
    what, pid = REQUEST.unpack(data)
    if what == KILL:
        if pid in workers:
            os.kill(pid, signal.SIGKILL)
        return True
    if len(descriptors) < DESCRIPTORS:
        for descriptor in descriptors:
            os.close(descriptor)
        return True
    pipe, tells = Connection(descriptors[0]), socket.socket(fileno=descriptors[1])
    work_there = partial(_work, descriptors[2])
    try:
        with pipe:
            pid = fork(work_there, pipe, [*inherited, tells, *workers.values()], [lifeline])
    finally:
        os.close(descriptors[2])
    workers[pid] = tells
    with suppress(OSError):
        tells.sendall(STARTED.pack(pid))
    return True


def _work(memory: int, pipe: Connection) -> None:
    """Receive a configuration, and check items under it."""
    config, limits = pipe.recv()
    work(config, limits, mapped(memory), pipe)


def _reap(workers: dict[int, socket.socket]) -> None:
    """Tell how workers ended that have ended."""
    while workers:
        pid, status, usage = os.wait4(-1, os.WNOHANG)
        if not pid:
            return
        with workers.pop(pid) as tells, suppress(OSError):
            tells.sendall(ENDED.pack(*end_of(status, usage)))


def _end(workers: dict[int, socket.socket]) -> None:
    """End every worker: those without work end by themselves, since their pipes are closed."""
    until = time.monotonic() + 1.0
    while workers and time.monotonic() < until:
        _reap(workers)
        time.sleep(0.005)
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    while workers:
        pid, status, usage = os.wait4(-1, 0)
        with workers.pop(pid) as tells, suppress(OSError):
            tells.sendall(ENDED.pack(*end_of(status, usage)))
