"""How far a long command has come, on stderr: standard output belongs to what was asked for."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Final, Self, TypeVar

T = TypeVar("T")

REDRAWN: Final = 0.1
"""Seconds between two states of the line on a terminal."""
LOGGED: Final = 60.0
"""Seconds between two lines elsewhere: a log of an hour has sixty."""
STEADY: Final = 5.0
"""Seconds after the first thing before the time left is told: the first ones pay for the start."""
WIDTH: Final = 80
"""Columns of a terminal that does not say how many it has."""
SHORT: Final = 90.0
"""Seconds left up to which they are told as seconds."""


class Progress:
    """Counts what is done: one line, redrawn, on a terminal; a line a minute elsewhere.

    Nothing runs in the background, so whoever prints next calls `clear` before.
    """

    def __init__(
        self,
        what: str,
        total: int | None = None,
        *,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start at nothing.

        Args:
            what: is being done, as it stands before the count.
            total: how many things there are; None: not known.
            quiet: say nothing at all.
            clock: seconds.
        """
        self._what, self._total, self._quiet, self._clock = what, total, quiet, clock
        self._live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._shared = self._live and sys.stdout.isatty()
        self._done = 0
        self._first = self._told = clock()
        self._drawn, self._gone = False, self._live  # at once, where it is seen

    def __enter__(self) -> Self:
        """Return itself; the line is cleared at the end."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        """Clear the line."""
        self.clear()

    def step(self) -> None:
        """Count one thing, and say so where it is time to."""
        self._done += 1
        now = self._clock()
        if self._done == 1:
            self._first = now
        due = now - self._told >= (REDRAWN if self._live else LOGGED)
        if (due or self._gone) and not self._quiet:
            self._told = now
            self._tell(now)

    def watch(self, things: Iterable[T]) -> Iterator[T]:
        """Yield things, each counted once it was taken; whoever takes them may print meanwhile."""
        for thing in things:
            if self._shared:
                self.clear()
            yield thing
            self.step()
        self.clear()

    def clear(self) -> None:
        """Take the line off the terminal, so that something else can be printed."""
        if self._drawn:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
            self._drawn, self._gone = False, True

    def _tell(self, now: float) -> None:
        text = self._line(now)
        if self._live:
            columns = os.get_terminal_size(sys.stderr.fileno()).columns or WIDTH
            sys.stderr.write(f"\r\033[K{text[: columns - 1]}")
            sys.stderr.flush()
            self._drawn, self._gone = True, False
        else:
            sys.stderr.write(f"provenance: {text}\n")

    def _line(self, now: float) -> str:
        """Return what there is to say: the count, the rate, the time left."""
        known = self._total is not None and self._done <= self._total
        words = f"{self._what}: {self._done:,}" + (f" of {self._total:,}" if known else "")
        spent = now - self._first
        if spent < STEADY or self._done <= 1:
            return words
        rate = (self._done - 1) / spent
        words += f", {rate:,.1f} a second"
        if self._total is None or not known:
            return words
        return f"{words}, {_left((self._total - self._done) / rate)}"


def _left(seconds: float) -> str:
    """Return the time left, no more exact than an average of things so far allows."""
    if seconds < SHORT:
        return f"about {10 * max(1, round(seconds / 10))} s left"
    minutes = round(seconds / 60)
    return f"about {minutes} min left" if minutes < 100 else f"about {minutes / 60:.0f} h left"
