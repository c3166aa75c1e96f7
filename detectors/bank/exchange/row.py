"""One row of a feed on its way in, one entry on its way out."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec

from detectors.bank.entry import (
    DIGITS,
    Entry,
    EntryKind,
    Hash,
    Status,
    Tlp,
    hash_fault,
    named,
)
from detectors.bank.exchange.columns import UNNAMED
from detectors.errors import ConfigError

REFUSED: Final = {
    "all_bits_equal": "a hash whose bits are all equal, which no picture has",
    "wrong_length": "a hash of the wrong length for its algorithm",
    "not_hex": "a hash that is not hexadecimal",
    "unbalanced": "a hash with far from half of its bits set",
    "low_quality": "a hash of a picture with too little detail (quality under 50)",
    "digest_of_nothing": "the digest of an empty file, which is no picture's",
    "bad_id": "an id that is empty, too long or cannot be shown",
    "unreadable": "a row that is not of the format",
}
"""Code → what is wrong with it. Such things come from faults, and never enter a bank."""
SKIP_REASONS: Final = {
    "crowded": "a hash under more than 20 ids: a placeholder, not a picture",
    "unknown_algorithm": "a hash that this program cannot use",
    "unknown_status": "a status that this program does not know, so that it is not taken as active",
    "unknown_class": "a class that this program does not know (ai_face, stolen_photo or other)",
    "other_word": "a status or class in words of theirs, taken as the one of ours that it means",
    "unknown_column": "a column or field that this program does not know; the rest is taken",
    "unknown_tlp": "a TLP that this program does not know, taken as RED; the rest is taken",
    "odd_date": "a date that is not written as YYYY-MM-DD; the rest is taken",
    "expired": "an entry that has expired",
    "link": "a link in place of a hash; never followed",
    "not_a_picture": "a video, a text or another kind of thing",
    "no_picture_said": "a digest of a file that is not said to be a picture",
    "no_hash": "a row without a hash",
    "other_picture": "an id that stands for another picture here (use --prefix)",
    "withdrawn_here": "an entry that was withdrawn here, and stays so",
    "copy_withdrawn": "a picture that was withdrawn here (--reinstate --reason TEXT takes it in)",
    "copy_disputed": "a picture that is disputed here (--reinstate --reason TEXT takes it in)",
    "copy_innocent": "a picture that is harmless here (--reinstate --reason TEXT takes it in)",
}
"""Code → why it waits. Nothing is wrong with such things, but they have no place in a bank."""
DECIDED: Final = ("withdrawn_here", "copy_withdrawn", "copy_disputed", "copy_innocent")
"""Codes of what was decided here otherwise: a person has to look at these."""
STATUSES: Final = {
    **dict.fromkeys(("confirmed", "valid", "enabled", "current", "live", "new", "actif",
                    "activo", "ativo", "attivo", "aktiv"), "active"),
    **dict.fromkeys(
        ("removed", "deleted", "revoked", "retracted", "inactive", "disabled", "withdraw",
         "expired", "false_positive"), "withdrawn"),
    **dict.fromkeys(("contested", "challenged", "in_dispute", "under_review"), "disputed"),
}  # fmt: skip
"""What partners call the status of an entry → ours."""
CLASSES: Final = {
    "ai": "ai_face", "ai_generated": "ai_face", "ai_generated_face": "ai_face", "gan": "ai_face",
    "aiface": "ai_face", "stolen": "stolen_photo", "stolenphoto": "stolen_photo",
    "stolen_picture": "stolen_photo", "real_person": "stolen_photo",
}  # fmt: skip
STOPPING: Final = frozenset({"unknown_status", "unknown_class", "expired"})
"""Codes of what leaves out the entry, not a part of it."""
YES: Final = frozenset(("true", "yes", "y", "1", "x", "t", "ja", "oui", "si"))
NO: Final = frozenset(("", "false", "no", "n", "0", "f", "nein", "non", "none", "null", "_"))
"""How flags are written."""
NO_ID: Final = frozenset(("n/a", "na", "none", "null", "-", "nan"))
"""What stands in the place of an id where there is none."""
DATES: Final = ("first_seen", "created", "modified", "expires")
VIEWS: Final = ("whole", "inner")
MOST_TEXT: Final = 500
MOST_TAGS: Final = 100
MOST_HASHES: Final = 8
"""Most hashes of one algorithm in one entry."""
STRICT: Final = tuple(Tlp)
"""From the freest to the strictest."""


class Skipped(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something of a feed that did not enter the bank."""

    where: str
    """Line or place in the file."""
    id: str | None = None
    code: str
    """Code of `REFUSED` or `SKIP_REASONS`."""
    detail: str | None = None


class FeedRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one row of a feed says, in the words of an entry, unchecked."""

    where: str
    said: Mapping[str, Any] = {}
    """What the format's own fields say; values may be of any type."""
    rest: Mapping[str, Any] = {}
    """The entry as this program wrote it beside them; it says all, so `said` is not asked."""
    decided: Mapping[str, Any] = {}
    """Fields of the format that go before `rest`: those in between may have withdrawn the entry."""
    skipped: tuple[tuple[str, str], ...] = ()
    """Code and detail of what the row holds and a bank has no place for."""


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """What a document says of itself."""

    name: str
    """Ids that the formats need are derived from it and from the entry's id."""
    notes: bool = False
    """Whether notes leave too."""


class RowDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for rows that do not say it."""

    now: str
    algorithm: str | None = None
    """Algorithm of hashes that nobody names, where their length leaves several."""
    kind: EntryKind = EntryKind.OTHER
    tlp: Tlp = Tlp.AMBER
    source: str | None = None
    feed: str | None = None
    """Name of the followed feed that the rows come from."""
    prefix: str = ""
    """Goes before every id, so that the ids of two feeds cannot meet."""


def shared(entry: Entry, feed: Feed) -> dict[str, Any]:
    """Return what may leave of an entry; where its features lie and notes stay at home."""
    row: dict[str, Any] = msgspec.to_builtins(entry)
    for own in ("local", "reinstates", "feed"):
        row.pop(own, None)
    if not feed.notes:
        row.pop("note", None)
    row |= {"class": entry.kind.value, "status": entry.status.value, "tlp": entry.tlp.value}
    return dict(sorted(row.items()))


def whole(entry: Entry, algorithm: str) -> str | None:
    """Return the first hash of an algorithm, which is the whole picture's."""
    hashes = entry.hashes.get(algorithm, ())
    return hashes[0].value if hashes else None


def entry_of(row: FeedRow, defaults: RowDefaults) -> tuple[Entry | None, list[Skipped]]:
    """Return the entry that a row makes, and what of it was left out.

    A tombstone needs an id and no hash; every other entry needs a hash.
    """
    own = {"id": row.said.get("id"), **row.rest} if row.rest else row.said
    said = {**own, **row.decided}
    if _taken_back(said):
        said["status"] = Status.WITHDRAWN.value
    said["hashes"] = _joined(row.said.get("hashes"), row.rest.get("hashes"))
    raw_id = str(said.get("id") or "")
    skipped = [
        Skipped(where=row.where, id=raw_id or None, code=c, detail=d) for c, d in row.skipped
    ]
    hashes, faults = _hashes(_named(said["hashes"], defaults.algorithm))
    faults += _doubts(said, defaults.now)
    skipped += [Skipped(where=row.where, id=raw_id or None, code=c, detail=d) for c, d in faults]
    status = word_of(Status, STATUSES, said.get("status")) or Status.ACTIVE
    if {code for code, _ in faults} & STOPPING and status is not Status.WITHDRAWN:
        return None, skipped
    if not hashes and status is not Status.WITHDRAWN:
        if not skipped:
            skipped.append(Skipped(where=row.where, id=raw_id or None, code="no_hash"))
        return None, skipped
    if not raw_id or (raw_id.lower() in NO_ID and hashes):
        raw_id = next((whole[0].value for name in DIGITS if (whole := hashes.get(name))), "")
    try:
        entry_id = named(defaults.prefix + raw_id) if raw_id else named("")
    except ConfigError:
        skipped.append(Skipped(where=row.where, code="bad_id", detail=ascii(raw_id)[:80]))
        return None, skipped
    said |= {"id": entry_id, "tlp": _strictest_said(own, row.decided, defaults.tlp)}
    return _entry(said, hashes, defaults), skipped


def _strictest_said(own: Mapping[str, Any], decided: Mapping[str, Any], default: Tlp) -> Tlp:
    """Return the strictest TLP that a row says; one that is not known counts as RED."""
    said = (tlp_of(own.get("tlp")), tlp_of(decided.get("tlp")))
    tlps = [tlp for tlp in said if tlp is not None]
    if own.get("tlp") and said[0] is None:
        tlps.append(Tlp.RED)
    return max(tlps, key=STRICT.index, default=default)


def _entry(
    said: Mapping[str, Any], hashes: dict[str, tuple[Hash, ...]], defaults: RowDefaults
) -> Entry:
    """Return the entry of a row whose id, TLP and hashes are known to be sound."""
    modified = moment(said.get("modified")) or moment(said.get("created")) or defaults.now
    return Entry(
        id=said["id"],
        kind=word_of(EntryKind, CLASSES, said.get("class")) or defaults.kind,
        innocent=_spelled(said.get("innocent")) in YES,
        hashes=hashes,
        created=moment(said.get("created")) or modified,
        modified=modified,
        source=text(said.get("source")) or defaults.source,
        feed=defaults.feed,
        first_seen=day(said.get("first_seen")),
        note=text(said.get("note")),
        tags=_tags(said.get("tags")),
        tlp=said["tlp"],
        status=word_of(Status, STATUSES, said.get("status")) or Status.ACTIVE,
        reason=text(said.get("reason")),
    )


def moment(value: Any) -> str | None:
    """Return a time as RFC 3339 in UTC to the second: from RFC 3339 or from seconds since 1970."""
    try:
        if isinstance(value, str) and not re.fullmatch(r"\d{1,11}", value):
            at = datetime.fromisoformat(value)
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        elif isinstance(value, int | str) and not isinstance(value, bool):
            at = datetime.fromtimestamp(int(value), UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at.year >= 1000 else None


def seconds(value: str) -> int:
    """Return a time of an entry in seconds since 1970; 0 for one that was written by hand."""
    known = moment(value)
    return int(datetime.fromisoformat(known).timestamp()) if known else 0


def day(value: Any) -> str | None:
    """Return a date as it is, anything finer as RFC 3339."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            return None
    return moment(value)


def text(value: Any) -> str | None:
    """Return a text of bounded length that can be shown; None for an empty one."""
    if not isinstance(value, str):
        return None
    return printable(value)[:MOST_TEXT] or None


def printable(value: str) -> str:
    """Return a text on one line, without controls, direction marks and the like."""
    return "".join(letter for letter in " ".join(value.splitlines()) if letter.isprintable())


def tlp_of(value: Any) -> Tlp | None:
    """Parse a TLP: `AMBER+STRICT`, `TLP:AMBER+STRICT` or `tlp:amber+strict`; white is clear."""
    word = re.sub(r"^TLP\W*", "", str(value or "").strip().upper())
    word = re.sub(r"\W+|_+", "+", word)
    word = "CLEAR" if word == "WHITE" else word
    return Tlp(word) if word in {tlp.value for tlp in Tlp} else None


def strictest(entries: "list[Entry] | tuple[Entry, ...]") -> Tlp:
    """Return the strictest TLP among entries; CLEAR where there are none."""
    return max((entry.tlp for entry in entries), key=STRICT.index, default=Tlp.CLEAR)


def _joined(native: Any, rest: Any) -> dict[str, Any]:
    """Return the hashes of both; the format's own go before those of `rest` where they disagree."""
    joined = dict(rest) if isinstance(rest, Mapping) else {}
    for name, hashes in native.items() if isinstance(native, Mapping) else ():
        values = {each["value"].lower() for each in dicts(hashes)}
        if values - {each["value"].lower() for each in dicts(joined.get(name))}:
            joined[name] = hashes
    return joined


def dicts(hashes: Any) -> list[dict[str, Any]]:
    """Return the hashes of a list that have a value."""
    if isinstance(hashes, str):
        return [{"value": hashes}]
    found = hashes if isinstance(hashes, list | tuple) else []
    rows = [{"value": each} if isinstance(each, str) else each for each in found]
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("value"), str)]


def _hashes(said: dict[str, Any]) -> tuple[dict[str, tuple[Hash, ...]], list[tuple[str, str]]]:
    """Return the sound hashes, and code and detail of the others."""
    sound: dict[str, tuple[Hash, ...]] = {}
    faults: list[tuple[str, str]] = []
    for name, rows in said.items():
        if name not in DIGITS:
            faults.append(("unknown_algorithm", ascii(name)[1:-1][:40]))
            continue
        for row in dicts(rows)[:MOST_HASHES]:
            value, quality = row["value"].strip().lower(), row.get("quality")
            quality = quality if type(quality) is int and 0 <= quality <= 100 else None
            if wrong := hash_fault(name, value, quality):
                faults.append((wrong, f"{name} {ascii(value)[1:-1][:80]}"))
                continue
            view = row.get("view")
            made = Hash(value, view if view in VIEWS else "whole", quality)
            sound[name] = (*sound.get(name, ()), made)
    return sound, faults


def _tags(value: Any) -> tuple[str, ...]:
    tags = [text(each) for each in value] if isinstance(value, list | tuple) else []
    return tuple(dict.fromkeys(tag for tag in tags if tag))[:MOST_TAGS]


def word_of(kind: Any, others: Mapping[str, str], value: Any) -> Any:
    """Return the member of an enumeration that is meant, in whatever spelling; None for none."""
    word = _spelled(value)
    word = others.get(word, word)
    return kind(word) if word in {member.value for member in kind} else None


def _taken_back(said: Mapping[str, Any]) -> bool:
    """Tell whether a flag of a row, or the date of its deletion, says that it no longer holds."""
    active = _spelled(said.get("active"))
    return _spelled(said.get("gone")) not in NO or (bool(active) and active in NO)


def _spelled(value: Any) -> str:
    return re.sub(r"[\s-]+", "_", str("" if value is None else value).strip().lower())


def _doubts(said: Mapping[str, Any], now: str) -> list[tuple[str, str]]:
    """Return code and detail of what a row says in words that are not known here."""
    found = [
        (code, ascii(value)[:80])
        for code, kind, others, value in (
            ("unknown_status", Status, STATUSES, said.get("status")),
            ("unknown_class", EntryKind, CLASSES, said.get("class")),
        )
        if value not in (None, "") and word_of(kind, others, value) is None
    ]
    found += [
        ("other_word", f"{name} {ascii(said[name])[:40]} taken as {known.value}")
        for name, kind, others in (("status", Status, STATUSES), ("class", EntryKind, CLASSES))
        if (known := word_of(kind, others, said.get(name))) and _spelled(said[name]) in others
    ]
    if said.get("tlp") and tlp_of(said["tlp"]) is None:
        found.append(("unknown_tlp", ascii(said["tlp"])[:60]))
    for name in DATES:
        value = said.get(name)
        if value not in (None, "") and (day if name == "first_seen" else moment)(value) is None:
            found.append(("odd_date", f"{name} {ascii(value)[:60]}"))
    until = moment(said.get("expires"))
    return [*found, *([("expired", until)] if until and until < now else [])]


def _named(hashes: dict[str, Any], algorithm: str | None) -> dict[str, Any]:
    """Return hashes with those that nobody names under the algorithm that they are taken to be."""
    rows = dicts(hashes.get(UNNAMED))
    if not rows:
        return hashes
    found = {name: each for name, each in hashes.items() if name != UNNAMED}
    for row in rows:
        known = algorithm and DIGITS[algorithm] == len(row["value"].strip())
        name = algorithm if known and algorithm else f"{len(row['value'].strip())} digits"
        found[name] = [*dicts(found.get(name)), row]
    return found
