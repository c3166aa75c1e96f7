"""A bank's entries by id; those in the snapshot are read from the log when they are asked for."""

from collections.abc import Collection, Iterator, Mapping, ValuesView
from typing import TYPE_CHECKING

from detectors.bank.entry import PERCEPTUAL, Entry

if TYPE_CHECKING:
    from detectors.bank.folder.snapshot import Snapshot


class Entries(Mapping[str, Entry]):
    """Entries by id, withdrawn ones too, in the order in which they first came.

    An entry's ordinal is its number in that order.
    """

    def __init__(self, snapshot: "Snapshot | None" = None) -> None:
        self.snapshot = snapshot
        self.uncompacted: dict[int, Entry] = {}
        """Ordinal → entry that is not in the snapshot, or was changed since."""
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
        return self.snapshot.info.entries if self.snapshot else 0

    def put(self, entry: Entry) -> int:
        """Take an entry, new or changed, and give its ordinal."""
        ordinal = self.ordinal(entry.id)
        if ordinal is None:
            ordinal = self._fresh[entry.id] = len(self)
        elif ordinal < self.before:
            self._changed[entry.id] = ordinal
        self.uncompacted[ordinal] = entry
        return ordinal

    def rebase(self, snapshot: "Snapshot") -> None:
        """Drop entries that the new snapshot contains."""
        self.snapshot = snapshot
        for kept in (self.uncompacted, self._fresh, self._changed):
            kept.clear()

    def ordinal(self, name: str) -> int | None:
        """Return the ordinal of an id."""
        for known in (self._fresh, self._changed):
            if name in known:
                return known[name]
        return self.snapshot.ordinal(name) if self.snapshot else None

    def at(self, ordinal: int) -> Entry:
        """Return the entry at an ordinal.

        Raises:
            ConfigError: its line in the log is damaged.
        """
        if ordinal in self.uncompacted:
            return self.uncompacted[ordinal]
        if self.snapshot is None:
            raise IndexError(ordinal)
        return self.snapshot.entry(ordinal)

    def flags(self, ordinal: int) -> int:
        """Return the flags of an entry, as in a snapshot."""
        from detectors.bank.folder.snapshot import flags

        if ordinal in self.uncompacted:
            return flags(self.uncompacted[ordinal])
        return self.snapshot.flags(ordinal) if self.snapshot else 0

    def flagged(self, mask: int) -> Iterator[Entry]:
        """Yield the entries that have any of these flags, as in a snapshot."""
        from detectors.bank.folder.snapshot import flags

        for ordinal in self.snapshot.flagged(mask) if self.snapshot else ():
            if ordinal not in self.uncompacted:
                yield self.at(ordinal)
        yield from (entry for entry in self.uncompacted.values() if flags(entry) & mask)

    def sharing(self, values: Collection[str]) -> Iterator[Entry]:
        """Yield the entries that have any of these perceptual hashes, and perhaps some others.

        A million entries are looked through in a tenth of a second, since hashes are compared by
        their first 64 bits.

        Args:
            values: hex, of whichever algorithm.
        """
        import numpy as np

        from detectors.bank.folder.snapshot import DamagedIndexError
        from detectors.bank.index.multi_index import WORDS

        if (snapshot := self.snapshot) is not None:
            wanted = np.frombuffer(b"".join(bytes.fromhex(each[:16]) for each in values), np.uint64)
            try:
                found = [
                    snapshot.array(f"{name}.owners")[
                        np.isin(snapshot.array(f"{name}.rows").reshape(-1, WORDS)[:, 0], wanted)
                    ]
                    for name in PERCEPTUAL
                ]
                ordinals = np.unique(np.concatenate(found)).tolist()
            except DamagedIndexError:
                ordinals = [*range(self.before)]
            yield from (self.at(ordinal) for ordinal in ordinals)
        yield from self.uncompacted.values()

    def values(self) -> ValuesView[Entry]:
        """Return the entries in their order."""
        return _InOrder(self)

    def __getitem__(self, name: str) -> Entry:
        ordinal = self.ordinal(name)
        if ordinal is None:
            raise KeyError(name)
        return self.at(ordinal)

    def __iter__(self) -> Iterator[str]:
        return (self.at(ordinal).id for ordinal in range(len(self)))

    def __len__(self) -> int:
        return self.before + len(self._fresh)


class _InOrder(ValuesView[Entry]):
    """Values that are read one after the other, without a look-up by id."""

    _mapping: Entries

    def __iter__(self) -> Iterator[Entry]:
        return (self._mapping.at(ordinal) for ordinal in range(len(self._mapping)))
