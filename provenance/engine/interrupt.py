"""SIGINT and SIGTERM, alike: the first lets a run write what is done, a second ends it.

Outside of a run they end the command at once. Its exit code then is 128 and the signal's number, as
shells have it, but as a code: the process is not killed by the signal.

Python loses an exception that a signal raises while a module is loaded, or makes another of it (in
a callback of the import's own lock, in `__set_name__`, under an `except Exception`). So nothing is
raised then: before the command is loaded the process ends at once, and later the signal waits.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, TypeVar, cast

T = TypeVar("T")

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
LOADS: Final = "importlib._bootstrap"
"""The module whose frames are those of an import."""
AGAIN: Final = 0.01
"""Seconds after which a signal that came during an import is sent once more."""


class Interrupted(BaseException):
    """The user, or whoever runs the command, wants it to end; nothing on the way may catch it."""

    def __init__(self, number: int) -> None:
        """Keep which signal it was."""
        super().__init__(number)
        self.code = 128 + number
        """The exit code."""


class Interruption:
    """What has come of the signals so far."""

    def __init__(self) -> None:
        """Start with none."""
        self.code = 0
        """The exit code of an interrupted run; 0: there was no signal."""
        self._waits = True
        """Whether a first signal waits for what is done."""

    def __call__(self) -> bool:
        """Tell whether there was a signal."""
        return bool(self.code)

    def notice(self, number: int, frame: FrameType | None) -> None:
        """Take a signal.

        Raises:
            Interrupted: it is the second one, or the run cannot go on by itself.
        """
        ends = bool(self.code) or not self._waits
        if ends and _put_off(number, frame):
            return  # it counts when it comes again
        self.code = 128 + number
        if ends:
            raise Interrupted(number)

    def at_once(self, work: Callable[[], T], otherwise: T) -> T:
        """Return what a function returns, or something else if a signal comes meanwhile."""
        self._waits = False
        try:
            return work()
        except Interrupted:
            return otherwise
        finally:
            self._waits = True

    def ending(self, things: Iterable[T]) -> Iterator[T]:
        """Yield things until there is a signal, even while one is waited for."""
        iterator, end = iter(things), object()
        while not self.code:
            thing = self.at_once(lambda: next(iterator, end), end)
            if thing is end:
                return
            yield cast("T", thing)


def leave_at_once() -> None:
    """Let signals end the process, which has nothing to say or to put away so far."""
    _let(lambda number, _frame: os._exit(128 + number))


def end_at_once() -> None:
    """Let signals end the command from now on, unless whoever started it has them ignored."""
    _let(_end)


def ignore() -> None:
    """Take no more notice of signals: the command is over."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _end(number: int, frame: FrameType | None) -> None:
    if not _put_off(number, frame):
        raise Interrupted(number)


def _put_off(number: int, frame: FrameType | None) -> bool:
    """Tell whether a module is being loaded; if so, the signal comes again soon."""
    while frame:
        if frame.f_globals.get("__name__") == LOADS:
            main = threading.main_thread().ident  # which may wait in a call that this breaks off
            threading.Timer(AGAIN, signal.pthread_kill, [main, number]).start()
            return True
        frame = frame.f_back
    return False


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Let the first signal end a run after what is done, and a second one at once."""
    interruption = Interruption()
    before = [signal.getsignal(number) for number in SIGNALS]
    _let(interruption.notice)
    try:
        yield interruption
    finally:
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)


def _let(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` and `&` of a script ask
            signal.signal(number, handler)
