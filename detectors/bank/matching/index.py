"""The index of one bank: find entries by digests, by hashes and by binary descriptors."""

from functools import cached_property
from typing import TYPE_CHECKING, Final

import msgspec

from detectors.bank.entry import EXACT, Entry, Status
from detectors.bank.folder.entries import Entries
from detectors.bank.folder.snapshot import (
    BY_LOOK,
    INNOCENT,
    LOCAL,
    OTHER_LOOK,
    WITHDRAWN,
    DamagedIndexError,
    flags,
)
from detectors.decode.memory import loading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from detectors.bank.folder.snapshot import Snapshot
    from detectors.bank.index.descriptors import BinaryDescriptors
    from detectors.bank.index.multi_index import MultiIndex
    from detectors.hashing.views import PictureHashes

REACH: Final = {"pdq": 31, "pdq64.v1": 26}
"""Most bits of a match: for PDQ as its makers publish it; for ours the largest at which none of 370
hard negatives matched in all views (the nearest of them lay at 32)."""


class Near(msgspec.Struct, frozen=True, kw_only=True):
    """An entry and its Hamming distance from the picture."""

    ordinal: int
    """Ordinal of the entry in its bank."""
    entry: Entry
    algorithm: str
    distance: int
    view: str
    """View of the picture."""
    orientation: str
    """How the picture is turned against the entry, one of `hashing.picture.ORIENTATIONS`."""

    @property
    def reach(self) -> int:
        """Most bits at which the hash alone makes a match."""
        return REACH[self.algorithm]


class Group(msgspec.Struct, frozen=True):
    """Hashes of one algorithm, of the snapshot or of newer entries."""

    hashes: "MultiIndex"
    owners: "NDArray[np.uint32]"
    """Row → the ordinal of its entry."""
    compacted: bool
    """Whether they are of the snapshot."""


class Index:
    """The searchable entries of a bank: the arrays of its snapshot, and of newer entries."""

    def __init__(
        self,
        entries: "Mapping[str, Entry]",
        codes_of: "Callable[[Entry], NDArray[np.uint64]]",
    ) -> None:
        """Order what is not in the generation.

        Args:
            entries: of the bank.
            codes_of: gives the codes of an entry's local features.
        """
        import numpy as np

        self.entries = Entries.of(entries)
        self._codes_of = codes_of
        self._snapshot = self.entries.snapshot
        self._uncompacted = {
            ordinal: entry
            for ordinal, entry in self.entries.uncompacted.items()
            if entry.status is not Status.WITHDRAWN
        }
        self._note_files()
        self._stale = np.zeros(self.entries.before, bool)
        self._stale[
            [ordinal for ordinal in self.entries.uncompacted if ordinal < len(self._stale)]
        ] = True
        self._gone = np.zeros(len(self.entries), bool)
        """What was withdrawn after it was indexed."""

    def __len__(self) -> int:
        """Return how many entries count."""
        return self._size

    def prepare(self) -> None:
        """Put all in order now, which else happens when it is first asked for."""
        _ = self._rows, self._codes

    def restate(self, entry: Entry) -> bool:
        """Apply a changed entry to the index at once; tell whether that was possible.

        It is where its hashes and features stay, as they do when it is disputed or withdrawn. An
        entry that is not in the index is passed over.
        """
        ordinal = self.entries.ordinal(entry.id)
        if ordinal is None:
            return True
        before = self._uncompacted.get(ordinal)
        if before is None or (before.hashes, before.local) != (entry.hashes, entry.local):
            return entry.status is Status.WITHDRAWN and before is None
        self.entries.put(entry)
        self._uncompacted[ordinal] = entry
        if entry.status is Status.WITHDRAWN:
            del self._uncompacted[ordinal]
            self._gone[ordinal] = True
        self._note_files()
        for name in ("_size", "local", "by_look", "other_looks", "_rows"):
            self.__dict__.pop(name, None)
        return True

    def _note_files(self) -> None:
        """Index the entries that are not in the snapshot by the digests of its files."""
        self._files: dict[tuple[str, str], list[int]] = {}
        for ordinal, entry in self._uncompacted.items():
            for digest in entry.digests(*EXACT):
                self._files.setdefault(digest, []).append(ordinal)
        self._algorithms = {algorithm for algorithm, _ in self._files}

    @cached_property
    def _size(self) -> int:
        return self._count(WITHDRAWN, 0)

    @cached_property
    def local(self) -> int:
        """How many entries that count have local features."""
        return self._count(WITHDRAWN | LOCAL, LOCAL)

    @cached_property
    def by_look(self) -> int:
        """How many entries that count can be compared with what a picture looks like."""
        return self._count(WITHDRAWN | BY_LOOK, BY_LOOK)

    @cached_property
    def other_looks(self) -> list[Entry]:
        """The entries that count and are compared with the look by other algorithms alone."""
        saved = self._snapshot.flagged(OTHER_LOOK) if self._snapshot else []
        found = [self.entries.at(ordinal) for ordinal in saved if not self._stale[ordinal]]
        found += [entry for entry in self._uncompacted.values() if entry.other_look]
        return [entry for entry in found if entry.status is not Status.WITHDRAWN]

    def carries(self, algorithm: str) -> bool:
        """Tell whether entries may have digests of an algorithm."""
        return algorithm in self._algorithms or bool(
            self._snapshot and self._snapshot.carries(algorithm)
        )

    def exact(self, algorithm: str, value: str) -> list[Entry]:
        """Return the entries of a file that count, in the bank's order, by a digest of it."""
        saved = self._snapshot.of_file(algorithm, value) if self._snapshot else []
        ordinals = [ordinal for ordinal in saved if not self._stale[ordinal]]
        ordinals += self._files.get((algorithm, value), [])
        return [self.entries.at(ordinal) for ordinal in sorted(ordinals)]

    def comparisons(self, seen: "PictureHashes") -> int:
        """Return how many pairs of hashes are compared for one picture."""
        views = seen.stable.shape[0] * seen.stable.shape[1]
        return int(self._rows["pdq64.v1"] * views + self._rows["pdq"] * len(seen.turned))

    def nearest(self, seen: "PictureHashes", most: int) -> list[Near]:
        """Find the nearest hashes of the nearest entries, nearest first, then by the bank's order.

        Only what lies within `REACH` is looked for.

        Args:
            seen: of the picture.
            most: entries to give, of fakes and of innocents each.
        """
        import numpy as np

        asked = {"pdq64.v1": seen.stable.reshape(-1, 32), "pdq": seen.turned}
        hits = np.concatenate([self._hits(name, queries) for name, queries in asked.items()])
        owners, distances, ranks, queries = hits.T
        order = np.lexsort((queries, ranks, distances, owners))
        first = order[np.flatnonzero(np.diff(owners[order], prepend=-1))]
        ranked = hits[first[np.lexsort((owners[first], distances[first]))]].tolist()
        found: dict[bool, list[Near]] = {False: [], True: []}
        for ordinal, distance, rank, query in ranked:
            some = found[bool(self.entries.flags(ordinal) & INNOCENT)]
            if len(some) < most:
                some.append(self._near(ordinal, distance, [*asked][rank], query, seen))
        return found[False] + found[True]

    def within_reach(self, pdq: bytes) -> list[Near]:
        """Return all entries that count within the reach of a PDQ hash, nearest first.

        Args:
            pdq: 32 bytes, most significant bit first, as in hex.
        """
        import numpy as np

        query, nearest = np.frombuffer(pdq, np.uint64)[None], dict[int, int]()
        for group in self._groups["pdq"]:
            hits = group.hashes.within(query, REACH["pdq"])
            owners = group.owners[hits.rows]
            gone = ~self._current(owners, compacted=group.compacted)
            for ordinal, distance, stale in zip(
                owners.tolist(), hits.distances.tolist(), gone.tolist(), strict=True
            ):
                if not stale:
                    nearest[ordinal] = min(distance, nearest.get(ordinal, distance))
        return [
            Near(
                ordinal=ordinal,
                entry=self.entries.at(ordinal),
                algorithm="pdq",
                distance=distance,
                view="whole",
                orientation="upright",
            )
            for ordinal, distance in sorted(nearest.items(), key=lambda pair: pair[::-1])
        ]

    def hashes(self, algorithm: str) -> int:
        """Return how many hashes of a perceptual algorithm count."""
        return self._rows[algorithm]

    def sharing(self, asked: "NDArray[np.uint64]", most: int) -> list[int]:
        """Return the ordinals of the entries that share the most local features with a picture.

        Args:
            asked: codes of the picture's strongest features.
            most: how many ordinals.
        """
        import numpy as np

        from detectors.bank.index.descriptors import cell_bits, count_votes

        parts = []
        for codes, saved in self._codes:
            said = codes.near(asked, cell_bits(self.local))
            parts.append(said[self._current(said[:, 1], compacted=saved)])
        every = count_votes(np.concatenate(parts))
        best = np.lexsort((every[:, 0], -every[:, 1]))[:most]
        ordinals: list[int] = every[best, 0].tolist()
        return ordinals

    def _near(
        self, ordinal: int, distance: int, name: str, query: int, seen: "PictureHashes"
    ) -> Near:
        from detectors.hashing.picture import ORIENTATIONS

        return Near(
            ordinal=ordinal,
            entry=self.entries.at(ordinal),
            algorithm=name,
            distance=distance,
            view=seen.names[query // 8] if name == "pdq64.v1" else "whole",
            orientation=ORIENTATIONS[query % 8],
        )

    def _hits(self, name: str, queries: "NDArray[np.uint8]") -> "NDArray[np.int64]":
        """Return (n, 4): owner, distance, rank of the algorithm and query of each near hash."""
        import numpy as np

        words = np.ascontiguousarray(queries).view(np.uint64)
        parts = [np.zeros((0, 4), np.int64)]
        for group in self._groups[name]:
            hits = group.hashes.within(words, REACH[name])
            owners = group.owners[hits.rows].astype(np.int64)
            rank = np.full(len(owners), list(self._groups).index(name))
            rows = np.stack([owners, hits.distances, rank, hits.queries], axis=1)
            parts.append(rows[self._current(owners, compacted=group.compacted)])
        return np.concatenate(parts)

    def _current(self, owners: "NDArray[np.integer]", *, compacted: bool) -> "NDArray[np.bool_]":
        """Say of each owner whether what was put in order of it still stands."""
        gone = self._stale if compacted else self._gone
        current: NDArray[np.bool_] = ~gone[owners]
        return current

    def _count(self, mask: int, wanted: int) -> int:
        """Return how many entries have these of the flags of a mask."""
        count = sum(1 for entry in self._uncompacted.values() if flags(entry) & mask == wanted)
        if self._snapshot:
            there = self._snapshot.array("flags") & mask == wanted
            count += int((there & ~self._stale).sum())
        return count

    @cached_property
    def _groups(self) -> "dict[str, list[Group]]":
        from detectors.bank.folder.compaction import hashes
        from detectors.bank.index.multi_index import MultiIndex, tables

        groups = {}
        with loading():
            fresh = hashes(self._uncompacted.items())
            for name in ("pdq64.v1", "pdq"):
                rows, owners = fresh[name]
                groups[name] = [Group(MultiIndex(rows, *tables(rows)), owners, compacted=False)]
                if self._snapshot:
                    groups[name].append(_snapshot_group(name, self._snapshot))
        return groups

    @cached_property
    def _rows(self) -> dict[str, int]:
        """Hashes that count, of each algorithm."""
        return {
            name: sum(int(self._current(g.owners, compacted=g.compacted).sum()) for g in groups)
            for name, groups in self._groups.items()
        }

    @cached_property
    def _codes(self) -> "list[tuple[BinaryDescriptors, bool]]":
        """Binary descriptors of newer entries and of the snapshot."""
        from detectors.bank.index.descriptors import BinaryDescriptors

        local = [(ordinal, entry) for ordinal, entry in self._uncompacted.items() if entry.local]
        with loading():
            found = [
                (
                    BinaryDescriptors.of(
                        (ordinal, self._codes_of(entry)) for ordinal, entry in local
                    ),
                    False,
                )
            ]
            if self._snapshot:
                found.append((self._snapshot_descriptors(self._snapshot), True))
        return found

    def _snapshot_descriptors(self, saved: "Snapshot") -> "BinaryDescriptors":
        """Return a snapshot's binary descriptors; from the entries where its arrays are damaged."""
        from detectors.bank.index.descriptors import BinaryDescriptors

        try:
            return BinaryDescriptors(
                *(saved.array(name) for name in ("codes", "code_owners", "code_starts"))
            )
        except DamagedIndexError:
            local = ((ordinal, entry) for ordinal, entry in saved.live() if entry.local)
            return BinaryDescriptors.of(
                (ordinal, self._codes_of(entry)) for ordinal, entry in local
            )


def _snapshot_group(name: str, saved: "Snapshot") -> Group:
    """Return the hashes of a snapshot; where its arrays are damaged, from the log's lines."""
    from detectors.bank.folder.compaction import hashes
    from detectors.bank.index.multi_index import MultiIndex, tables

    try:
        rows, owners, *ready = (
            saved.array(f"{name}.{part}") for part in ("rows", "owners", "order", "starts")
        )
    except DamagedIndexError:
        rows, owners = hashes(saved.live())[name]
        ready = [*tables(rows)]
    return Group(MultiIndex(rows.reshape(-1, 4), *ready), owners, compacted=True)
