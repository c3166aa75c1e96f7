"""A case from records, accounts and clusters: account by account, judged under a policy."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from detectors.decode.sniff import Kind
from detectors.signal import Claim, MatchFacts, Outcome, Reason, Signal, Tier, facts_of
from provenance.cases.case import (
    Account,
    BankMatch,
    Case,
    Cluster,
    Gap,
    Hour,
    Share,
    Shared,
)
from provenance.cases.people import Person
from provenance.cases.tally import Tally
from provenance.coordination.clusters import Cluster as Found
from provenance.coordination.clusters import Document, stamp
from provenance.coordination.posts import Posts
from provenance.messages import say
from provenance.record import Record, Risk, Verdict
from provenance.verdict import Policy
from provenance.verdict.rules import judge
from provenance.version import __version__

AVATAR, NETWORK = "avatar", "network"
HOUR: Final = 3600
ID: Final = 16
"""Hex digits of a case's id."""
TlpOf = Callable[[str | None, str | None], str | None]
"""Bank and entry → the entry's TLP."""


class Material(msgspec.Struct, kw_only=True):
    """What a case is built from."""

    name: str
    people: list[Person]
    posts: Posts
    """As the search for clusters read them."""
    found: Document
    avatars: Mapping[str, Record]
    """Account → the record of its avatar."""
    same: Mapping[str, list[str]]
    """Account → others with the same avatar."""
    policy: Policy
    gaps: list[Gap]
    locale: str
    members_only: bool = False
    """Whether accounts in no cluster are left out."""


class Builder:
    """Takes the records of posts one by one, then makes the case."""

    def __init__(self) -> None:
        """Start with none."""
        self._tallies = defaultdict[str, Tally](Tally)
        self._not_assessed = Counter[str]()
        self._unowned = 0

    def add(self, record: Record) -> None:
        """Count the record of a post."""
        account = record.item.facts.get("account_id")
        if account in (None, ""):
            self._unowned += 1
        else:
            self._tallies[str(account)].add(record)
        self.note_gaps(record)

    def note_gaps(self, record: Record) -> None:
        """Note what of an item was not assessed."""
        said = {record.signals[index].reason.code for index in record.verdict.not_assessed}
        self._not_assessed.update(said)

    def case(self, material: Material, tlp_of: TlpOf) -> Case:
        """Return the case.

        Args:
            material: what else it is built from.
            tlp_of: tells whom an entry of a bank may be shown to.
        """
        people = {person.id: person for person in material.people}
        members = {name for each in material.found.clusters for name in each.accounts}
        everybody = {*people, *self._tallies, *material.posts.accounts}
        ids = sorted(members if material.members_only else everybody)
        clusters = _Clusters(material)
        accounts = [
            self._account(people.get(each) or Person(account_id=each), material, clusters, tlp_of)
            for each in ids
        ]
        accounts.sort(key=lambda each: (-each.risk.rank, each.account_id))
        return Case(
            id=_digest([material.name, *ids])[:ID],
            name=material.name,
            tool={"name": "provenance-check", "version": __version__},
            policy=material.policy.stamp,
            accounts=accounts,
            clusters=clusters.told,
            not_distinguishable=material.found.not_distinguishable,
            timeline=clusters.timeline(),
            not_assessed=[*self._gaps(material), *material.gaps],
            counts=_counts(accounts, clusters.told, material),
            method=material.found.parameters,
            does_not_prove=material.found.does_not_prove,
        )

    def _account(
        self, person: Person, material: Material, clusters: "_Clusters", tlp_of: TlpOf
    ) -> Account:
        tally = self._tallies.get(person.id) or Tally()
        avatar = material.avatars.get(person.id)
        own = [msgspec.structs.replace(s, part=AVATAR) for s in avatar.signals] if avatar else []
        signals = [*own, *tally.signals(), *clusters.signals(person.id)]
        verdict = judge(signals, material.policy, Kind.POST, {AVATAR: Kind.IMAGE})
        matches = [(s, AVATAR) for s in own if _is_match(s)] + tally.matches
        shown = clusters.of.get(person.id, [])
        same = material.same.get(person.id, [])
        said = _sentences(verdict, signals, shown, same)
        return Account(
            account_id=person.id,
            platform=person.platform,
            handle=person.handle,
            name=person.name,
            bio=person.bio,
            created_at=person.created_at,
            followers=person.followers,
            risk=verdict.risk,
            sentence=" ".join(say(reason, material.locale) for reason in said),
            signals=signals,
            reasons=verdict.reasons,
            avatar=avatar,
            posts=tally.posts(),
            clusters=[cluster.id for cluster in shown],
            same_picture_as=same,
            bank_matches=[_bank_match(signal, part, tlp_of) for signal, part in matches],
        )

    def _gaps(self, material: Material) -> list[Gap]:
        """Return what was not looked at, kind by kind of look."""
        found = [
            Gap(what=each.kind, reason=say(each.reason, material.locale))
            for each in material.found.not_assessed
        ]
        gap = say(Reason("case.gap"), material.locale)
        counted = sorted(self._not_assessed.items())
        found += [Gap(what=code, reason=gap, count=count) for code, count in counted]
        if self._unowned:
            reason = say(Reason("case.no_account"), material.locale)
            found.append(Gap(what="posts", reason=reason, count=self._unowned))
        return found


class _Clusters:
    """The clusters of a case, with who posted what when."""

    def __init__(self, material: Material) -> None:
        self._material, posts = material, material.posts
        names = list(posts.accounts)
        self._owner = {name: names[posts.account[at]] for at, name in enumerate(posts.ids)}
        self._time = dict(zip(posts.ids, posts.time, strict=True))
        self.told = [self._with_shares(cluster) for cluster in material.found.clusters]
        self.of = defaultdict[str, list[Cluster]](list)
        for cluster in self.told:
            for account in cluster.accounts:
                self.of[account].append(cluster)

    def _with_shares(self, cluster: Found) -> Cluster:
        objects = [
            Shared(**_fields(each), by=[self._share(post) for post in each.posts])
            for each in cluster.objects
        ]
        fields = _fields(cluster) | {"objects": objects, "addresses": self._addresses(cluster)}
        return Cluster(**fields)

    def _addresses(self, cluster: Found) -> list[Shared]:
        """Return the addresses that two members and more posted, the most shared first."""
        members, posts = {*cluster.accounts}, self._material.posts
        names, shares = list(posts.urls.names), defaultdict[str, list[Share]](list)
        for at, url in zip(posts.urls.post, posts.urls.thing, strict=True):
            if self._owner[posts.ids[at]] in members:
                shares[names[url]].append(self._share(posts.ids[at]))
        found = [_address(url, by) for url, by in shares.items()]
        return sorted(
            (each for each in found if each.accounts > 1),
            key=lambda each: (-each.accounts, each.first, each.value),
        )

    def _share(self, post: str) -> Share:
        return Share(post=post, account=self._owner[post], time=stamp(self._time[post]))

    def signals(self, account: str) -> list[Signal]:
        """Return what the network says of an account."""
        found = [_coordinated(cluster) for cluster in self.of.get(account, ())]
        return found + [
            Signal(
                detector="coordination",
                tier=Tier.COORDINATION,
                outcome=Outcome.NOT_ASSESSED,
                reason=each.reason,
                part=NETWORK,
            )
            for each in self._material.found.not_distinguishable
            if account in each.accounts
        ]

    def timeline(self) -> list[Hour]:
        """Return how much was posted hour by hour, by whose cluster."""
        hours = defaultdict[float, list[str]](list)
        for post, time in self._time.items():
            hours[time // HOUR * HOUR].append(self._owner[post])
        told = []
        for begin, owners in sorted(hours.items()):
            by = Counter(cluster.id for owner in owners for cluster in self.of.get(owner, ()))
            counted = dict(sorted(by.items()))
            told.append(Hour(hour=stamp(begin), posts=len(owners), by_cluster=counted))
        return told


def _address(url: str, by: list[Share]) -> Shared:
    by = sorted(by, key=lambda share: (share.time, share.post))
    return Shared(
        kind="same_url",
        digest=f"sha256:{hashlib.sha256(url.encode()).hexdigest()}",
        posts=[share.post for share in by],
        accounts=len({share.account for share in by}),
        first=by[0].time,
        last=by[-1].time,
        value=url,
        by=by,
    )


def _fields(struct: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def _digest(names: Sequence[str]) -> str:
    return hashlib.sha256(msgspec.json.encode(names)).hexdigest()


def _coordinated(cluster: Cluster) -> Signal:
    args = {"count": len(cluster.accounts), "objects": len(cluster.objects)}
    return Signal(
        detector="coordination",
        tier=Tier.COORDINATION,
        outcome=Outcome.FINDING,
        claim=Claim.COORDINATED,
        source="coordination",
        reason=Reason("case.coordinated", args),
        facts={"q": cluster.expected_by_chance, "cluster": cluster.id, "kinds": cluster.kinds},
        part=NETWORK,
    )


def _is_match(signal: Signal) -> bool:
    return signal.outcome is Outcome.FINDING and signal.claim is Claim.KNOWN_FAKE


def _bank_match(signal: Signal, part: str, tlp_of: TlpOf) -> BankMatch:
    facts = facts_of(signal, MatchFacts)
    return BankMatch(
        entry=facts.entry,
        bank=facts.bank,
        kind=facts.entry_class,
        tlp=tlp_of(facts.bank, facts.entry),
        false_match_probability=facts.false_match_probability,
        part=part,
    )


def _sentences(
    verdict: Verdict, signals: Sequence[Signal], clusters: Sequence[Cluster], same: Sequence[str]
) -> list[Reason]:
    """Return what is said of an account: what decided, then what else is known of it."""
    decided = [signals[index] for index in verdict.reasons]
    asked = verdict.risk.rank >= Risk.REVIEW.rank
    said = [Reason(f"case.{verdict.risk.value}")]
    parts = dict.fromkeys((signal.tier, signal.part) for signal in decided if asked)
    said += [Reason(f"case.{tier.value}.{part}") for tier, part in parts if tier in _WEIGHED]
    for cluster in clusters:
        args = {"count": len(cluster.accounts), "objects": len(cluster.objects)}
        said.append(Reason("case.coordinated", args))
    if same:
        said.append(Reason("case.same_picture", {"count": len(same)}))
    return said


_WEIGHED: Final = (Tier.CREDENTIAL, Tier.MATCH, Tier.METADATA, Tier.STATISTICAL)
"""Tiers that have a sentence for each part; clusters have one of their own."""


def _counts(
    accounts: Sequence[Account], clusters: Iterable[Cluster], material: Material
) -> dict[str, Any]:
    """Return what a case holds, in numbers."""
    told = list(clusters)
    members = {account for cluster in told for account in cluster.accounts}
    return {
        "accounts": len(accounts),
        "posts": sum(account.posts.checked for account in accounts),
        "clusters": len(told),
        "accounts_in_clusters": len(members),
        "avatars": sum(account.avatar is not None for account in accounts),
        "avatars_seen_twice": sum(bool(account.same_picture_as) for account in accounts),
        "accounts_with_bank_matches": sum(bool(account.bank_matches) for account in accounts),
        "not_distinguishable": len(material.found.not_distinguishable),
        "by_platform": dict(Counter(a.platform or "not named" for a in accounts).most_common()),
        "by_risk": dict(Counter(account.risk.value for account in accounts)),
        "left_out": {name: count for name, count in material.found.skipped.items() if count},
    }
