"""Which entries share local features with a picture: 64-bit codes, found by their first bits."""

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from detectors.known_fakes.bank.bands import spread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

CODE_BITS: Final = 64
PREFIX_BITS: Final = 18
"""First bits whose places are kept; a cell of fewer is a run of these."""
FEWEST_BITS: Final = 12
"""First bits of a cell in a small bank; codes that share them, or all but one, are compared."""
A_CELL: Final = 128
"""Codes that a cell should hold at most, on average, as long as `PREFIX_BITS` allow."""
AN_ENTRY: Final = 350
"""Codes of an entry, about."""
REACH: Final = 14
"""Bits, of 64, within which two codes may be of the same place."""


class Codes:
    """The codes of many entries."""

    def __init__(
        self,
        codes: "NDArray[np.uint64]",
        owners: "NDArray[np.uint32]",
        starts: "NDArray[np.uint32]",
    ) -> None:
        """Take arrays that may lie in a mapped file.

        Args:
            codes: (n,), ascending.
            owners: (n,), the place of each code's entry.
            starts: (2 ** 18 + 1,), as `prefix_starts` gives them.
        """
        self._codes, self._owners, self._starts = codes, owners, starts

    @classmethod
    def of(cls, owned: "Iterable[tuple[int, NDArray[np.uint64]]]") -> "Codes":
        """Order the codes of entries, given by their places."""
        pairs = list(owned)
        every = np.concatenate([np.zeros(0, np.uint64), *(codes for _, codes in pairs)])
        places = np.array([place for place, _ in pairs], np.uint32)
        owners = np.repeat(places, [len(codes) for _, codes in pairs])
        order = np.argsort(every, kind="stable")
        return cls(every[order], owners[order], prefix_starts(every[order]))

    def votes(self, asked: "NDArray[np.uint64]", bits: int) -> "NDArray[np.int64]":
        """Give the entries that these codes speak for.

        Each code gives an entry 14 less the bits between it and the entry's nearest code.

        Args:
            asked: (m,).
            bits: of a cell, as `cell_bits` gives them.

        Returns:
            (n, 2): place and strength, by place; those with any vote.
        """
        near = np.concatenate([[0], 1 << np.arange(bits)])
        cells = (asked >> np.uint64(CODE_BITS - bits)).astype(np.int64)[:, None] ^ near
        cells <<= PREFIX_BITS - bits
        starts = self._starts[cells].ravel().astype(np.int64)
        counts = self._starts[cells + (1 << PREFIX_BITS - bits)].ravel() - starts
        places = spread(starts, counts)
        who = np.repeat(np.repeat(np.arange(len(asked)), len(near)), counts)
        distances = np.bitwise_count(self._codes[places] ^ asked[who])
        kept = np.flatnonzero(distances < REACH)
        owners = self._owners[places[kept]].astype(np.int64)
        size = int(owners.max(initial=0)) + 1
        # Sorted, the first of each (code, entry) is its nearest.
        keys = np.sort((who[kept] * size + owners) * REACH + distances[kept])
        pairs = keys // REACH
        first = np.flatnonzero(np.diff(pairs, prepend=-1))
        spoken, which = np.unique(pairs[first] % size, return_inverse=True)
        strengths = np.zeros(len(spoken), np.int64)
        np.add.at(strengths, which, REACH - keys[first] % REACH)
        return np.stack([spoken, strengths], axis=1)


def cell_bits(entries: int) -> int:
    """Give the first bits that make a cell in a bank of so many entries with local features."""
    wanted = math.ceil(math.log2(max(1, entries * AN_ENTRY / A_CELL)))
    return min(PREFIX_BITS, max(FEWEST_BITS, wanted))


def prefix_starts(codes: "NDArray[np.uint64]") -> "NDArray[np.uint32]":
    """Give where the codes of each 18 first bits start, and where the last end.

    Args:
        codes: (n,), ascending.

    Returns:
        (2 ** 18 + 1,).
    """
    lowest = np.arange(1 << PREFIX_BITS, dtype=np.uint64) << np.uint64(CODE_BITS - PREFIX_BITS)
    starts = np.searchsorted(codes, lowest)
    return np.append(starts, len(codes)).astype(np.uint32)
