"""Look-ups of hashes in banks, without a picture: what known entries lie near."""

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from detectors.bank import feeds
from detectors.bank.entry import EXACT, Entry, Hash, History, Status
from detectors.bank.location import location_of, opened
from detectors.bank.matching.search import MOST_CHANCE
from detectors.bank.matching.watched import Watched
from detectors.errors import Error

if TYPE_CHECKING:
    from detectors.bank.feeds import FeedState
    from detectors.bank.matching.decisions import Holds
    from detectors.bank.matching.index import Near
    from detectors.bank.matching.search import Searcher

REFRESH: Final = 1.0
"""Seconds for which a bank may be taken to stand as it did."""
BEYOND: Final = 257
"""More bits than any two hashes differ in."""
NOTHING: Final = bytes(32)
"""A hash that no picture has, asked once so that the first question finds all in memory."""


class NoPdqError(ValueError):
    """This text is no PDQ hash."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of a bank that lies near a hash, or has the same digest."""

    entry: str
    kind: str = msgspec.field(name="class")
    distance: int
    """Differing bits; 0 for equal digests."""
    false_match_probability: float
    """Of a match as near with anything in the bank, by an unrelated picture."""
    bank: str
    change: int
    """Number of the change that made the entry, from 1."""
    claim: Literal["known_fake", "known_innocent"] | None
    """None where it is disputed or was taken back, where a harmless picture is at least as near, or
    where a bank of this size meets such a match by chance."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How a bank stands that is looked up in."""

    bank: str
    id: str
    changes: int
    entries: int
    hashes: int
    """PDQ hashes that count."""
    modified: str
    """When the last change was made, RFC 3339; empty for a bank without one."""


class _Ready(msgspec.Struct, frozen=True):
    """A bank that is in order to be asked."""

    searcher: "Searcher"
    holds: "Holds"
    history: History
    state: State
    chances: dict[tuple[str, int], float] = {}
    """Class of an entry and differing bits → chance of a match by chance, as it was asked for."""

    def near(self, pdq: bytes) -> list[Found]:
        """Return the entries within reach of a PDQ hash, nearest first."""
        close = self.searcher.index.within_reach(pdq)
        held = bool(close) and bool(self.holds.of_entry(_entry({"pdq": pdq.hex()})))
        harmless = min((each.distance for each in close if each.entry.innocent), default=BEYOND)
        found = []
        for each in close:
            chance = self._chance(each)
            doubtful = held or harmless <= each.distance or chance > MOST_CHANCE
            found.append(self._found(each.entry, each.ordinal, each.distance, chance, doubtful))
        return found

    def _chance(self, near: "Near") -> float:
        """Return the chance that an unrelated picture comes as near to anything in the bank."""
        key = near.entry.kind, near.distance
        if key not in self.chances:
            one = self.searcher.tables.by_hash(near.distance, near.entry.kind, near.algorithm)
            self.chances[key] = float(f"{one.bank_wide(self.state.hashes).point:.3g}")
        return self.chances[key]

    def same(self, digests: Mapping[str, str]) -> list[Found]:
        """Return the entries of a file, by its digests."""
        index = self.searcher.index
        same = {entry.id: entry for digest in digests.items() for entry in index.exact(*digest)}
        held = bool(same) and bool(self.holds.of_entry(_entry(digests)))
        doubtful = held or any(entry.innocent for entry in same.values())
        places = [(index.entries.ordinal(name), entry) for name, entry in same.items()]
        return [
            self._found(entry, ordinal, 0, 0.0, doubtful)
            for ordinal, entry in places
            if ordinal is not None
        ]

    def _found(
        self, entry: Entry, ordinal: int, distance: int, chance: float, doubtful: bool
    ) -> Found:
        claim: Literal["known_fake", "known_innocent"] | None = None
        if entry.status is Status.ACTIVE:
            claim = "known_innocent" if entry.innocent else None if doubtful else "known_fake"
        return Found(
            entry=entry.id,
            kind=entry.kind.value,
            distance=distance,
            false_match_probability=chance,
            bank=self.state.bank,
            change=int(self.history.made[ordinal]),
            claim=claim,
        )


class LookUp:
    """Banks that hashes are looked up in.

    Questions never read a file or ask a server; `refresh` does, in a thread of its own.
    """

    def __init__(self, banks: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        """Open the banks and put them in order.

        Args:
            banks: folders or addresses.
            clock: seconds, by which it is told when a bank is to be looked at again.

        Raises:
            ConfigError: one cannot be used.
        """
        self._names, self._clock = [*banks], clock
        self._banks = [self._watched(name) for name in banks]
        self._ready = [_ready(bank) for bank in self._banks]
        self._feeds = self._followed()

    def refresh(self) -> None:
        """Take in what was changed in the banks since; what was withdrawn counts at once.

        Raises:
            Error: a bank cannot be read any more; the others and this one stand as they did.
        """
        for number, bank in enumerate(self._banks):
            if bank.outdated():
                self._banks[number] = self._watched(self._names[number])
        self._ready = [
            ready if _stands(ready, bank) else _ready(bank)
            for ready, bank in zip(self._ready, self._banks, strict=True)
        ]
        self._feeds = self._followed()

    @contextmanager
    def kept_up(self, tell: Callable[[str], None]) -> Iterator[None]:
        """Refresh the banks as long as the context lasts, in a thread.

        Args:
            tell: told once of each error.
        """
        ended = Event()

        def refresh() -> None:
            last = ""
            while not ended.wait(REFRESH):
                try:
                    self.refresh()
                    last = ""
                except Error as error:
                    if str(error) != last:
                        tell(str(error))
                    last = str(error)

        thread = Thread(target=refresh, name="banks", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def states(self) -> list[State]:
        """Return how the banks stand."""
        return [ready.state for ready in self._ready]

    def feeds(self) -> dict[str, dict[str, "FeedState"]]:
        """Return the feeds that fill the banks: name of a bank → name of a feed → its state."""
        return self._feeds

    def by_pdq(self, value: str) -> list[Found]:
        """Return the entries within PDQ's matching distance of a hash, of each bank nearest first.

        Args:
            value: 64 hex digits.

        Raises:
            NoPdqError: it is no hash.
        """
        pdq = parsed(value)
        return [found for ready in self._ready for found in ready.near(pdq)]

    def by_file(self, data: bytes, pdq: str) -> list[Found]:
        """Return the entries of a file by its digests, then those near its hash, each once.

        Args:
            data: all of it.
            pdq: its hash; empty where it has none.
        """
        digests = {
            name: hashlib.new(name, data, usedforsecurity=False).hexdigest() for name in EXACT
        }
        same = [found for ready in self._ready for found in ready.same(digests)]
        known = {(found.bank, found.entry) for found in same}
        near = self.by_pdq(pdq) if pdq else []
        return same + [found for found in near if (found.bank, found.entry) not in known]

    def _followed(self) -> dict[str, dict[str, "FeedState"]]:
        return {
            bank.store.name: feeds.feeds(location_of(name))
            for name, bank in zip(self._names, self._banks, strict=True)
        }

    def _watched(self, name: str) -> Watched:
        return Watched(opened(location_of(name)), REFRESH, self._clock)


def parsed(value: str) -> bytes:
    """Return the bytes of a PDQ hash.

    Raises:
        NoPdqError: it is none.
    """
    lower = value.lower()
    if not re.fullmatch(r"[0-9a-f]{64}", lower):
        raise NoPdqError("a PDQ hash has 64 hex digits")
    return bytes.fromhex(lower)


def _ready(bank: Watched) -> _Ready:
    searcher = bank.searcher()
    holds = bank.holds()
    searcher.index.within_reach(NOTHING)
    holds.of_entry(_entry({"pdq": NOTHING.hex()}))
    history = bank.store.history()
    state = State(
        bank=bank.store.name,
        id=bank.store.id,
        changes=bank.store.changes,
        entries=len(searcher.index),
        hashes=searcher.index.hashes("pdq"),
        modified=history.changed,
    )
    return _Ready(searcher, holds, history, state)


def _stands(ready: _Ready, bank: Watched) -> bool:
    """Tell whether a bank is as it was when it was put in order."""
    return ready.searcher is bank.searcher() and ready.state.changes == bank.store.changes


def _entry(hashes: Mapping[str, str]) -> Entry:
    """Return an entry that has these hashes, to ask what holds for its picture."""
    return Entry(
        id="",
        hashes={name: (Hash(value),) for name, value in hashes.items()},
        created="",
        modified="",
    )


def tlps(banks: Sequence[str]) -> Callable[[str | None, str | None], str | None]:
    """Return what tells whom an entry may be shown to, by the name of its bank and its id.

    Args:
        banks: names or addresses.

    Raises:
        ConfigError: one cannot be opened.
    """
    stores = {store.name: store for store in map(opened, map(location_of, banks))}

    def tlp_of(bank: str | None, entry: str | None) -> str | None:
        store = stores.get(bank or "")
        found = store.entries.get(entry or "") if store else None
        return found.tlp.value if found else None

    return tlp_of
