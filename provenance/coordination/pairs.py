"""Pairs of contents that share an object within a window: the first stage of CooRTweet.

Source: Righetti and Balluff, CooRTweet 2.1.3, `detect_groups`; the order of the steps is theirs.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from provenance.coordination.shares import Share


class Pair(NamedTuple):
    """Two contents of different accounts with one object; the older one first."""

    object_id: str
    content_id: str
    content_id_y: str
    account_id: str
    account_id_y: str
    time_delta: float
    """Seconds, 0 or more."""


def pairs(
    shares: Mapping[str, Sequence[Share]], window: float, min_participation: int
) -> list[Pair]:
    """Return the pairs, in the order of the objects' ids, then of time.

    Args:
        shares: by object.
        window: seconds at most between the two, limits included.
        min_participation: (1) accounts with fewer shares are left out; (2) a pair stays where
            either account has at least so many contents among the pairs.
    """
    counts = Counter(share.account for rows in shares.values() for share in rows)
    found = list(
        _near(
            (
                (name, sorted(s for s in rows if counts[s.account] >= min_participation))
                for name, rows in sorted(shares.items())
            ),
            window,
        )
    )
    active = _active(found, min_participation)
    return [pair for pair in found if pair.account_id in active or pair.account_id_y in active]


def _near(objects: Iterable[tuple[str, Sequence[Share]]], window: float) -> Iterator[Pair]:
    """Yield the pairs of every object; shares come sorted by time."""
    for name, rows in objects:
        for index, old in enumerate(rows):
            if old.content == name:  # a post that is shared by itself
                continue
            for later in range(index + 1, len(rows)):
                new = rows[later]
                delta = new.time - old.time
                if delta > window:
                    break
                if new.account != old.account and new.content not in (old.content, name):
                    yield Pair(name, old.content, new.content, old.account, new.account, delta)


def _active(found: Iterable[Pair], least: int) -> set[str]:
    """Return the accounts with at least so many (object, content) among the pairs."""
    contents: dict[tuple[str, str], str] = {}
    for pair in found:
        contents[pair.object_id, pair.content_id] = pair.account_id
        contents[pair.object_id, pair.content_id_y] = pair.account_id_y
    counts = Counter(contents.values())
    return {account for account, count in counts.items() if count >= least}
