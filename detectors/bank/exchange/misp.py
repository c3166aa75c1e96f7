"""MISP: an event with one object an entry.

None of MISP's attribute types is a perceptual hash, and of its object templates none holds a PDQ,
so the entries are objects of a template of their own, `misp-template.json`, which a MISP server
can load. Field names as in MISP's event JSON.
"""

import re
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from detectors.bank.entry import EXACT, Entry, Status
from detectors.bank.exchange.files import decoded, documents, listed
from detectors.bank.exchange.row import (
    Feed,
    FeedRow,
    day,
    moment,
    seconds,
    shared,
    strictest,
    tlp_of,
    whole,
)
from detectors.decode.untrusted import mapping
from detectors.errors import ConfigError

NAME: Final = "perceptual-hash-image"
TEMPLATE: Final = "a2cbb3a4-14ef-40fe-8214-1aad75aa8e74"
OWN: Final = uuid.UUID("1fe801fe-e459-4107-a41d-d1dff862c1b8")
"""Namespace of ids made from feed and entry."""
RELATIONS: Final = {
    "pdq": "text",
    "phash": "text",
    "dhash": "text",
    "sha256": "sha256",
    "sha1": "sha1",
    "md5": "md5",
}
"""Relation, which is the algorithm too → attribute type."""
CONTEXT: Final = ("Tag", "Orgc", "Org")
"""What an event says of all its objects."""
NAMED: Final = re.compile(r"(?i)\.(?:jpe?g|jfif|png|gif|webp|bmp|tiff?|heic|heif|avif|svg)$")
"""The name of a picture's file."""


def read(path: Path) -> Iterator[FeedRow]:
    """Yield a row for each object; attributes and objects that hold no picture hash say so.

    Raises:
        ConfigError: there is no event in it.
    """
    events = [event for raw in documents(path) for event in _events(raw)]
    if not any({"Object", "Attribute", "info"} & {*event} for event in events):
        raise ConfigError(f"{path}: no MISP event in it (`Event`)")
    for event in events:
        about = {key: decoded(raw) for key, raw in event.items() if key in CONTEXT}
        tags = _tags(about)
        org = mapping(about.get("Orgc")).get("name") or mapping(about.get("Org")).get("name")
        for where, each in _each(event, "Object"):
            yield _row(where, each, tags, org) if each is not None else _unreadable(where)
        for where, each in _each(event, "Attribute"):
            yield _attribute(where, mapping(each), tags, org)


def _events(raw: bytes) -> list[dict[str, msgspec.Raw]]:
    """Return the events of a document, whose values are read one by one."""
    response = (decoded(raw, dict[str, msgspec.Raw]) or {}).get("response", b"null")
    events = decoded(raw, list[msgspec.Raw]) or decoded(response, list[msgspec.Raw])
    wrapped = [decoded(each, dict[str, msgspec.Raw]) or {} for each in events or [msgspec.Raw(raw)]]
    return [decoded(each.get("Event", b"null"), dict[str, msgspec.Raw]) or each for each in wrapped]


def _each(event: dict[str, msgspec.Raw], key: str) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield place and content of what an event lists; None where it cannot be read."""
    for number, raw in enumerate(decoded(event.get(key, b"[]"), list[msgspec.Raw]) or []):
        yield f"{key}[{number}]", decoded(raw, dict[str, Any])


def _unreadable(where: str) -> FeedRow:
    return FeedRow(where=where, skipped=(("unreadable", "not an object"),))


def write(entries: Sequence[Entry], feed: Feed) -> Iterator[bytes]:
    """Yield an event with all entries."""
    stamps = [moment(entry.modified) or "" for entry in entries]
    latest = max(stamps, default="") or "1970-01-01T00:00:00Z"
    tag = f"tlp:{strictest(tuple(entries)).value.lower()}"
    event = {
        "uuid": str(uuid.uuid5(OWN, feed.name)),
        "info": f"Known pictures: {feed.name}",
        "date": latest[:10],
        "timestamp": str(seconds(latest)),
        "published": False,
        "distribution": "0",
        "threat_level_id": "4",
        "analysis": "2",
        "Tag": [{"name": tag}],
    }
    yield b'{"Event":' + msgspec.json.encode(event)[:-1] + b',"Object":['
    for number, entry in enumerate(entries):
        yield (b",\n" if number else b"\n") + msgspec.json.encode(_object(entry, feed))
    yield b"\n]}}\n"


def _attribute(where: str, found: dict[str, Any], tags: list[str], org: Any) -> FeedRow:
    """Return the row of a single attribute: a digest with the name of a picture."""
    kind, value = str(found.get("type"))[:40], str(found.get("value") or "")
    name, _, digest = value.rpartition("|")
    algorithm = kind.removeprefix("filename|")
    if algorithm not in EXACT:
        return FeedRow(where=where, skipped=(("not_a_picture", kind),))
    if not NAMED.search(name):
        return FeedRow(
            where=where, said={"id": found.get("uuid")}, skipped=(("no_picture_said", kind),)
        )
    return _file(where, {algorithm: [digest]}, found, tags, org)


def _file_object(where: str, found: dict[str, Any], tags: list[str], org: Any) -> FeedRow:
    """Return the row of a `file` object that is said to be a picture."""
    values: dict[str, list[str]] = {}
    for each in map(mapping, listed(found.get("Attribute"))):
        if not _true(each.get("deleted")) or _true(found.get("deleted")):
            values.setdefault(str(each.get("object_relation")), []).append(str(each.get("value")))
    hashes: dict[str, list[str]] = {name: values[name] for name in EXACT if name in values}
    media, names = values.get("mimetype", [""])[0], values.get("filename", [])
    image = found.get("name") == "image"
    picture = media.startswith("image/") or (not media and (image or any(map(NAMED.search, names))))
    if not hashes or not picture:
        code = (
            "no_hash" if picture else "no_picture_said" if hashes and not media else "not_a_picture"
        )
        return FeedRow(
            where=where, said={"id": found.get("uuid")}, skipped=((code, media or "file"),)
        )
    return _file(where, hashes, found, tags, org)


def _file(
    where: str, hashes: dict[str, list[str]], found: dict[str, Any], tags: list[str], org: Any
) -> FeedRow:
    """Return the row of a picture of which digests alone are known."""
    said = {
        "id": found.get("uuid"),
        "hashes": {name: [{"value": value} for value in hashes[name]] for name in hashes},
        "first_seen": day(found.get("first_seen")),
        "source": org,
        "note": found.get("comment"),
        "tlp": next((tlp for tag in tags if (tlp := tlp_of(tag))), None),
    }
    decided: dict[str, Any] = {}
    if found.get("timestamp"):
        decided["modified"] = found["timestamp"]
    if _true(found.get("deleted")):
        decided["status"] = Status.WITHDRAWN.value
    return FeedRow(where=where, said=said, decided=decided)


def _row(where: str, found: dict[str, Any], event_tags: list[str], org: Any) -> FeedRow:
    if found.get("name") in ("file", "image"):
        return _file_object(where, found, event_tags, org)
    if found.get("name") != NAME and found.get("template_uuid") != TEMPLATE:
        name = str(found.get("name"))[:40]
        return FeedRow(where=where, skipped=(("not_a_picture", name),))
    values: dict[str, list[str]] = {}
    tags: list[str] = []
    for each in map(mapping, listed(found.get("Attribute"))):
        if not _true(each.get("deleted")) or _true(found.get("deleted")):
            relation = str(each.get("object_relation"))
            values.setdefault(relation, []).append(str(each.get("value") or ""))
            tags += _tags(each)
    one = {relation: first[0] for relation, first in values.items()}
    hashes = {name: [{"value": v} for v in values[name]] for name in RELATIONS if name in values}
    quality = one.get("pdq-quality", "")
    if quality and not re.fullmatch(r"[0-9]{1,3}", quality):
        return FeedRow(
            where=where, skipped=(("unreadable", "pdq-quality is no number of 0 to 100"),)
        )
    if "pdq" in hashes and quality:
        hashes["pdq"][0]["quality"] = int(quality)  # type: ignore[assignment]
    said = {
        "id": one.get("entry-id") or found.get("uuid"),
        "hashes": hashes,
        "class": one.get("class"),
        "first_seen": day(one.get("first-seen") or found.get("first_seen")),
        "source": one.get("source") or org,
        "tags": [tag for tag in tags if tlp_of(tag) is None],
        "tlp": next((tlp for tag in event_tags if (tlp := tlp_of(tag))), None),
    }
    decided: dict[str, Any] = {}
    if found.get("timestamp"):
        decided["modified"] = found["timestamp"]
    if own := next((tlp for tag in tags if (tlp := tlp_of(tag))), None):
        decided["tlp"] = own
    if _true(found.get("deleted")):
        decided["status"] = Status.WITHDRAWN.value
    rest = mapping(decoded(one.get("bank-entry", "").encode("utf-8", "replace")))
    return FeedRow(where=where, said=said, rest=rest, decided=decided)


def _object(entry: Entry, feed: Feed) -> dict[str, Any]:
    own = uuid.uuid5(OWN, f"{feed.name}\n{entry.id}")
    gone = entry.status is Status.WITHDRAWN
    quality = next((each.quality for each in entry.hashes.get("pdq", ())), None)
    rows: list[tuple[str, str, str | None]] = [
        ("entry-id", "text", entry.id),
        ("class", "text", entry.kind.value),
        *((name, kind, whole(entry, name)) for name, kind in RELATIONS.items()),
        ("pdq-quality", "counter", None if quality is None else str(quality)),
        ("first-seen", "datetime", moment(entry.first_seen)),
        ("source", "text", entry.source),
        ("bank-entry", "text", msgspec.json.encode(shared(entry, feed)).decode()),
    ]
    attributes: list[dict[str, Any]] = [
        {
            "type": kind,
            "object_relation": name,
            "value": value,
            "category": "Payload delivery" if name in EXACT else "Other",
            "to_ids": name in EXACT and not gone,
            "disable_correlation": name not in RELATIONS,
            "deleted": gone,
            "uuid": str(uuid.uuid5(own, name)),
        }
        for name, kind, value in rows
        if value
    ]
    tags = [*entry.tags, f"tlp:{entry.tlp.value.lower()}"]
    attributes[1]["Tag"] = [{"name": tag} for tag in tags]
    return {
        "name": NAME,
        "template_uuid": TEMPLATE,
        "template_version": "1",
        "meta-category": "file",
        "uuid": str(own),
        "timestamp": str(seconds(entry.modified)),
        "deleted": gone,
        "distribution": "5",
        "Attribute": attributes,
    }


def _tags(holder: dict[str, Any]) -> list[str]:
    return [str(mapping(tag).get("name") or "") for tag in listed(holder.get("Tag"))]


def _true(value: Any) -> bool:
    """Tell whether a flag is set; servers write true, 1 or "1"."""
    return value in (True, 1, "1")
