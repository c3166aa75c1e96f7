"""Seeds: accounts that share more than strangers do; and who joins them.

An edge joins two accounts that share objects within a window; its weight is the number of distinct
objects. The rules and their numbers were chosen on ordinary users of five collections, so that none
of them comes out.
"""

from typing import Final, NamedTuple

import numpy as np

from provenance.coordination.evidence.sketch import distinct
from provenance.coordination.objects import REPOST, Flags, Ints, Shares

MINUTE, HOUR = 60.0, 3600.0
NEAREST: Final = 20
"""Later posts of an object within the window with which one post is paired. What a whole public
shares within a minute says nothing of two accounts, and costs no more than what few share."""
ALIKE: Final = 0.03
"""Least cosine of two accounts: common objects by the geometric mean of their posts. Who posts all
day shares something with everybody."""
BUSY: Final = 5
"""An account with so many times the posts of its cluster's median does not hold two groups
together."""
SMALLEST: Final = 3
"""Accounts of a cluster."""
ROUNDS: Final = 4
"""Times that accounts join."""
JOINING: Final = 3
"""Objects that an account shares within an hour with those it joins."""
OWN: Final = 0.01
"""Least share of its posts that these are."""
CORE_SHARE: Final = 0.15
"""Share of an object's accounts that are members: what an audience reposts too says nothing."""


class Rule(NamedTuple):
    """When shared objects make a seed."""

    reposts: bool
    weight: int
    """Least number of distinct objects of an edge."""
    core: int
    """Each account has so many partners that have so many partners."""


RULES: Final = (
    Rule(reposts=False, weight=3, core=1),
    Rule(reposts=False, weight=2, core=5),
    Rule(reposts=True, weight=2, core=4),
    Rule(reposts=True, weight=3, core=1),
)
WINDOWS: Final = {False: HOUR, True: MINUTE}
"""Seconds between two posts of an object: what accounts wrote, and reposts."""


class Edges(NamedTuple):
    """Pairs of accounts, the lower number first, and how many distinct objects they share."""

    a: Ints
    b: Ints
    weight: Ints

    def where(self, kept: Flags) -> "Edges":
        """Return some of them."""
        return Edges(self.a[kept], self.b[kept], self.weight[kept])


class Found(NamedTuple):
    """What shares tell."""

    cluster: Ints
    """Of each account: the number of its cluster, or -1."""
    edges: Edges
    """All pairs of members of one cluster, reposts and other posts together."""


def find(shares: Shares) -> Found:
    """Return the clusters."""
    shares = shares.rows(np.lexsort((shares.time, shares.object)))
    edges = {reposts: _edges(shares, reposts) for reposts in WINDOWS}
    seeds = [_seed(edges[rule.reposts], rule) for rule in RULES]
    cluster = _groups(seeds, shares.posts)
    by = max(len(shares.accounts), 1)
    holders = np.divmod(distinct(shares.object * by + shares.account), by)
    for _ in range(ROUNDS):
        if not _join(shares, cluster, holders):
            break
    return Found(cluster, _inside(list(edges.values()), cluster))


def _inside(parts: list[Edges], cluster: Ints) -> Edges:
    """Return the edges between members of one cluster, those of both kinds of posts added up."""
    a, b, weight = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    kept = (cluster[a] == cluster[b]) & (cluster[a] >= 0)
    pair, at = np.unique(a[kept] * len(cluster) + b[kept], return_inverse=True)
    sums = np.bincount(at, weight[kept]).astype(np.int64)
    return Edges(*np.divmod(pair, max(len(cluster), 1)), sums)


def _edges(shares: Shares, reposts: bool) -> Edges:
    """Return the pairs of accounts that share an object within the window, limits included.

    The weight is no more than the number of posts of either account: one post with the same text
    and address is one thing in common.
    """
    shares = shares.rows(np.flatnonzero((shares.kind == REPOST) == reposts))
    number = np.arange(len(shares.post))
    count = np.minimum(_reach(shares, WINDOWS[reposts]) - number - 1, NEAREST)
    old = np.repeat(number, count)
    new = old + 1 + np.arange(len(old)) - np.repeat(np.cumsum(count) - count, count)
    other = shares.account[old] != shares.account[new]
    old, new = old[other], new[other]
    swapped = shares.account[old] > shares.account[new]
    a, b = np.where(swapped, new, old), np.where(swapped, old, new)
    pair, at = np.unique(
        shares.account[a] * len(shares.accounts) + shares.account[b], return_inverse=True
    )
    counts = [
        _counted(at, column, len(pair))
        for column in (shares.source[a], shares.post[a], shares.post[b])
    ]
    edges = Edges(*np.divmod(pair, max(len(shares.accounts), 1)), np.minimum.reduce(counts))
    busy = np.bincount(shares.account, minlength=len(shares.accounts))
    return edges.where(edges.weight >= ALIKE * np.sqrt(busy[edges.a] * busy[edges.b]))


def _counted(pair: Ints, what: Ints, pairs: int) -> Ints:
    """Return how many different things each pair has."""
    most = what.max(initial=0) + 1
    return np.bincount(distinct(pair * most + what) // most, minlength=pairs)


def _reach(shares: Shares, window: float) -> Ints:
    """Return for each row, sorted by object and time, where the rows of its window end."""
    times, rank = np.unique(shares.time, return_inverse=True)
    end = np.searchsorted(times, times + window, "right")
    base = shares.object * (len(times) + 1)
    return np.searchsorted(base + rank, base + end[rank], "left")


def _seed(edges: Edges, rule: Rule) -> Edges:
    """Return the edges of a rule's seeds."""
    edges = edges.where(edges.weight >= rule.weight)
    while len(edges.a):
        degree = np.bincount(np.r_[edges.a, edges.b])
        held = (degree[edges.a] >= rule.core) & (degree[edges.b] >= rule.core)
        if held.all():
            break
        edges = edges.where(held)
    return edges


def _groups(seeds: list[Edges], posts: Ints) -> Ints:
    """Return the cluster of each account, in the order of the accounts, -1 where it has none.

    Args:
        seeds: edges.
        posts: of each account.
    """
    a, b = (np.concatenate([getattr(each, side) for each in seeds]) for side in "ab")
    whole = _components(a, b, len(posts))
    order = np.lexsort((posts, whole))
    first, size = np.unique(whole[order], return_index=True, return_counts=True)[1:]
    median = posts[order][first + size // 2]
    at = np.searchsorted(whole[order][first], whole)
    calm = posts <= BUSY * median[at]
    kept = calm[a] & calm[b]
    part = _components(a[kept], b[kept], len(posts))
    names, size = np.unique(part, return_counts=True)
    large = size >= SMALLEST
    parts = np.bincount(at[names[large]], minlength=len(first))
    label = np.where(parts[at] > 1, part, whole)
    _, number, size = np.unique(label, return_inverse=True, return_counts=True)
    large = size >= SMALLEST
    return np.where(large, np.cumsum(large) - 1, -1)[number]


def _components(a: Ints, b: Ints, accounts: int) -> Ints:
    """Return of each account the first account with which edges connect it."""
    label = np.arange(accounts)
    while True:
        least = np.minimum(label[a], label[b])
        new = label.copy()
        np.minimum.at(new, a, least)
        np.minimum.at(new, b, least)
        new = new[new]
        if (new == label).all():
            return label
        label = new


def _join(shares: Shares, cluster: Ints, holders: tuple[Ints, Ints]) -> bool:
    """Let accounts join the cluster with which they share most; tell whether any did.

    Args:
        shares: sorted by object, then time.
        cluster: of each account; changed in place.
        holders: pairs of an object and an account that holds it.
    """
    rows = np.arange(len(shares.object))
    mine = cluster[shares.account]
    objects, accounts = holders
    of = np.bincount(objects)
    core = np.bincount(objects, cluster[accounts] >= 0)
    eligible = core >= CORE_SHARE * of
    member = mine >= 0
    before = np.maximum.accumulate(np.where(member, rows, -1))
    after = np.minimum.accumulate(np.where(member, rows, len(rows))[::-1])[::-1]
    joining = np.flatnonzero(~member & eligible[shares.object])
    found = []
    for near in (before, after):
        other = near[joining]
        inside = (other >= 0) & (other < len(rows))
        at, other = joining[inside], other[inside]
        close = (shares.object[at] == shares.object[other]) & (
            np.abs(shares.time[at] - shares.time[other]) <= HOUR
        )
        found.append(np.stack([shares.account[at], mine[other], shares.source[at]])[:, close])
    account, to, _ = np.unique(np.concatenate(found, 1), axis=1)
    if not len(account):
        return False
    pair, count = np.unique(np.stack([account, to]), axis=1, return_counts=True)
    enough = count >= np.maximum(JOINING, OWN * shares.posts[pair[0]])
    pair, count = pair[:, enough], count[enough]
    order = np.lexsort((-pair[1], count))  # the last of an account stays
    cluster[pair[0][order]] = pair[1][order]
    return bool(len(order))
