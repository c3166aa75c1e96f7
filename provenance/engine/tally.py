"""Counts as records pass, and the exit code that follows."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from detectors.signal import Outcome
from provenance.record import Record, Risk

OK, FLAGGED, USAGE, UNCHECKED, INTERRUPTED = 0, 1, 2, 3, 130


class Tally:
    """What a run came to."""

    def __init__(self, fail_on: Risk | None, unchecked: Callable[[Record], None]) -> None:
        """Start at nothing.

        Args:
            fail_on: the risk from which on an item is flagged; None: never.
            unchecked: told of every record of an item that could not be checked whole.
        """
        self.risks: Counter[Risk] = Counter()
        self.flagged = 0
        self.unchecked = 0
        self.interrupted = False
        self._fail_on = fail_on
        self._tell = unchecked

    @property
    def checked(self) -> int:
        """Records that passed."""
        return self.risks.total()

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Give the records on, counted."""
        for record in records:
            self.risks[record.verdict.risk] += 1
            self.flagged += self._reaches(record)
            if could_not_check(record):
                self.unchecked += 1
                self._tell(record)
            yield record

    def _reaches(self, record: Record) -> bool:
        return self._fail_on is not None and record.verdict.risk.rank >= self._fail_on.rank

    @property
    def exit_code(self) -> int:
        """The exit code: interrupted, then flagged, then not checked, else 0."""
        if self.interrupted:
            return INTERRUPTED
        if self.flagged:
            return FLAGGED
        return UNCHECKED if self.unchecked else OK


def could_not_check(record: Record) -> bool:
    """Tell whether an item could not be read or is unsupported, or a detector failed on it."""
    return any(
        signal.outcome is Outcome.FAILED
        or (signal.detector == "item" and signal.outcome is Outcome.NOT_ASSESSED)
        for signal in record.signals
    )
