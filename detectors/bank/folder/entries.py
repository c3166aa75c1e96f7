"""The entries of a bank, by id, as if all were in memory: the generation's are read when wanted."""

from collections.abc import Iterator, Mapping, ValuesView
from typing import TYPE_CHECKING

from detectors.bank.entry import Entry

if TYPE_CHECKING:
    from detectors.bank.folder.snapshot import Generation


class Entries(Mapping[str, Entry]):
    """Entries by id, withdrawn ones too, in the order in which they first came.

    An entry's place is its number in that order.
    """

    def __init__(self, saved: "Generation | None" = None) -> None:
        self.saved = saved
        self.tail: dict[int, Entry] = {}
        """By place, what is not in the generation or stands there no more."""
        self._fresh: dict[str, int] = {}
        self._changed: dict[str, int] = {}

    @classmethod
    def of(cls, entries: "Mapping[str, Entry]") -> "Entries":
        """Return entries that lie in memory."""
        if isinstance(entries, cls):
            return entries
        made = cls()
        for entry in entries.values():
            made.put(entry)
        return made

    @property
    def before(self) -> int:
        """How many are in the generation."""
        return self.saved.about.entries if self.saved else 0

    def put(self, entry: Entry) -> int:
        """Take an entry, new or changed, and give its place."""
        place = self.place(entry.id)
        if place is None:
            place = self._fresh[entry.id] = len(self)
        elif place < self.before:
            self._changed[entry.id] = place
        self.tail[place] = entry
        return place

    def rest(self, saved: "Generation") -> None:
        """Let go of what lies in a new generation."""
        self.saved = saved
        for kept in (self.tail, self._fresh, self._changed):
            kept.clear()

    def place(self, name: str) -> int | None:
        """Return the place of an id."""
        for known in (self._fresh, self._changed):
            if name in known:
                return known[name]
        return self.saved.place(name) if self.saved else None

    def at(self, place: int) -> Entry:
        """Return the entry at a place.

        Raises:
            ConfigError: its line in the log is damaged.
        """
        if place in self.tail:
            return self.tail[place]
        if self.saved is None:
            raise IndexError(place)
        return self.saved.entry(place)

    def flags(self, place: int) -> int:
        """Return the flags of an entry, as in a generation."""
        from detectors.bank.folder.snapshot import flags

        if place in self.tail:
            return flags(self.tail[place])
        return self.saved.flags(place) if self.saved else 0

    def flagged(self, mask: int) -> Iterator[Entry]:
        """Yield the entries that have any of these flags, as in a generation."""
        from detectors.bank.folder.snapshot import flags

        for place in self.saved.flagged(mask) if self.saved else ():
            if place not in self.tail:
                yield self.at(place)
        yield from (entry for entry in self.tail.values() if flags(entry) & mask)

    def values(self) -> ValuesView[Entry]:
        """Return the entries in their order."""
        return _InOrder(self)

    def __getitem__(self, name: str) -> Entry:
        place = self.place(name)
        if place is None:
            raise KeyError(name)
        return self.at(place)

    def __iter__(self) -> Iterator[str]:
        return (self.at(place).id for place in range(len(self)))

    def __len__(self) -> int:
        return self.before + len(self._fresh)


class _InOrder(ValuesView[Entry]):
    """Values that are read one after the other, without a look-up by id."""

    _mapping: Entries

    def __iter__(self) -> Iterator[Entry]:
        return (self._mapping.at(place) for place in range(len(self._mapping)))
