"""What of a case leaves, and for whom: ids keyed, names and texts left out, unless it is said."""

import secrets
from pathlib import Path
from typing import Final

import msgspec

from detectors.errors import ConfigError
from detectors.signal import Reason, Signal
from detectors.storing.atomic import atomic_write
from provenance.cases.case import Account, BankMatch, Case, Cluster, Share, Shared
from provenance.intake.exports.keyed import Key, key
from provenance.record import Record

TLPS: Final = ("CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED")
"""Traffic Light Protocol 2.0, the widest circle first."""
DEFAULT: Final = "AMBER"
BYTES: Final = 32
"""Of a key that is made."""
NUMBERS: Final = ("q", "false_match_probability", "posts", "pictures", "cluster", "class")
"""Facts that leave: numbers, and names that are this program's own."""


class Sharing(msgspec.Struct, kw_only=True, frozen=True):
    """How far a case may go."""

    tlp: str = DEFAULT
    to: str | None = None
    """Whom it is handed to; with `RED` ids, names and texts go along."""
    key: Path | None = None
    """A file with the key of ids; None: one that is kept for the case."""
    keys: Path
    """Where keys of cases are kept."""
    pictures: bool = False
    """Whether small copies of pictures leave."""

    @property
    def raw(self) -> bool:
        """Whether ids, names and texts leave."""
        return self.tlp == "RED" and self.to is not None


def shared(case: Case, sharing: Sharing) -> Case:
    """Return what of a case leaves.

    Raises:
        ConfigError: RED without a name, or a key that cannot be used.
        UnavailableError: a key cannot be kept.
    """
    if sharing.tlp == "RED" and sharing.to is None:
        raise ConfigError("--tlp RED is for named people: say who they are with --to NAME")
    case = _for_circle(case, sharing.tlp)
    return case if sharing.raw else _Keyed(_key(case, sharing)).case(case)


def _for_circle(case: Case, tlp: str) -> Case:
    """Return a case in which entries for a smaller circle are told without id or source."""
    accounts = [
        msgspec.structs.replace(
            account, bank_matches=[_for_match(each, tlp) for each in account.bank_matches]
        )
        for account in case.accounts
    ]
    return msgspec.structs.replace(case, accounts=accounts)


def _for_match(match: BankMatch, tlp: str) -> BankMatch:
    known = match.tlp if match.tlp in TLPS else "RED"
    if TLPS.index(known) <= TLPS.index(tlp):
        return match
    return msgspec.structs.replace(match, entry=None, bank=None)


def _key(case: Case, sharing: Sharing) -> Key:
    """Return the key of a case; one that is not there yet is made and kept."""
    path = sharing.key
    if path is None:
        path = sharing.keys / f"{case.id}.key"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            atomic_write(path, secrets.token_bytes(BYTES))
            path.chmod(0o600)
    return key(path)


class _Keyed:
    """Replaces ids by digests, and leaves out names, texts and what files say of themselves."""

    def __init__(self, key: Key) -> None:
        self._key = key

    def case(self, case: Case) -> Case:
        return msgspec.structs.replace(
            case,
            id=self._key.of(case.id),
            timeline=[
                msgspec.structs.replace(
                    hour,
                    by_cluster={self._cluster_id(n): c for n, c in hour.by_cluster.items()},
                )
                for hour in case.timeline
            ],
            accounts=[self._account(account) for account in case.accounts],
            clusters=[self._cluster(cluster) for cluster in case.clusters],
            not_distinguishable=[
                msgspec.structs.replace(each, accounts=self._ids(each.accounts))
                for each in case.not_distinguishable
            ],
        )

    def _signal(self, signal: Signal) -> Signal:
        bare = _bare(signal)
        cluster = bare.facts.get("cluster")
        facts = bare.facts | ({"cluster": self._cluster_id(cluster)} if cluster else {})
        return msgspec.structs.replace(bare, facts=facts)

    def _ids(self, names: list[str]) -> list[str]:
        return sorted(map(self._key.of, names))

    def _account(self, account: Account) -> Account:
        posts = account.posts
        return msgspec.structs.replace(
            account,
            account_id=self._key.of(account.account_id),
            handle=None,
            name=None,
            bio=None,
            created_at=None,
            followers=None,
            signals=[self._signal(signal) for signal in account.signals],
            clusters=[self._cluster_id(name) for name in account.clusters],
            avatar=_bare_record(account.avatar) if account.avatar else None,
            posts=msgspec.structs.replace(posts, worst=[*map(self._key.of, posts.worst)]),
            same_picture_as=self._ids(account.same_picture_as),
            bank_matches=[
                msgspec.structs.replace(
                    each, part=each.part if each.part == "avatar" else self._key.of(each.part)
                )
                for each in account.bank_matches
            ],
        )

    def _cluster(self, cluster: Cluster) -> Cluster:
        objects = [self._object(each) for each in cluster.objects]
        return msgspec.structs.replace(
            cluster,
            id=self._cluster_id(cluster.id),
            accounts=self._ids(cluster.accounts),
            objects=objects,
            addresses=[self._object(each) for each in cluster.addresses],
        )

    def _cluster_id(self, name: str) -> str:
        """Return the id of a cluster: its own is a digest of ids, which could be guessed."""
        return f"c-{self._key.of(name)[:16]}"

    def _digest(self, digest: str) -> str:
        """Return the digest of a text: its own tells whoever has the text."""
        return f"hmac-sha256:{self._key.of(digest)}"

    def _object(self, each: Shared) -> Shared:
        value = each.value
        if isinstance(value, str):
            value = self._key.text(value) if each.kind == "same_url" else msgspec.UNSET
        return msgspec.structs.replace(
            each,
            digest=each.digest if each.kind == "same_url" else self._digest(each.digest),
            posts=[self._key.of(post) for post in each.posts],
            value=value,
            by=[
                Share(post=self._key.of(s.post), account=self._key.of(s.account), time=s.time)
                for s in each.by
            ],
        )


def _bare(signal: Signal) -> Signal:
    """Return a signal without words that a file or a bank says."""
    facts = {name: value for name, value in signal.facts.items() if name in NUMBERS}
    return msgspec.structs.replace(signal, reason=Reason(signal.reason.code), facts=facts)


def _bare_record(record: Record) -> Record:
    """Return the record of an avatar without its name and what it says of itself."""
    item = record.item
    return msgspec.structs.replace(
        record,
        item=msgspec.structs.replace(item, uri=f"sha256:{item.sha256}", facts={}),
        signals=[_bare(signal) for signal in record.signals],
    )
