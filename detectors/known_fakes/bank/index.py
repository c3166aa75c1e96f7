"""The hashes of a bank as arrays, and the entries nearest to a picture."""

from typing import TYPE_CHECKING, Final

import msgspec

from detectors.known_fakes.bank.entry import PERCEPTUAL, Entry, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from detectors.known_fakes.views import Looks

REACH: Final = {"pdq": 31, "pdq64.v1": 26}
"""Most bits of a match: for PDQ as its makers publish it; for ours the largest at which none of 370
hard negatives matched in all views (the nearest of them lay at 32)."""
STRIDE: Final = 8192
"""Rows that are compared at once, so that a large bank needs no large table."""
VIEWS: Final = 2
"""Views an entry is stored with."""


class Near(msgspec.Struct, frozen=True, kw_only=True):
    """An entry and how near the picture comes to it."""

    entry: Entry
    algorithm: str
    distance: int
    view: str
    """View of the picture."""
    orientation: str
    """How the picture is turned against the entry, one of `fingerprint.ORIENTATIONS`."""

    @property
    def reach(self) -> int:
        """Most bits at which the hash alone makes a match."""
        return REACH[self.algorithm]


class Index:
    """The perceptual hashes of all entries that count."""

    def __init__(self, entries: "Iterable[Entry]") -> None:
        import numpy as np

        self.entries = [entry for entry in entries if entry.status is not Status.WITHDRAWN]
        self._rows: dict[str, NDArray[np.uint8]] = {}
        self._owners: dict[str, NDArray[np.int64]] = {}
        for name in PERCEPTUAL:
            pairs = [
                (owner, bytes.fromhex(each.value))
                for owner, entry in enumerate(self.entries)
                for each in entry.hashes.get(name, ())
            ]
            packed = np.frombuffer(b"".join(value for _, value in pairs), np.uint8)
            self._rows[name] = packed.reshape(-1, 32)
            self._owners[name] = np.array([owner for owner, _ in pairs], np.int64)
        self._innocent = np.array([entry.innocent for entry in self.entries], bool)
        self.exact = {entry.sha256: entry for entry in self.entries if entry.sha256}

    def comparisons(self, seen: "Looks") -> int:
        """Give how many pairs of hashes are compared for one picture."""
        views = seen.stable.shape[0] * seen.stable.shape[1]
        return int(len(self._rows["pdq64.v1"]) * views + len(self._rows["pdq"]) * len(seen.turned))

    def nearest(self, seen: "Looks", most: int) -> list[Near]:
        """Give the nearest places of the nearest entries, nearest first, then by the bank's order.

        Args:
            seen: of the picture.
            most: entries to give, of fakes and of innocents each.
        """
        from detectors.fingerprint import ORIENTATIONS

        best: dict[int, tuple[int, str, int]] = {}
        for name, hashes in (("pdq64.v1", seen.stable.reshape(-1, 32)), ("pdq", seen.turned)):
            for owner, distance, row in self._closest(name, hashes, most):
                if owner not in best or distance < best[owner][0]:
                    best[owner] = distance, name, row
        ranked = sorted(best.items(), key=lambda pair: (pair[1][0], pair[0]))
        return [
            Near(
                entry=self.entries[owner],
                algorithm=name,
                distance=distance,
                view=seen.names[row // 8] if name == "pdq64.v1" else "whole",
                orientation=ORIENTATIONS[row % 8],
            )
            for innocent in (False, True)
            for owner, (distance, name, row) in [
                pair for pair in ranked if self.entries[pair[0]].innocent is innocent
            ][:most]
        ]

    def _closest(
        self, name: str, hashes: "NDArray[np.uint8]", most: int
    ) -> list[tuple[int, int, int]]:
        """Give owner, least distance and row of the picture's hashes, of the nearest owners."""
        import numpy as np

        from detectors.fingerprint import distances

        rows, owners = self._rows[name], self._owners[name]
        parts = [
            (table.min(axis=0), table.argmin(axis=0))
            for start in range(0, len(rows), STRIDE)
            for table in [distances(hashes, rows[start : start + STRIDE])]
        ]
        if not parts:
            return []
        least, where = (np.concatenate(each) for each in zip(*parts, strict=True))
        found: list[tuple[int, int, int]] = []
        for group in (self._innocent[owners], ~self._innocent[owners]):
            places = np.flatnonzero(group)
            nearest = places[np.argsort(least[places], kind="stable")][: VIEWS * most]
            found += zip(
                owners[nearest].tolist(), least[nearest].tolist(), where[nearest].tolist(),
                strict=True,
            )  # fmt: skip
        return found
