"""How often chance alone gives a cluster: the search is repeated on permuted shares.

In each hour and kind the objects change hands among the posts that share one and as many others,
which keeps every account's activity and every hour's popular objects. Where over half of an hour's
posts are shared that would prove nothing (`Shares.bound`), and the time line of each account is
moved by an offset of its own instead, circular in the span of such hours.
"""

from typing import Final, NamedTuple

import numpy as np

from provenance.coordination.objects import Flags, Floats, Ints, Shares
from provenance.coordination.seeds import Found, find

PERMUTATIONS: Final = 99
MOST: Final = 0.05
"""Highest chance at which a cluster is reported."""
EXCHANGES: Final = 6
"""Times that objects change hands."""
TAILS: Final = 0.05
"""Share of bound posts at either end that are moved into the span between: few early or late posts
must not stretch it, since in a long span nothing meets."""


class Shape(NamedTuple):
    """What clusters are compared by, an entry a cluster."""

    size: Ints
    density: Floats
    """Sum of the weights of the edges between members, by pairs of members."""


def shape(found: Found) -> Shape:
    """Return size and density of the clusters, in the order of their numbers."""
    size = np.bincount(found.cluster[found.cluster >= 0])
    weight = np.bincount(found.cluster[found.edges.a], found.edges.weight, minlength=len(size))
    return Shape(size, weight / np.maximum(size * (size - 1) / 2, 1))


def expected(shares: Shares, found: Found, seed: int) -> tuple[Floats, int]:
    """Return the chance of each cluster, and how many permutations it was taken from.

    The chance is (number of permuted clusters at least as large and as dense + 1) by (permutations
    + 1); the search ends early where every cluster is above `MOST` by then, whatever follows.
    """
    real = shape(found)
    as_good, done = np.zeros(len(real.size), np.int64), 0
    random = np.random.Generator(np.random.PCG64(seed))
    while done < PERMUTATIONS and ((as_good + 1) / (PERMUTATIONS + 1) <= MOST).any():
        other = shape(find(permuted(shares, random)))
        as_good += (
            (other.size[None] >= real.size[:, None])
            & (other.density[None] >= real.density[:, None])
        ).sum(1)
        done += 1
    return np.minimum((as_good + 1) / (PERMUTATIONS + 1), 1.0), done


def permuted(shares: Shares, random: np.random.Generator) -> Shares:
    """Return shares as they might be by chance."""
    return _shifted(_exchanged(shares, random), random)


def _exchanged(shares: Shares, random: np.random.Generator) -> Shares:
    """Let objects change hands within the slot, but for bound rows.

    Where an account gets an object twice, it exchanges again: who posts a greeting posts it once,
    and permutations that forget this would share less than strangers do.
    """
    objects, source = shares.object.copy(), shares.source.copy()
    rows = np.flatnonzero(~shares.bound)
    for _ in range(EXCHANGES):
        to = rows[np.argsort(shares.slot[rows], kind="stable")]
        of = rows[np.lexsort((random.random(len(rows)), shares.slot[rows]))]
        objects[to], source[to] = objects[of], source[of]
        twice = _twice(shares.account, objects) & ~shares.bound
        busy = np.isin(shares.slot, shares.slot[twice]) & ~shares.bound
        rows = np.flatnonzero(twice | (busy & (random.random(len(busy)) < twice.mean())))
        if not twice.any():
            break
    return shares._replace(object=objects, source=source)


def _twice(account: Ints, objects: Ints) -> Flags:
    """Return which rows give an account an object that an earlier row gives it."""
    _, first = np.unique(objects * (account.max(initial=0) + 1) + account, return_index=True)
    twice = np.ones(len(account), bool)
    twice[first] = False
    return twice


def _shifted(shares: Shares, random: np.random.Generator) -> Shares:
    """Move the bound rows of each account by an offset, circular in their span."""
    offset = random.random(len(shares.accounts))
    if not shares.bound.any():
        return shares
    first, last = span(shares)
    length = last - first + 1.0
    time = first + (shares.time - first + offset[shares.account] * length) % length
    return shares._replace(time=np.where(shares.bound, time, shares.time))


def span(shares: Shares) -> tuple[float, float]:
    """Return first and last time of the bound rows, a few at both ends apart."""
    first, last = np.quantile(shares.time[shares.bound], (TAILS, 1 - TAILS))
    return float(first), float(last)
