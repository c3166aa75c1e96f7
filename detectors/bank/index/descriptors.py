"""Binary descriptors of local features: 64 bits, found by their first bits, voting for entries."""

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from detectors.bank.index.multi_index import spread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

CODE_BITS: Final = 64
PREFIX_BITS: Final = 18
"""First bits whose starts are kept; a cell of fewer bits is a run of these."""
FEWEST_BITS: Final = 12
"""First bits of a cell in a small bank; codes that share them, or all but one, are compared."""
A_CELL: Final = 128
"""Codes that a cell should hold at most, on average, as long as `PREFIX_BITS` allow."""
AN_ENTRY: Final = 350
"""Codes of an entry, about."""
REACH: Final = 18
"""Bits, of 64, within which two codes may be of the same point."""
NEIGHBOURS: Final = 10
"""Nearest entries that one descriptor may vote for. Of 134 hard queries (screenshots, face crops,
turns) in 10,000 entries the right one was among the first two for all 134; with a
fixed reach of 14, for 123."""


class BinaryDescriptors:
    """The binary descriptors of many entries."""

    def __init__(
        self,
        codes: "NDArray[np.uint64]",
        owners: "NDArray[np.uint32]",
        starts: "NDArray[np.uint32]",
    ) -> None:
        """Take arrays that may lie in a mapped file.

        Args:
            codes: (n,), ascending.
            owners: (n,), the ordinal of each code's entry.
            starts: (2 ** 18 + 1,), as `prefix_starts` gives them.
        """
        self._codes, self._owners, self._starts = codes, owners, starts

    @classmethod
    def of(cls, owned: "Iterable[tuple[int, NDArray[np.uint64]]]") -> "BinaryDescriptors":
        """Order the codes of entries, given by their ordinals."""
        pairs = list(owned)
        every = np.concatenate([np.zeros(0, np.uint64), *(codes for _, codes in pairs)])
        ordinals = np.array([ordinal for ordinal, _ in pairs], np.uint32)
        owners = np.repeat(ordinals, [len(codes) for _, codes in pairs])
        order = np.argsort(every, kind="stable")
        return cls(every[order], owners[order], prefix_starts(every[order]))

    def near(self, asked: "NDArray[np.uint64]", bits: int) -> "NDArray[np.int64]":
        """Find the entries that have a code near one of these, and how near their nearest is.

        Args:
            asked: (m,).
            bits: of a cell, as `cell_bits` gives them.

        Returns:
            (n, 3): number of the code asked for, ordinal of the entry, differing bits; sorted.
        """
        near = np.concatenate([[0], 1 << np.arange(bits)])
        cells = (asked >> np.uint64(CODE_BITS - bits)).astype(np.int64)[:, None] ^ near
        cells <<= PREFIX_BITS - bits
        starts = self._starts[cells].ravel().astype(np.int64)
        counts = self._starts[cells + (1 << PREFIX_BITS - bits)].ravel() - starts
        indices = spread(starts, counts)
        who = np.repeat(np.repeat(np.arange(len(asked)), len(near)), counts)
        distances = np.bitwise_count(self._codes[indices] ^ asked[who])
        kept = np.flatnonzero(distances < REACH)
        owners = self._owners[indices[kept]].astype(np.int64)
        size = int(owners.max(initial=0)) + 1
        # Sorted, the first of each (code, entry) is its nearest.
        keys = np.sort((who[kept] * size + owners) * REACH + distances[kept])
        pairs = keys // REACH
        first = np.flatnonzero(np.diff(pairs, prepend=-1))
        pairs = pairs[first]
        return np.stack([pairs // size, pairs % size, keys[first] % REACH], axis=1)


def count_votes(near: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Count the votes of descriptors for entries.

    A descriptor votes for the ten entries nearest to it, with the square of the bits by which each
    is nearer than the eleventh: a descriptor that many entries share has little weight.

    Args:
        near: (n, 3), as `BinaryDescriptors.near` gives them.

    Returns:
        (entries, 2): ordinal and votes, by ordinal.
    """
    who, owners, distances = near[np.lexsort((near[:, 2], near[:, 0]))].T
    starts = np.flatnonzero(np.diff(who, prepend=-1))
    counts = np.diff(starts, append=len(who))
    reach = np.full(len(starts), REACH)
    many = counts > NEIGHBOURS
    reach[many] = distances[starts[many] + NEIGHBOURS]
    votes = np.maximum(0, np.repeat(reach, counts) - distances) ** 2
    voted, which = np.unique(owners[votes > 0], return_inverse=True)
    total = np.zeros(len(voted), np.int64)
    np.add.at(total, which, votes[votes > 0])
    return np.stack([voted, total], axis=1)


def cell_bits(entries: int) -> int:
    """Return the first bits that make a cell in a bank of so many entries with local features."""
    wanted = math.ceil(math.log2(max(1, entries * AN_ENTRY / A_CELL)))
    return min(PREFIX_BITS, max(FEWEST_BITS, wanted))


def prefix_starts(codes: "NDArray[np.uint64]") -> "NDArray[np.uint32]":
    """Return where the codes of each 18 first bits start, and where the last end.

    Args:
        codes: (n,), ascending.

    Returns:
        (2 ** 18 + 1,).
    """
    lowest = np.arange(1 << PREFIX_BITS, dtype=np.uint64) << np.uint64(CODE_BITS - PREFIX_BITS)
    starts = np.searchsorted(codes, lowest)
    return np.append(starts, len(codes)).astype(np.uint32)
