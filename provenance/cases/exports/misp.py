"""A MISP event: an object for each account of a cluster, and the addresses that were shared.

The event is not published and has no threat level; nothing says who is behind the accounts.
"""

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from provenance.cases.case import Case, Cluster
from provenance.cases.exports.about import addresses_of, latest
from provenance.coordination.evidence.urls import defanged

OWN: Final = uuid.UUID("0b7f1c1e-5d6e-4a43-8d6b-0c5a9d5a8f10")
"""Namespace of ids that are made of a case."""
TEMPLATE: Final = {
    "name": "user-account",
    "meta-category": "misc",
    "template_uuid": "49606b06-22f0-4ac8-8eee-2f12ad46f3d3",
    "template_version": "6",
}
"""Of the objects (MISP/misp-objects)."""
UNDEFINED, COMPLETED, OWN_ORGANISATION = "4", "2", "0"
"""Threat level, analysis and distribution (MISP core format, draft 18)."""


def write(case: Case, tlp: str) -> bytes:
    """Return the event.

    Args:
        case: as it is to leave.
        tlp: its tag.
    """
    moment = latest(case)
    event = {
        "uuid": _id(case, "event"),
        "info": f"Accounts that posted the same things together: {case.name}",
        "date": moment[:10],
        "timestamp": _seconds(moment),
        "published": False,
        "distribution": OWN_ORGANISATION,
        "threat_level_id": UNDEFINED,
        "analysis": COMPLETED,
        "Tag": [{"name": f"tlp:{tlp.lower()}"}],
        "Object": [each for cluster in case.clusters for each in _objects(case, cluster)],
        "Attribute": [each for cluster in case.clusters for each in _attributes(case, cluster)],
    }
    return msgspec.json.format(msgspec.json.encode({"Event": event}), indent=1) + b"\n"


def _objects(case: Case, cluster: Cluster) -> Iterator[dict[str, Any]]:
    platforms = {each.account_id: each.platform for each in case.accounts}
    stamp = _seconds(latest(case))
    for name in cluster.accounts:
        said = [("user-id", name), ("description", f"Member of cluster {cluster.id}")]
        if platform := platforms.get(name):
            said.append(("account-type", platform))
        yield {
            **TEMPLATE,
            "uuid": _id(case, cluster.id, name),
            "timestamp": stamp,
            "comment": cluster.does_not_prove,
            "Attribute": [
                {
                    "uuid": _id(case, cluster.id, name, relation),
                    "type": "text",
                    "category": "Other",
                    "object_relation": relation,
                    "value": value,
                    "timestamp": stamp,
                    "to_ids": False,
                }
                for relation, value in said
            ],
        }


def _attributes(case: Case, cluster: Cluster) -> Iterator[dict[str, Any]]:
    """Yield what members shared, as text that nothing acts on: addresses defanged."""
    for each in addresses_of(cluster):
        if isinstance(each.value, str):
            yield {
                "uuid": _id(case, cluster.id, each.digest),
                "type": "text",
                "category": "Other",
                "value": defanged(each.value),
                "comment": f"{each.accounts} accounts of {cluster.id}, {each.first} to {each.last}",
                "timestamp": _seconds(latest(case)),
                "to_ids": False,
            }


def _id(case: Case, *names: str) -> str:
    return str(uuid.uuid5(OWN, "\n".join((case.id, *names))))


def _seconds(moment: str) -> str:
    return str(int(datetime.fromisoformat(moment).timestamp()))
