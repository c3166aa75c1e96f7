"""A bank in use: put in order for searching, and kept up with what others write to it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from detectors.bank.chance.file import load_calibration
from detectors.bank.entry import Status
from detectors.bank.folder.store import Bank
from detectors.bank.server.store import ServerBank
from detectors.decode.memory import loading

if TYPE_CHECKING:
    from detectors.bank.location import Logged
    from detectors.bank.matching.decisions import Holds
    from detectors.bank.matching.search import Searcher

SHARE: Final = 20
"""Additions wait until this many times the seconds have passed that putting the bank in order last
took, so that steady additions to a large bank cost at most a twentieth of a worker's time."""


class Watched:
    """A bank and its searcher.

    A folder stays as it was when it was opened; a long-lived process asks whether it is `outdated`,
    and opens it anew. A server is asked for changes before each item, but
    not more often than every so many seconds; a changed entry, withdrawn ones above all, counts at
    once, a new one after a while that depends on the size of the bank.
    """

    def __init__(self, store: "Logged", seconds: float, clock: Callable[[], float]) -> None:
        self.store = store
        self._seconds, self._clock = seconds, clock
        self._tables, self.calibration = load_calibration(store.path)
        """The tables of false match rates, and what names them; the shipped ones have no name."""
        self._searcher: Searcher | None = None
        self._entries = len(store.entries)
        """How many are in order."""
        self._holds: tuple[int, Holds] | None = None
        self._asked = clock()
        self._due = 0.0

    @property
    def waiting(self) -> int:
        """How many entries are not in order yet."""
        return len(self.store.entries) - self._entries

    @property
    def state(self) -> str:
        """Name of the bank and number of its last change; after a hyphen, entries that wait."""
        waiting = f"-{self.waiting}" if self.waiting else ""
        return f"{self.store.name}@{self.store.changes}{waiting}"

    def searcher(self) -> "Searcher":
        """Return the bank, its index up to date.

        Raises:
            ConfigError: the server cannot be asked.
        """
        if self._searcher is None or not self._refreshed(self._searcher) or self._late():
            from detectors.bank.matching.search import Searcher

            began = self._clock()
            with loading():
                self._searcher = Searcher(self.store, self._tables)
                self._entries = len(self.store.entries)
                if isinstance(self.store, ServerBank):
                    self._searcher.index.prepare()
            ended = self._clock()
            self._due = ended + SHARE * (ended - began)
        return self._searcher

    def outdated(self) -> bool:
        """Tell whether a folder has changed so that it is to be opened anew, by the same waits.

        Raises:
            Error: the folder is gone or damaged.
        """
        now = self._clock()
        if not isinstance(self.store, Bank) or now - self._asked < self._seconds:
            return False
        self._asked = now
        news = self.store.news()
        return any(entry.status is not Status.ACTIVE for entry in news) or (
            bool(news) and now >= self._due
        )

    def holds(self) -> "Holds":
        """Return what was decided of pictures in the bank as it stands."""
        from detectors.bank.matching.decisions import Holds

        if self._holds is None or self._holds[0] != self.store.changes:
            self._holds = self.store.changes, Holds(self.store, innocents=False)
        return self._holds[1]

    def _refreshed(self, searcher: "Searcher") -> bool:
        """Ask the server, if it is time; tell whether the order may stay."""
        now = self._clock()
        if not isinstance(self.store, ServerBank) or now - self._asked < self._seconds:
            return True
        changed = self.store.refresh()
        self._asked = now
        return all(searcher.index.restate(entry) for entry in changed)

    def _late(self) -> bool:
        return len(self.store.entries) > self._entries and self._clock() >= self._due
