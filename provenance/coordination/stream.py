"""Posts as they come: those of a window are kept, and searched again and again.

What is found is what a search of the window's posts alone finds, in whatever order they came.
"""

import heapq
from collections.abc import Iterable, Iterator
from typing import Final

from provenance.coordination.clusters import Cluster, document
from provenance.coordination.posts import Posts, Row, seconds

AHEAD: Final = 3600.0
"""Seconds by which the clocks of platforms may be ahead; what is dated later moves no window."""


class Window:
    """The posts of the last hours, at most so many."""

    def __init__(self, length: float, most: int) -> None:
        """Start without any.

        Args:
            length: seconds before the latest post.
            most: posts that are kept; of more, the oldest go.
        """
        self._length, self._most = length, most
        self._heap = list[tuple[float, int, str, Row]]()
        self._added, self._latest = 0, float("-inf")
        self.unusable = 0
        """Posts without a time, or dated in the future."""

    def add(self, where: str, row: Row, now: float) -> None:
        """Take a post, and let go of those that have left the window.

        Args:
            where: what to call its line.
            row: its values.
            now: seconds since 1970.
        """
        at = seconds(row.created_at)
        if at is None or at > now + AHEAD:
            self.unusable += 1
            return
        self._added += 1
        self._latest = max(self._latest, at)
        heapq.heappush(self._heap, (at, self._added, where, row))
        while len(self._heap) > self._most or self._heap[0][0] < self._latest - self._length:
            heapq.heappop(self._heap)

    def posts(self) -> Posts:
        """Return the posts that are kept."""
        posts = Posts()
        for _, _, where, row in self._heap:
            posts.add(row, where, "")
        posts.drop_duplicates()
        return posts


def follow(
    rows: Iterable[tuple[str, Row, float]], window: Window, every: int, seed: int, *, texts: bool
) -> Iterator[Cluster]:
    """Yield clusters as they come up: those that the search before did not find.

    Args:
        rows: where a line stands, its values, and when it came.
        window: keeps the posts.
        every: posts from one search to the next; what is left is searched at the end.
        seed: of the permutations.
        texts: show texts and addresses.
    """
    known, due = frozenset[str](), 0

    def fresh() -> Iterator[Cluster]:
        nonlocal known, due
        found = document(window.posts(), seed=seed, texts=texts).clusters
        yield from (cluster for cluster in found if cluster.id not in known)
        known, due = frozenset(cluster.id for cluster in found), 0

    for where, row, now in rows:
        window.add(where, row, now)
        due += 1
        if due >= every:
            yield from fresh()
    if due:
        yield from fresh()
