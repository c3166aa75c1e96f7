"""STIX 2.1: accounts as observables, a cluster as a grouping with a note, techniques of DISARM.

Nothing says who is behind the accounts: there is no threat actor, no campaign and no attribution.
Ids are UUIDs of version 5, so the same case gives the same bundle.
"""

import uuid
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from provenance.banking.tlp import marking
from provenance.cases.case import Case, Cluster
from provenance.cases.exports.about import TECHNIQUES, Technique, addresses_of, latest

OWN: Final = uuid.UUID("6d1dd9a1-6b9b-4ff5-9a3e-0d7e1f6c4a52")
"""Namespace of ids that are made of a case."""
OBSERVABLE: Final = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""Namespace of observables (STIX 2.1, section 2.9)."""


def write(case: Case, tlp: str) -> bytes:
    """Return the bundle.

    Args:
        case: as it is to leave.
        tlp: of all objects.
    """
    mark = marking(tlp)
    made = _Bundle(case, mark["id"])
    bundle = {"type": "bundle", "id": f"bundle--{made.id('bundle')}",
              "objects": [*made.objects(), mark]}  # fmt: skip
    return msgspec.json.format(msgspec.json.encode(bundle), indent=1) + b"\n"


class _Bundle:
    """Makes the objects of a case."""

    def __init__(self, case: Case, mark: str) -> None:
        self._case, self._mark = case, mark
        self._moment = latest(case).replace("Z", ".000Z")
        self._platforms = {each.account_id: each.platform for each in case.accounts}

    def id(self, *names: str) -> str:
        """Return an id that is made of names."""
        return str(uuid.uuid5(OWN, "\n".join((self._case.id, *names))))

    def objects(self) -> Iterator[dict[str, Any]]:
        """Yield who says it, the techniques, then cluster by cluster."""
        maker = self._whole("identity", "maker", name="provenance", identity_class="system")
        yield maker
        kinds = {kind for each in self._case.clusters for kind in each.kinds if kind in TECHNIQUES}
        for technique in sorted({TECHNIQUES[kind] for kind in kinds}):
            yield self._technique(technique)
        for cluster in self._case.clusters:
            yield from self._cluster(cluster)

    def _cluster(self, cluster: Cluster) -> Iterator[dict[str, Any]]:
        members = [self._account(name) for name in cluster.accounts]
        yield from members
        refs = [each["id"] for each in members]
        urls = [each.value for each in addresses_of(cluster) if isinstance(each.value, str)]
        addresses = [self._observable("url", {"value": _whole_address(url)}) for url in urls]
        yield from addresses
        refs += [each["id"] for each in addresses]
        techniques = sorted({TECHNIQUES[kind] for kind in cluster.kinds if kind in TECHNIQUES})
        refs += [f"attack-pattern--{self.id('technique', each.id)}" for each in techniques]
        grouping = self._whole(
            "grouping", cluster.id,
            name=f"{len(cluster.accounts)} accounts that posted the same things together",
            description=cluster.does_not_prove,
            context="suspicious-activity",
            object_refs=refs,
        )  # fmt: skip
        yield grouping
        yield self._whole(
            "note", cluster.id,
            abstract="What was seen, and what chance gives",
            content=(
                f"{len(cluster.objects)} shared objects ({', '.join(cluster.kinds)}) from"
                f" {cluster.first} to {cluster.last}; {cluster.edges} pairs of accounts share"
                f" {cluster.min_objects_per_edge} and more. Clusters as large and as dense came by"
                f" chance in {cluster.expected_by_chance:.2g} of permutations or fewer."
                f" {cluster.does_not_prove}"
            ),
            object_refs=[grouping["id"]],
        )  # fmt: skip

    def _account(self, name: str) -> dict[str, Any]:
        platform = self._platforms.get(name)
        said = {"user_id": name} | ({"account_type": platform} if platform else {})
        return self._observable("user-account", said)

    def _observable(self, kind: str, said: dict[str, str]) -> dict[str, Any]:
        name = msgspec.json.encode(said, order="sorted").decode()
        return {
            "type": kind,
            "spec_version": "2.1",
            "id": f"{kind}--{uuid.uuid5(OBSERVABLE, name)}",
            "object_marking_refs": [self._mark],
            **said,
        }

    def _technique(self, technique: Technique) -> dict[str, Any]:
        reference = {"source_name": "DISARM", "external_id": technique.id}
        return self._whole("attack-pattern", "technique", technique.id, name=technique.name,
                           external_references=[reference])  # fmt: skip

    def _whole(self, kind: str, *names: str, **said: Any) -> dict[str, Any]:
        """Return an object with what all of them have."""
        made = {
            "type": kind,
            "spec_version": "2.1",
            "id": f"{kind}--{self.id(*names)}" if names[0] == "technique"
            else f"{kind}--{self.id(kind, *names)}",
            "created": self._moment,
            "modified": self._moment,
            "object_marking_refs": [self._mark],
        }  # fmt: skip
        if kind != "identity":
            made["created_by_ref"] = f"identity--{self.id('identity', 'maker')}"
        return made | said


def _whole_address(address: str) -> str:
    """Return a canonical address with a scheme, which an observable needs."""
    return address if "://" in address else f"https://{address}"
