"""What several exports know: pairs of accounts, and words of other frameworks for what was seen."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import combinations
from statistics import median
from typing import Final, NamedTuple

from provenance.cases.case import Case, Cluster, Shared


class Technique(NamedTuple):
    """A technique of DISARM."""

    id: str
    name: str


COPYPASTA: Final = Technique("T0084.001", "Use Copypasta")
REUSE: Final = Technique("T0084", "Reuse Existing Content")
TECHNIQUES: Final = {
    "copied_text": COPYPASTA,
    "similar_text": COPYPASTA,
    "same_image": REUSE,
    "similar_image": REUSE,
    "same_url": Technique("T0115", "Post Content"),
    "co_repost": Technique("T0118", "Amplify Existing Narrative"),
}
"""Kind of shared object → the technique that describes it, and says nothing about who posts.
DISARMFoundation/DISARMframeworks, commit 49df5f64."""
SPRAYING: Final = ("6. Indiscriminate engagement", "6.3 Spraying content", "")
"""Tactic, technique and procedure of the Online Operations Kill Chain (Meta) for content that many
accounts post."""


class Pair(NamedTuple):
    """Two members of a cluster that posted the same things."""

    one: str
    other: str
    weight: int
    """Distinct things that both posted."""
    kinds: list[str]
    median_delta_s: float
    """Seconds between the first posts of the two, the median over what they share."""


def pairs(cluster: Cluster) -> Iterator[Pair]:
    """Yield the pairs of a cluster, sorted by name."""
    shared = defaultdict[tuple[str, str], list[tuple[str, float]]](list)
    for each in cluster.objects:
        first = dict[str, float]()
        for share in each.by:
            at = datetime.fromisoformat(share.time).timestamp()
            first[share.account] = min(at, first.get(share.account, at))
        for one, other in combinations(sorted(first), 2):
            shared[one, other].append((each.kind, abs(first[one] - first[other])))
    for (one, other), things in sorted(shared.items()):
        kinds = sorted({kind for kind, _ in things})
        yield Pair(one, other, len(things), kinds, median(delta for _, delta in things))


def addresses_of(cluster: Cluster) -> list[Shared]:
    """Return the addresses that several members posted, each once."""
    evidence = [each for each in cluster.objects if each.kind == "same_url"]
    known = {each.digest for each in evidence}
    return evidence + [each for each in cluster.addresses if each.digest not in known]


def latest(case: Case) -> str:
    """Return the last hour of a case, RFC 3339: exports are dated by it, so they stay the same."""
    return case.timeline[-1].hour if case.timeline else "1970-01-01T00:00:00Z"
