"""Multi-index hash tables for hashes of 256 bits: exact search within a Hamming radius.

Method (Norouzi, Punjani, Fleet, "Fast exact search in Hamming space with multi-index
hashing", 2014): a hash is 16 bands of 16 bits, each band a table of the rows by its value. A row
that differs from a query in at most t bits differs, in some band i, in at most r_i bits, whenever
the sum of all (r_i + 1) exceeds t. Up to 31 bits it is therefore enough to look at the values that
differ in one bit, in t - 15 bands, and at the very value in the others.
"""

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

WORDS: Final = 4
"""64-bit words of a hash."""
BANDS: Final = 16
VALUES: Final = 1 << 16
PROBES: Final = BANDS * 17
"""Look-ups a query: each band's value, and those that differ in one of its 16 bits."""
FARTHEST: Final = 2 * BANDS - 1
"""Most bits that one differing bit a band finds for certain."""
FLAT: Final = 4096
"""Rows up to which all are compared: measured, a table costs more than it saves below this."""
STRIDE: Final = 8192
"""Rows that are compared at once, so that many need no large table."""
QUERIES: Final = 8
"""Queries that are looked up at once, for the same reason."""


class Hits(msgspec.Struct, frozen=True):
    """Pairs of a query and a row near it, in no order."""

    queries: "NDArray[np.int64]"
    rows: "NDArray[np.int64]"
    distances: "NDArray[np.int64]"


class MultiIndex:
    """Hashes of 256 bits with their hash tables."""

    def __init__(
        self,
        rows: "NDArray[np.uint64]",
        order: "NDArray[np.uint32]",
        starts: "NDArray[np.uint32]",
    ) -> None:
        """Take arrays as `tables` makes them; they may lie in a mapped file.

        Args:
            rows: (n, 4).
            order: (16 * n,): of each band, the rows by its value. Empty: rows are compared all.
            starts: (16 * 65537,): of each band, where in `order` a value's rows start.
        """
        self.rows, self._order, self._starts = rows, order, starts

    def within(self, queries: "NDArray[np.uint64]", radius: int) -> Hits:
        """Return all rows that differ from a query in at most so many bits.

        Args:
            queries: (m, 4).
            radius: in bits, at most 31.

        Raises:
            ValueError: the tables are damaged, or the radius is too large for them.
        """
        if radius > FARTHEST:
            raise ValueError(f"radius {radius}: at most {FARTHEST} bits")
        if len(self._order):
            starts = range(0, len(queries), QUERIES)
            parts = [self._probed(queries[at : at + QUERIES], at, radius) for at in starts]
        else:
            parts = list(self._scanned(queries, radius))
        none = np.zeros(0, np.int64)
        joined = [np.concatenate(each) for each in zip((none, none, none), *parts, strict=True)]
        return Hits(*joined)

    def _scanned(
        self, queries: "NDArray[np.uint64]", radius: int
    ) -> "Iterator[tuple[NDArray[np.int64], ...]]":
        """Compare all."""
        for at in range(0, len(self.rows), STRIDE):
            different = queries[:, None] ^ self.rows[None, at : at + STRIDE]
            bits = np.bitwise_count(different).sum(axis=2, dtype=np.int64)
            who, row = np.nonzero(bits <= radius)
            yield who, row + at, bits[who, row]

    def _probed(
        self, queries: "NDArray[np.uint64]", first: int, radius: int
    ) -> "tuple[NDArray[np.int64], ...]":
        """Compare the rows whose bands are near; `first` is the number of the first query."""
        size = len(self.rows)
        starts, counts = self._ranges(queries, radius)
        used = np.flatnonzero(counts)
        starts, counts = starts[used], counts[used]
        if (counts < 0).any() or counts.sum() > BANDS * size * len(queries):
            raise ValueError("the tables of an index are damaged")
        rows = self._order.take(spread(starts, counts))
        who, asked = np.zeros(len(rows), np.int64), queries
        if len(queries) > 1:
            who = np.repeat(used // PROBES, counts)
            asked = queries.take(who, axis=0)
        # `take` copies whole rows: measured, a fifth of the time that an index of two axes needs.
        bits = _sums(np.bitwise_count(self.rows.take(rows, axis=0) ^ asked))
        near = np.flatnonzero(bits <= radius)
        rows, who = rows[near].astype(np.int64), who[near]
        # A row is met in each band that it shares with the query.
        pairs, chosen = np.unique(who * size + rows, return_index=True)
        return pairs // size + first, pairs % size, bits[near][chosen]

    def _ranges(
        self, queries: "NDArray[np.uint64]", radius: int
    ) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """Return start in `order` and length of what each probe finds, query by query."""
        near = np.concatenate([[0], 1 << np.arange(BANDS)])
        bands = np.arange(BANDS)[None, :, None]
        values = queries.view(np.uint16).astype(np.int64)[:, :, None] ^ near
        keys = values + bands * (VALUES + 1)
        starts = self._starts[keys].astype(np.int64)
        counts = self._starts[keys + 1] - starts
        extra = radius + 1 - BANDS  # bands in which one bit may differ
        if extra < BANDS:
            cheapest = np.argsort(counts[:, :, 1:].sum(axis=2), axis=1, kind="stable")
            left_out = cheapest[:, max(0, extra) :]
            counts[np.arange(len(queries))[:, None], left_out, 1:] = 0
        starts += bands * len(self.rows)
        return starts.ravel(), counts.ravel()


def _sums(counts: "NDArray[np.uint8]") -> "NDArray[np.int64]":
    """Return the sums of rows of four bytes, added in pairs within one word a row.

    Args:
        counts: (n, 4), each at most 64.
    """
    words = counts.view(np.uint32)[:, 0]
    pairs = (words & 0x00FF00FF) + (words >> 8 & 0x00FF00FF)
    return ((pairs & 0xFFFF) + (pairs >> 16)).astype(np.int64)


def spread(starts: "NDArray[np.int64]", counts: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Return all indices of ranges, one after the other.

    Args:
        starts: (n,), the first index of each.
        counts: (n,), how many.
    """
    ends = np.cumsum(counts)
    indices: NDArray[np.int64] = np.repeat(starts - ends + counts, counts)
    indices += np.arange(len(indices))
    return indices


def tables(rows: "NDArray[np.uint64]") -> "tuple[NDArray[np.uint32], NDArray[np.uint32]]":
    """Return `order` and `starts` of hashes; both empty where a scan is faster.

    Args:
        rows: (n, 4).
    """
    if len(rows) <= FLAT:
        return np.zeros(0, np.uint32), np.zeros(0, np.uint32)
    order = np.empty((BANDS, len(rows)), np.uint32)
    starts = np.zeros((BANDS, VALUES + 1), np.uint32)
    halves = np.ascontiguousarray(rows).view(np.uint16).reshape(-1, BANDS)
    for band in range(BANDS):
        values = np.ascontiguousarray(halves[:, band])
        order[band] = np.argsort(values, kind="stable")
        starts[band, 1:] = np.cumsum(np.bincount(values, minlength=VALUES))
    return order.ravel(), starts.ravel()
