"""ThreatExchange: rows of `/threat_updates`, or a file with one hash a line.

Field names as python-threatexchange asks for them (`threat_updates.py`,
`fb_threatexchange_signal.py`): id, indicator, type, last_updated, should_delete, descriptors{data[
{id, reactions, my_reactions, owner{id}, tags, status, added_on}]}. Ids there are whole numbers. A
row without descriptors is a tombstone as well (facebook/ThreatExchange, issue 834).
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from detectors.bank.entry import DIGITS, Entry, Status
from detectors.bank.exchange.columns import LISTED, hash_of
from detectors.bank.exchange.files import BOM, decoded, documents, head, lines, listed
from detectors.bank.exchange.row import Feed, FeedRow, seconds, shared, whole
from detectors.decode.untrusted import mapping
from detectors.errors import ConfigError

TYPES: Final = {
    "HASH_PDQ": "pdq",
    "HASH_SHA256": "sha256",
    "HASH_SHA1": "sha1",
    "HASH_MD5": "md5",
}
"""Indicator type → algorithm; an entry goes under the first that it has a hash of."""
OPINIONS: Final = frozenset(("", "MALICIOUS", "SUSPICIOUS", "NON_MALICIOUS", "UNKNOWN"))
"""Statuses that an opinion has."""
EXTRA: Final = "provenance"
"""Beside the format's own fields: the entry, for readers that know it."""
DISAGREES: Final = "DISAGREE_WITH_TAGS"
NUMBER: Final = re.compile(r"[1-9][0-9]{0,18}")
"""An id of the API; those of our entries that are none are derived."""


def read(path: Path) -> Iterator[FeedRow]:
    """Yield a row for each update, or for each line of hashes.

    Raises:
        ConfigError: the file is JSON, and neither a list of updates nor an object with one.
    """
    start = head(path).removeprefix(BOM).lstrip()
    if not start.startswith((b"{", b"[")):
        yield from _of_lines(path)
        return
    updates = [each for raw in documents(path) for each in _updates(raw, path)]
    for number, update in enumerate(updates):
        row, where = decoded(update, dict[str, Any]), f"data[{number}]"
        if row is None:
            yield FeedRow(where=where, skipped=(("unreadable", "not an object"),))
        else:
            yield _row(where, row)


def _updates(raw: bytes, path: Path) -> list[msgspec.Raw]:
    """Return the updates of a document: a page of them, a list, or one alone."""
    found = decoded(raw, dict[str, msgspec.Raw]) or {"data": msgspec.Raw(raw)}
    rows = next((found[key] for key in ("data", "threat_updates") if key in found), None)
    updates: list[msgspec.Raw] | None = (
        decoded(rows, list[msgspec.Raw]) if rows is not None else None
    )
    if rows is None and "indicator" in found:
        updates = [msgspec.Raw(raw)]
    if updates is None:
        raise ConfigError(f"{path}: no list of updates (`data`) in it")
    return [update for each in updates for update in _of_page(each)]


def _of_page(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """Return the updates of a page that stands in a list of pages; an update stands for itself."""
    found = decoded(raw, dict[str, msgspec.Raw]) or {}
    page: list[msgspec.Raw] | None = decoded(found.get("data", b"null"), list[msgspec.Raw])
    return [raw] if page is None or "indicator" in found else page


def write(entries: Sequence[Entry], feed: Feed) -> Iterator[bytes]:
    """Yield the document as the API gives it."""
    yield b'{"data":['
    for number, entry in enumerate(entries):
        yield (b",\n" if number else b"\n") + msgspec.json.encode(_update(entry, feed))
    yield b'\n],"paging":{}}\n'


def _of_lines(path: Path) -> Iterator[FeedRow]:
    """Yield a row for each hash of a plain list, with a file's name where one stands behind it."""
    for number, line in lines(path):
        said = (line or b"").removeprefix(BOM).decode("utf-8", "replace").strip()
        where = f"line {number}"
        if said.startswith(("#", "//", ";")):
            continue
        if found := LISTED.fullmatch(said):
            value, name = found["value"].lower(), found["name"]
            yield FeedRow(
                where=where, said={"id": value, "hashes": _listed(value, name), "note": name}
            )
        else:
            yield FeedRow(where=where, skipped=(("unreadable", "not a hash"),))


def _listed(value: str, name: str | None) -> dict[str, Any]:
    """Return a hash of a list: where a file's name stands behind it, a digest of that file."""
    if name and len(value) == DIGITS["sha256"]:
        return hash_of(value, "sha256")
    return hash_of(value, None)


def _row(where: str, row: dict[str, Any]) -> FeedRow:
    kind, indicator = str(row.get("type") or "HASH_PDQ").upper(), row.get("indicator")
    rest = mapping(row.get(EXTRA))
    opinions = [mapping(each) for each in listed(row.get("descriptors"))]
    deleted = row.get("should_delete") is True or not opinions
    words = {str(each.get("status") or "").upper() for each in opinions}
    reactions = {str(mapping(r).get("key")) for each in opinions for r in _reactions(each)}
    said: dict[str, Any] = {"id": _id(row, indicator), "tags": _tags(opinions)}
    skipped: tuple[tuple[str, str], ...] = ()
    if kind in TYPES and isinstance(indicator, str) and indicator:
        said["hashes"] = {TYPES[kind]: [{"value": indicator}]}
    elif kind not in TYPES and not rest:
        skipped = (("not_a_picture" if "HASH" not in kind else "unknown_algorithm", kind[:40]),)
    if "NON_MALICIOUS" in words:
        said["innocent"] = words <= {"NON_MALICIOUS", "UNKNOWN"}
    if odd := words - OPINIONS:
        said["status"] = min(odd)  # not known here, so not active
    if {"MALICIOUS", "NON_MALICIOUS"} <= words or DISAGREES in reactions:
        said["status"] = Status.DISPUTED.value
    owners = [str(mapping(each.get("owner")).get("id") or "") for each in opinions]
    said["source"] = next((f"threatexchange:{owner}" for owner in owners if owner), None)
    said["created"] = next((each["added_on"] for each in opinions if each.get("added_on")), None)
    decided = {"modified": row["last_updated"]} if row.get("last_updated") else {}
    if deleted:
        decided["status"] = Status.WITHDRAWN.value
    return FeedRow(where=where, said=said, rest=rest, decided=decided, skipped=skipped)


def _id(row: dict[str, Any], indicator: Any) -> str:
    """Return the row's id; where it has none, the hash."""
    known = row.get("id")
    return str(known) if isinstance(known, str | int) and known else str(indicator or "")


def _reactions(opinion: dict[str, Any]) -> list[Any]:
    return listed(opinion.get("reactions")) + listed(opinion.get("my_reactions"))


def _tags(opinions: list[dict[str, Any]]) -> list[str]:
    """Return the tags of all opinions; the API gives texts, or objects with `text`."""
    found = [tag for each in opinions for tag in listed(each.get("tags"))]
    return [str(mapping(tag).get("text") or tag) for tag in found]


def _update(entry: Entry, feed: Feed) -> dict[str, Any]:
    kind, algorithm = next(
        ((kind, name) for kind, name in TYPES.items() if whole(entry, name)), ("HASH_PDQ", "pdq")
    )
    status = {Status.DISPUTED: "UNKNOWN"}.get(
        entry.status, "NON_MALICIOUS" if entry.innocent else "MALICIOUS"
    )
    number = entry.id if NUMBER.fullmatch(entry.id) else _number(f"{feed.name}\n{entry.id}")
    opinion = {
        "id": _number(f"{feed.name}\n{entry.id}\nopinion"),
        "reactions": [],
        "my_reactions": [],
        "owner": {"id": _number(feed.name), "name": feed.name},
        "tags": list(entry.tags),
        "status": status,
        "added_on": seconds(entry.created),
    }
    return {
        "id": number,
        "indicator": whole(entry, algorithm) or "",
        "type": kind,
        "last_updated": seconds(entry.modified),
        "should_delete": entry.status is Status.WITHDRAWN,
        "descriptors": {"data": [opinion]},
        EXTRA: shared(entry, feed),
    }


def _number(words: str) -> str:
    """Return a whole number of at most 56 bits that stands for these words."""
    return str(int.from_bytes(hashlib.sha256(words.encode()).digest()[:7], "big"))
