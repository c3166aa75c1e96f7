"""The document of a search for coordination, `provenance.coordination/1`."""

import hashlib
from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import numpy as np

from detectors.signal import Reason
from provenance.coordination import chance, objects, seeds
from provenance.coordination.evidence.sketch import ALIKE
from provenance.coordination.objects import Ints, Shares, shares
from provenance.coordination.posts import POPULAR, Posts
from provenance.coordination.traits import Shared, Traits
from provenance.messages import ENGLISH, say
from provenance.version import __version__

SCHEMA: Final = "provenance.coordination/1"
LONGEST: Final = 280
"""Characters of a text that are shown."""
NAMES: Final = {
    objects.TEXT: ("copied_text", "similar_text"),
    objects.REPOST: ("co_repost", "co_repost"),
    objects.URL: ("same_url", "same_url"),
    objects.IMAGE: ("same_image", "similar_image"),
}
"""What a shared object is called where all posts hold the very same, and where near copies."""
SHARING: Final = 2
EDGE: Final = 2
"""Objects that two members share where they count as directly joined."""


class SharedObject(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that members posted."""

    kind: str
    digest: str
    """SHA-256 of the normalised text, the canonical address, or the id of the reposted post."""
    posts: list[str]
    """Every member's post of it, by time; empty where it is a trait of accounts."""
    accounts: int
    first: str = ""
    last: str = ""
    """Times of the posts; empty where there are none."""
    members: list[str] | msgspec.UnsetType = msgspec.UNSET
    """Who has the trait, where it is one."""
    value: str | msgspec.UnsetType = msgspec.UNSET
    """What it is, where texts were asked for; 280 characters at most."""


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts that post the same things together more often than chance explains."""

    id: str
    """Digest of the members: equal members have equal ids."""
    accounts: list[str]
    kinds: list[str]
    first: str
    last: str
    edges: int
    """Pairs of members that share two objects and more within the windows."""
    min_objects_per_edge: int
    objects: list[SharedObject]
    """What two members and more posted, the most shared first."""
    expected_by_chance: float
    null: list[str]
    """How chance was taken: `within_hour`, `circular_shift`."""
    does_not_prove: str
    """A sentence."""


class Undistinguished(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate that chance explains, or whose chance nothing can tell."""

    accounts: list[str]
    kinds: list[str]
    expected_by_chance: float
    null: list[str]
    reason: Reason


class NotAssessed(msgspec.Struct, frozen=True):
    """A kind of shared object that was not looked for."""

    kind: str
    reason: Reason


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in some posts."""

    schema: str = SCHEMA
    posts: int
    accounts: int
    skipped: dict[str, int]
    parameters: dict[str, Any]
    tool: dict[str, str]
    clusters: list[Cluster]
    not_distinguishable: list[Undistinguished]
    not_assessed: list[NotAssessed]
    does_not_prove: str


def document(
    posts: Posts,
    traits: Traits | None = None,
    *,
    seed: int = 0,
    texts: bool = False,
    locale: str = ENGLISH,
) -> Document:
    """Search posts for coordination.

    Args:
        posts: as read.
        traits: of the accounts, shown in the clusters; None: none are known.
        seed: of the permutations; the same seed and posts give the same document.
        texts: show texts and addresses, not their digests alone.
        locale: language of the sentence of what a cluster does not prove.
    """
    sentence = say(Reason("coordination.not_proved"), locale)
    traits = traits or Traits()
    held = shares(posts)
    found = seeds.find(held)
    expected, done = chance.expected(held, found, seed)
    evidence = _Evidence(posts, traits, held, found, texts=texts, sentence=sentence)
    clusters, others = [], []
    for number, value in enumerate(expected.tolist()):
        if value <= chance.MOST:
            clusters.append(evidence.cluster(number, value))
        else:
            others.append(evidence.undistinguished(number, value))
    return Document(
        posts=posts.read,
        accounts=len(posts.accounts),
        skipped=dict(posts.skipped),
        parameters=_parameters(seed, done),
        tool={"name": "provenance-check", "version": __version__},
        clusters=sorted(clusters, key=lambda each: (-len(each.accounts), each.id)),
        not_distinguishable=sorted(others, key=lambda each: (-len(each.accounts), each.accounts)),
        not_assessed=_not_assessed(posts, traits),
        does_not_prove=sentence,
    )


class _Evidence:
    """What members of clusters share."""

    def __init__(
        self,
        posts: Posts,
        traits: Traits,
        held: Shares,
        found: seeds.Found,
        *,
        texts: bool,
        sentence: str,
    ) -> None:
        """Sort the shares of members by cluster."""
        self._posts, self._traits, self._held, self._found = posts, traits, held, found
        self._texts, self._sentence = texts, sentence

    def cluster(self, number: int, value: float) -> Cluster:
        """Return a cluster."""
        rows = self._rows(number)
        groups = self._shared(rows)
        names = self._members(number)
        shared = sorted(
            map(self._object, groups), key=lambda each: (-each.accounts, each.kind, each.digest)
        )
        shared += [_trait(each, texts=self._texts) for each in self._traits.shared(names)]
        times = self._held.time[np.concatenate(groups)]
        mine = self._found.cluster[self._found.edges.a] == number
        weights = self._found.edges.weight[mine]
        weights = weights[weights >= EDGE]
        return Cluster(
            id=f"c-{hashlib.sha256(msgspec.json.encode(names)).hexdigest()[:16]}",
            accounts=names,
            kinds=sorted({each.kind for each in shared}),
            first=stamp(times.min()),
            last=stamp(times.max()),
            edges=len(weights),
            min_objects_per_edge=int(weights.min()),
            objects=shared,
            expected_by_chance=value,
            null=self._null(rows),
            does_not_prove=self._sentence,
        )

    def undistinguished(self, number: int, value: float) -> Undistinguished:
        """Return a candidate that is no cluster."""
        rows = self._rows(number)
        return Undistinguished(
            accounts=self._members(number),
            kinds=sorted({self._object(group).kind for group in self._shared(rows)}),
            expected_by_chance=value,
            null=self._null(rows),
            reason=Reason("coordination.chance", {"expected": value, "most": chance.MOST}),
        )

    def _members(self, number: int) -> list[str]:
        return [self._held.accounts[at] for at in np.flatnonzero(self._found.cluster == number)]

    def _rows(self, number: int) -> Ints:
        return np.flatnonzero(self._found.cluster[self._held.account] == number)

    def _null(self, rows: Ints) -> list[str]:
        bound = self._held.bound[rows]
        kinds = (("circular_shift", bound.any()), ("within_hour", not bound.all()))
        return [name for name, used in kinds if used]

    def _shared(self, rows: Ints) -> list[list[int]]:
        """Return the rows of each object that two members and more posted."""
        groups = defaultdict[int, list[int]](list)
        for row, number in zip(rows.tolist(), self._held.object[rows].tolist(), strict=True):
            groups[number].append(row)
        account = self._held.account
        return [each for each in groups.values() if len({account[row] for row in each}) > 1]

    def _object(self, rows: list[int]) -> SharedObject:
        held, kind = self._held, int(self._held.kind[rows[0]])
        values = Counter(held.names[kind][name] for name in held.name[rows])
        value = min(values, key=lambda each: (-values[each], each))
        hashed = kind == objects.IMAGE
        return SharedObject(
            kind=NAMES[kind][len(values) > 1],
            digest=value if hashed else f"sha256:{hashlib.sha256(value.encode()).hexdigest()}",
            posts=[self._posts.ids[post] for post in held.post[rows]],
            accounts=len({int(account) for account in held.account[rows]}),
            first=stamp(held.time[rows[0]]),
            last=stamp(held.time[rows[-1]]),
            value=value[:LONGEST] if self._texts and not hashed else msgspec.UNSET,
        )


def _trait(trait: Shared, *, texts: bool) -> SharedObject:
    return SharedObject(
        kind=trait.kind,
        digest=f"sha256:{hashlib.sha256(trait.value.encode()).hexdigest()}",
        posts=[],
        accounts=len(trait.members),
        members=trait.members,
        value=trait.value if texts else msgspec.UNSET,
    )


def _parameters(seed: int, done: int) -> dict[str, Any]:
    """Return what decided."""
    return {
        "windows": sorted({int(window) for window in seeds.WINDOWS.values()}),
        "seeds": [rule._asdict() for rule in seeds.RULES],
        "joining_objects": seeds.JOINING,
        "core_share": seeds.CORE_SHARE,
        "nearest": seeds.NEAREST,
        "similar_from": ALIKE,
        "popular_share": POPULAR,
        "permutations": done,
        "seed": seed,
        "max_expected_by_chance": chance.MOST,
    }


def _not_assessed(posts: Posts, traits: Traits) -> list[NotAssessed]:
    """Return the kinds that the input cannot show."""
    gaps = dict[str, str]()
    if not posts.urls.names:
        gaps["same_url"] = "coordination.no_urls"
    elif len(posts.accounts) * POPULAR < SHARING:
        gaps["same_url"] = "coordination.few_accounts"
    if not posts.images.names:
        gaps |= dict.fromkeys(NAMES[objects.IMAGE], "coordination.no_pictures")
    return [NotAssessed(kind, Reason(code)) for kind, code in (gaps | traits.missing).items()]


def stamp(seconds: float) -> str:
    """Return a time as RFC 3339."""
    at = datetime.fromtimestamp(seconds, UTC)
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds")[:-6] + "Z"
