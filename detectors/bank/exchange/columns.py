"""What partners call the fields of an entry, and what a value says that nobody names."""

import re
from collections.abc import Iterable
from typing import Any, Final

from detectors.bank.entry import DIGITS, EVEN

UNNAMED: Final = "?"
"""Stands for the algorithm of a hash that nobody names; its length and neighbours tell it."""
ALGORITHMS: Final = {
    **{re.sub("[^a-z0-9]", "", name): name for name in DIGITS},
    "pdqv1": "pdq", "hashpdq": "pdq", "imagepdq": "pdq", "pdqhash": "pdq",
    "hashmd5": "md5", "photomd5": "md5", "hashsha1": "sha1", "hashsha256": "sha256",
    "perceptualhash": "phash", "imagehashphash": "phash", "imagehashdhash": "dhash",
    "differencehash": "dhash", "ahash": "average", "averagehash": "average",
    "imagehashaverage": "average", "whash": "wavelet", "wavelethash": "wavelet",
    "color": "colour", "colorhash": "colour", "colourhash": "colour",
    "cropresistanthash": "crop_resistant",
}  # fmt: skip
"""Name without signs, in lower case → algorithm."""
FIELDS: Final = {
    "id": ("id", "imageid", "hashid", "entryid", "uuid", "identifier", "contentid", "indicatorid"),
    "status": ("status", "state", "hashstatus", "statut", "estado", "stato", "zustand"),
    "class": ("class", "kind", "classe", "clase", "klasse"),
    "gone": ("deleted", "isdeleted", "removed", "isremoved", "withdrawn", "iswithdrawn", "revoked",
             "isrevoked", "retracted", "shoulddelete"),
    "active": ("active", "isactive", "enabled", "isenabled", "valid", "isvalid"),
    "innocent": ("innocent", "harmless", "benign"),
    "tags": ("tags", "tag", "labels", "label", "keywords"),
    "source": ("source", "reporter", "reportedby", "origin", "owner"),
    "note": ("note", "notes", "comment", "comments", "description"),
    "first_seen": ("firstseen", "firstobserved", "seen", "firstseenat"),
    "created": ("created", "createdat", "createdon", "addedon", "dateadded"),
    "modified": ("modified", "modifiedat", "updated", "updatedat", "updatedon", "lastupdated"),
    "expires": ("expires", "expiresat", "expiry", "validuntil", "validto",
                "expiration", "expirationdate", "expirydate", "expireson"),
    "tlp": ("tlp", "tlpmarking", "marking", "trafficlightprotocol"),
    "reason": ("reason",),
    "pdq_quality": ("pdqquality", "quality", "hashquality"),
    "algorithm": ("algorithm", "hashtype", "signaltype", "hashalgorithm", "algo",
                  "indicatortype", "type"),
    "hash": ("hash", "hashvalue", "value", "signalstr", "indicator", "hashdigest", "digest",
             "signal", "checksum"),
    "media": ("mediatype", "filetype", "mimetype", "contenttype"),
    "file": ("file", "filename", "filepath", "path", "image"),
}  # fmt: skip
"""Field → what it is called, without signs, in lower case."""
SURE: Final = frozenset({"hash", "hashvalue", "hashdigest", "signalstr"})
"""Names of a column of hashes, whatever stands beside it; `value` needs one of algorithms."""
AROUND: Final = re.compile(
    "^(?:file|image|photo|picture|hash){1,8}|(?:hash|hex|value|(?:check)?sum|digest){1,8}$"
)
"""What stands around the name of an algorithm in that of a column."""
NAMES: Final = {said: field for field, names in FIELDS.items() for said in names}
PICTURES: Final = ("image", "photo", "picture", "jpeg", "jpg", "png", "webp", "gif", "bild", "foto")
"""Beginnings of the media types of pictures."""
LISTED: Final = re.compile(r"\\?(?P<value>[0-9A-Fa-f]+)(?:[ \t]+\*?(?P<name>\S.*))?")
"""A line of a list, as md5sum and sha256sum write it too."""
HALF: Final = 128
MOSTLY: Final = 0.7
LENGTHS: Final = {40: "sha1", 32: "md5"}
"""Digits of a hash → the algorithm that it is of, where that is one alone."""


def plain(word: str) -> str:
    """Return a name without signs, in lower case."""
    return re.sub("[^a-z0-9]", "", word.lower())


def algorithm(word: str) -> str | None:
    """Return the algorithm that a name stands for: `PDQ Hash`, `SHA-256`, `hash_md5`."""
    said = plain(word)
    bare = AROUND.sub("", said)
    return next((ALGORITHMS[each] for each in (said, bare) if each in ALGORITHMS), None)


def field(word: str) -> str | None:
    """Return the field or the algorithm that a column's name stands for, None for neither."""
    return algorithm(word) or NAMES.get(plain(word))


def by_length(value: str) -> str:
    """Return the algorithm of a hash that nobody names, by its length; `UNNAMED` for several."""
    return LENGTHS.get(len(value), UNNAMED)


def told_by_bits(values: list[str]) -> str | None:
    """Return whether hashes of 64 digits are PDQ or SHA-256; None where they do not tell.

    PDQ is cut at its median, so that 128 of its 256 bits are set; of digests one in twenty has as
    many. Where none is sound they are taken as PDQ, so that it is said what is wrong with them.
    """
    whole = {value.lower() for value in values if re.fullmatch("[0-9a-fA-F]{64}", value)}
    counts = [int(value, 16).bit_count() for value in whole]
    sound = [count for count in counts if count in EVEN]
    even = sound.count(HALF)
    if not sound or (even > 1 and even >= MOSTLY * len(sound)):
        return "pdq"
    return "sha256" if even <= (1 - MOSTLY) * len(sound) else None


def hash_of(value: str, named: str | None) -> dict[str, Any]:
    """Return a hash in the shape of an entry's, under the algorithm that a row names."""
    if not named:
        return {by_length(value): [{"value": value}]}
    return {algorithm(named) or named: [{"value": value}]}


def a_hash(cell: str) -> bool:
    """Tell whether a cell holds a hash as banks know them: nothing else is so long and so plain."""
    return len(cell) in {16, 32, 40, 64} and bool(re.fullmatch("[0-9a-fA-F]+", cell))


def holds_hashes(names: set[str]) -> bool:
    """Tell whether one of these names is of a column of hashes, or all are of tombstones."""
    fields = {field(name) for name in names}
    sure = bool({plain(name) for name in names} & SURE)
    named = {"hash", "algorithm"} <= fields or {"id", "status"} <= fields
    return sure or named or bool(fields & {*DIGITS})


def unknown(names: Iterable[str]) -> list[str]:
    """Return the names that stand for nothing here."""
    return [name for name in names if name.strip() and field(name) is None]
