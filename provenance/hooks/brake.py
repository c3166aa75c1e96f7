"""When people are asked before anything more is done: too much of the last hour is flagged."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from provenance.hooks.state import State
from provenance.record import Record, Risk

LEAST: Final = 50
"""Decisions in the hour, below which the brake is never pulled."""
MINUTES: Final = 60
"""That count."""

Alert = Callable[[str], None]
"""Told that the brake went on."""


class Brake(Protocol):
    """What tells whether people are to look first."""

    def judged(self, record: Record) -> None:
        """Count a record."""
        ...

    def holds(self) -> bool:
        """Tell whether the brake is on; it goes on here where it is due."""
        ...


class StoredBrake:
    """A brake whose count workers share by the file of their decisions."""

    def __init__(self, state: State, share: float, alert: Alert) -> None:
        """Take how much may be flagged.

        Args:
            state: counts decisions.
            share: of an hour's decisions that flag, above which it goes on; in (0, 1).
            alert: told of it.
        """
        self._state, self._share, self._alert = state, share, alert

    def judged(self, _record: Record) -> None:
        """Do nothing: what is stored is counted."""

    def holds(self) -> bool:
        """Tell whether the brake is on, and put it on where it is due.

        Raises:
            UnavailableError: the file cannot be read or written.
        """
        if self._state.brake_is_on():
            return True
        count, flagged = self._state.last_hour()
        if not _due(count, flagged, self._share):
            return False
        if self._state.pull_brake():
            self._alert(_why(count, flagged))
        return True


class HourBrake:
    """A brake of one process, which counts by the minute and stores nothing. Any thread may ask."""

    def __init__(
        self,
        share: float,
        fail_on: Risk | None,
        alert: Alert,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take how much may be flagged.

        Args:
            share: of an hour's records that flag, above which it goes on; in (0, 1).
            fail_on: the risk from which on a record flags; None: none does.
            alert: told of it.
            clock: seconds.
        """
        self._share, self._fail_on, self._alert, self._clock = share, fail_on, alert, clock
        self._lock, self._on = threading.Lock(), False
        self._minutes = deque[list[int]]()
        """Minute, records, those that flag; the oldest first."""

    def judged(self, record: Record) -> None:
        """Count a record."""
        flags = self._fail_on is not None and record.verdict.risk.rank >= self._fail_on.rank
        with self._lock:
            minute = self._forget()
            if not self._minutes or self._minutes[-1][0] != minute:
                self._minutes.append([minute, 0, 0])
            self._minutes[-1][1] += 1
            self._minutes[-1][2] += flags

    def holds(self) -> bool:
        """Tell whether the brake is on, and put it on where it is due."""
        with self._lock:
            self._forget()
            count, flagged = (sum(minute[at] for minute in self._minutes) for at in (1, 2))
            goes_on = not self._on and _due(count, flagged, self._share)
            self._on = self._on or goes_on
            on = self._on
        if goes_on:
            self._alert(_why(count, flagged))
        return on

    def release(self) -> bool:
        """Take the brake off: what was judged before no longer counts. Tell whether it was on."""
        with self._lock:
            was, self._on = self._on, False
            self._minutes.clear()
        return was

    def _forget(self) -> int:
        """Forget what is too old; return the minute of now."""
        minute = int(self._clock() // 60)
        while self._minutes and self._minutes[0][0] <= minute - MINUTES:
            self._minutes.popleft()
        return minute


def _due(count: int, flagged: int, share: float) -> bool:
    return count >= LEAST and flagged > share * count


def _why(count: int, flagged: int) -> str:
    return f"{flagged} of the last hour's {count} decisions are flagged"
