"""STIX 2.1: a bundle with one indicator an entry, and the file that it describes.

Core STIX has no perceptual hash. The `file` object carries PDQ under the custom key that the
specification allows (2.1, section 6.7 and `hashes-type.json`), the pattern means equality, and how
near counts as a match stands in our extension with the rest of the entry. TLP 2.0 is an extension
too: its marking objects are part of the bundle (oasis-open/cti-stix-common-objects). Ids are UUIDs
of version 5, so the same bank gives the same bundle.
"""

import hashlib
import re
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from detectors.bank.entry import Entry, Status, Tlp
from detectors.bank.exchange.files import decoded, documents, listed
from detectors.bank.exchange.row import Feed, FeedRow, day, moment, shared, tlp_of, whole
from detectors.bank.matching.index import REACH
from detectors.decode.untrusted import mapping
from detectors.errors import ConfigError

HOME: Final = Path(__file__).parent
OWN: Final = uuid.UUID("2122b2a5-dca3-4969-80b6-9e5f5d8862cf")
"""Namespace of ids made from feed and entry."""
OBSERVABLE: Final = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""Namespace of observables (STIX 2.1, section 2.9)."""
EXTENSION: Final = "extension-definition--2914e0b4-765e-4d65-b724-ad563e573fd2"
MAKER: Final = "identity--784fc9a2-c660-46b6-88e3-1e62a11908cf"
"""Who defined the extension: this program."""
TLP_EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
MARKINGS: Final = {
    Tlp.CLEAR: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    Tlp.GREEN: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    Tlp.AMBER: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    Tlp.AMBER_STRICT: "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    Tlp.RED: "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
OLD_MARKINGS: Final = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "CLEAR",
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "GREEN",
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "AMBER",
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "RED",
}
"""TLP 1 (STIX 2.1, section 7.2.1.4), read and never written."""
BORN: Final = "2026-11-24T00:00:00.000Z"
"""When the extension was defined; identities bear it as well."""
KEYS: Final = {"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "pdq": "PDQ"}
"""Algorithm → key of `hashes`, in the order in which the id of a file prefers them."""
EQUALITY: Final = re.compile(r"file:hashes\.'?([A-Za-z0-9_-]+)'?\s*=\s*'([0-9A-Fa-f]+)'")
FILE_HASHES: Final = re.compile(r"file:hashes\.")
CONTEXT: Final = frozenset(
    ("identity", "marking-definition", "extension-definition", "relationship", "file")
)
"""Types that come along with indicators and are no entries of their own."""


def read(path: Path) -> Iterator[FeedRow]:
    """Yield a row for each indicator of a perceptual hash; other objects say what they are.

    Raises:
        ConfigError: it is neither a bundle nor a list of objects.
    """
    objects = [each for raw in documents(path) for each in _objects_of(raw, path)]
    tlps, makers = _context(objects)
    for number, each in enumerate(objects):
        found, where = decoded(each, dict[str, Any]), f"objects[{number}]"
        if found is None:
            yield FeedRow(where=where, skipped=(("unreadable", "not an object"),))
        elif str(found.get("type")) not in CONTEXT:
            yield _row(where, found, tlps, makers)


def _objects_of(raw: bytes, path: Path) -> list[msgspec.Raw]:
    """Return the objects of a bundle, of a list, or the one that a document is."""
    bundle = decoded(raw, dict[str, msgspec.Raw]) or {}
    objects: list[msgspec.Raw] | None = decoded(
        bundle.get("objects", raw if not bundle else b"null"), list[msgspec.Raw]
    )
    if objects is None and decoded(bundle.get("id", b"0"), str):
        objects = [msgspec.Raw(raw)]
    if objects is None:
        raise ConfigError(f"{path}: no STIX bundle: it has no list `objects`")
    return objects


def write(entries: Sequence[Entry], feed: Feed) -> Iterator[bytes]:
    """Yield a bundle: who says it, the markings, the extension, then the entries."""
    state = hashlib.sha256()
    for entry in entries:
        state.update(msgspec.json.encode(shared(entry, feed)))
    bundle = _made("bundle", feed, state.hexdigest())
    yield f'{{"type":"bundle","id":"{bundle}","objects":[\n'.encode()
    yield b",\n".join(msgspec.json.encode(each) for each in _preamble(entries, feed))
    seen: set[str] = set()
    for entry in entries:
        for each in _objects(entry, feed):
            if each["id"] not in seen:
                seen |= {each["id"]} if each["type"] == "file" else set()
                yield b",\n" + msgspec.json.encode(each)
    yield b"\n]}\n"


def extension() -> list[dict[str, Any]]:
    """Return the definition of the extension and the identity that defined it."""
    schema = decoded((HOME / "entry-1.json").read_bytes())
    return [
        _identity(MAKER, "provenance-check", "system"),
        {
            "type": "extension-definition",
            "spec_version": "2.1",
            "id": EXTENSION,
            "created_by_ref": MAKER,
            "created": BORN,
            "modified": BORN,
            "name": "Known picture",
            "description": (
                "An entry of a bank of known fake-profile pictures: all its hashes with view and "
                "quality, and in `match_within` how many bits may differ in a match."
            ),
            "schema": msgspec.json.encode(
                {
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    "type": "object",
                    "required": ["extension_type", "entry", "match_within"],
                    "properties": {
                        "extension_type": {"const": "property-extension"},
                        "match_within": {"additionalProperties": {"type": "integer"}},
                        "entry": schema,
                    },
                }
            ).decode(),
            "version": "1.0.0",
            "extension_types": ["property-extension"],
        },
    ]


def _context(objects: list[msgspec.Raw]) -> tuple[dict[str, Tlp], dict[str, str]]:
    """Return marking id → TLP and identity id → name, those of the bundle and well-known ones."""
    tlps = {marking: tlp for tlp, marking in MARKINGS.items()}
    tlps |= {marking: Tlp(word) for marking, word in OLD_MARKINGS.items()}
    makers: dict[str, str] = {}
    for raw in objects:
        each = decoded(raw, dict[str, Any]) or {}
        if each.get("type") == "marking-definition":
            own = mapping(mapping(each.get("extensions")).get(TLP_EXTENSION))
            word = own.get("tlp_2_0") or mapping(each.get("definition")).get("tlp")
            if tlp := tlp_of(word):
                tlps[str(each.get("id"))] = tlp
        elif each.get("type") == "identity":
            makers[str(each.get("id"))] = str(each.get("name") or "")
    return tlps, makers


def _row(
    where: str, found: dict[str, Any], tlps: dict[str, Tlp], makers: dict[str, str]
) -> FeedRow:
    own = mapping(mapping(found.get("extensions")).get(EXTENSION))
    rest = mapping(own.get("entry"))
    algorithms = {key: name for name, key in KEYS.items()}
    hashes: dict[str, Any] = {}
    for key, value in EQUALITY.findall(str(found.get("pattern") or "")[:4096]):
        name = algorithms.get(key.upper())
        if name:
            hashes.setdefault(name, []).append({"value": value})
    if not rest and "pdq" not in hashes:
        kind = str(found.get("type"))[:40]
        digests = kind == "indicator" and bool(FILE_HASHES.search(str(found.get("pattern"))[:4096]))
        code = "no_picture_said" if digests else "not_a_picture"
        return FeedRow(where=where, said={"id": found.get("id")}, skipped=((code, kind),))
    said = {
        "id": found.get("id"),
        "hashes": hashes,
        "created": found.get("created"),
        "first_seen": day(found.get("valid_from")),
        "expires": found.get("valid_until"),
        "source": makers.get(str(found.get("created_by_ref"))),
        "tags": listed(found.get("labels")),
        "innocent": "benign" in listed(found.get("indicator_types")),
    }
    decided: dict[str, Any] = {"modified": found["modified"]} if found.get("modified") else {}
    marked = [
        tlps[ref] for ref in map(str, listed(found.get("object_marking_refs"))) if ref in tlps
    ]
    if marked:
        decided["tlp"] = max(marked, key=list(Tlp).index)
    if found.get("valid_until") and rest:
        decided["expires"] = found["valid_until"]
    if found.get("revoked") is True:
        decided["status"] = Status.WITHDRAWN.value
    return FeedRow(where=where, said=said, rest=rest, decided=decided)


def _preamble(entries: Sequence[Entry], feed: Feed) -> list[dict[str, Any]]:
    """Return what the entries refer to."""
    used = {entry.tlp for entry in entries}
    markings = [marking(tlp) for tlp in MARKINGS if tlp in used]
    return [_identity(_made("identity", feed), feed.name, "unknown"), *extension(), *markings]


def marking(tlp: Tlp) -> dict[str, Any]:
    """Return the marking object of a TLP, which travels with what it marks."""
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": MARKINGS[tlp],
        "created": "2022-10-01T00:00:00.000Z",
        "name": f"TLP:{tlp.value}",
        "extensions": {
            TLP_EXTENSION: {
                "extension_type": "property-extension",
                "tlp_2_0": tlp.value.lower(),
            }
        },
    }


def _objects(entry: Entry, feed: Feed) -> list[dict[str, Any]]:
    """Return the indicator of an entry and, where it has such hashes, file and relation."""
    known = {key: value for name, key in KEYS.items() if (value := whole(entry, name))}
    created, modified = _stamp(entry.created), _stamp(entry.modified)
    marking = [MARKINGS[entry.tlp]]
    indicator: dict[str, Any] = {
        "type": "indicator",
        "spec_version": "2.1",
        "id": _made("indicator", feed, entry.id),
        "created_by_ref": _made("identity", feed),
        "created": created,
        "modified": max(created, modified),
        "revoked": entry.status is Status.WITHDRAWN,
        "name": f"Known picture: {entry.id}",
        "indicator_types": ["benign" if entry.innocent else "anomalous-activity"],
        "pattern": _pattern(entry, known),
        "pattern_type": "stix",
        "valid_from": _stamp(entry.first_seen or entry.created),
        "object_marking_refs": marking,
        "extensions": {
            EXTENSION: {
                "extension_type": "property-extension",
                "match_within": {name: REACH[name] for name in REACH if name in entry.hashes},
                "entry": shared(entry, feed),
            }
        },
    }
    if entry.tags:
        indicator["labels"] = list(entry.tags)
    if not known:
        return [indicator]
    described = _file(known) | {"object_marking_refs": marking}
    return [described, indicator, _relation(indicator, described, feed, entry)]


def _relation(
    indicator: dict[str, Any], described: dict[str, Any], feed: Feed, entry: Entry
) -> dict[str, Any]:
    """Return what relates an indicator to its file."""
    common = ("spec_version", "created_by_ref", "created", "modified", "object_marking_refs")
    return {
        "type": "relationship",
        "id": _made("relationship", feed, entry.id),
        **{key: indicator[key] for key in common},
        "relationship_type": "related-to",
        "source_ref": indicator["id"],
        "target_ref": described["id"],
    }


def _file(known: dict[str, str]) -> dict[str, Any]:
    """Return the file of these hashes; its id is made of the first (STIX 2.1, section 6.7.1)."""
    key, value = next(iter(known.items()))
    unique = msgspec.json.encode({"hashes": {key: value}}).decode()
    name = f"file--{uuid.uuid5(OBSERVABLE, unique)}"
    return {"type": "file", "spec_version": "2.1", "id": name, "hashes": known}


def _pattern(entry: Entry, known: dict[str, str]) -> str:
    """Return the pattern of equal hashes; a tombstone may have kept none, and names itself."""
    tests = [
        f"file:hashes.{key if key.isalnum() else repr(key)} = '{value}'"
        for key, value in known.items()
    ]
    if not tests:
        quoted = entry.id.replace("\\", "\\\\").replace("'", "\\'")
        tests = [f"x-bank-entry:id = '{quoted}'"]
    return f"[{' OR '.join(tests)}]"


def _identity(name: str, title: str, kind: str) -> dict[str, Any]:
    return {
        "type": "identity",
        "spec_version": "2.1",
        "id": name,
        "created": BORN,
        "modified": BORN,
        "name": title,
        "identity_class": kind,
    }


def _made(kind: str, feed: Feed, *parts: str) -> str:
    """Build the id of an object of ours."""
    return f"{kind}--{uuid.uuid5(OWN, chr(10).join((kind, feed.name, *parts)))}"


def _stamp(value: str) -> str:
    """Return a time to the millisecond."""
    return (moment(value) or BORN).replace("Z", ".000Z") if moment(value) else BORN
