"""One known picture: its hashes, who reported it, and whether it still counts."""

import hashlib
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from detectors.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DIGITS: Final = {
    "sha256": 64, "pdq": 64, "pdq64.v1": 64, "phash": 16, "dhash": 16, "md5": 32, "sha1": 40,
    "average": 16, "wavelet": 16, "colour": 11, "crop_resistant": 16,
}  # fmt: skip
"""Hash algorithms of a bank and their length in hex digits; of `crop_resistant` that of each part,
between commas."""
PERCEPTUAL: Final = ("pdq", "pdq64.v1")
"""Algorithms that pictures are matched by; the others are exact, or carried for partners."""
WEAK: Final = ("sha1", "md5")
"""Digests of a file that can be forged by one who makes both files."""
EXACT: Final = ("sha256", *WEAK)
EVEN: Final = range(96, 161)
"""Set bits of a hash of 256 that is cut at its median; others come from faults (real feeds had)."""
LEAST_QUALITY: Final = 50
"""Least quality of a PDQ hash; below it hashes of different pictures are alike."""
OF_NOTHING: Final = frozenset(
    hashlib.new(name, usedforsecurity=False).hexdigest() for name in EXACT
)
"""Digests of no bytes at all; they stand in real lists."""
_WRONG: Final = {
    "not_hex": "not {digits} hex digits",
    "wrong_length": "not {digits} hex digits",
    "all_bits_equal": "all bits are equal, which no picture has",
    "unbalanced": "{ones} of 256 bits set; a sound hash has about 128",
}
"""Code of a fault → what is wrong, where a whole entry is refused for it."""
CHECK: Final = 16
"""Hex digits of SHA-256 that guard each line of a log and each entry's features."""
HEX: Final = re.compile(r"[0-9a-f]+")
LONGEST_ID: Final = 512


class EntryKind(StrEnum):
    """What an entry is a picture of."""

    AI_FACE = "ai_face"
    STOLEN_PHOTO = "stolen_photo"
    OTHER = "other"


class Status(StrEnum):
    """Whether an entry counts."""

    ACTIVE = "active"
    DISPUTED = "disputed"
    """Matches are shown without a claim."""
    WITHDRAWN = "withdrawn"
    """A tombstone: matches nothing, and its id stays taken."""


class Tlp(StrEnum):
    """Traffic Light Protocol 2.0: whom the entry may be shown to."""

    CLEAR = "CLEAR"
    GREEN = "GREEN"
    AMBER = "AMBER"
    AMBER_STRICT = "AMBER+STRICT"
    RED = "RED"


class Hash(msgspec.Struct, frozen=True, omit_defaults=True):
    """One hash of one view of the picture."""

    value: str
    """Hex, lower case."""
    view: str = "whole"
    """`whole`, or `inner`: the square inside the circle that an avatar shows."""
    quality: int | None = None
    """0..100, of PDQ."""


class Local(msgspec.Struct, frozen=True):
    """Where the local features of an entry lie in the bank's feature file; never exported."""

    at: int
    length: int
    sha256: str
    """First 16 hex digits, of the bytes."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One known picture, as it stands after the last change."""

    id: str
    kind: EntryKind = msgspec.field(name="class", default=EntryKind.OTHER)
    innocent: bool = False
    """A picture that is often taken for a fake and is none."""
    hashes: dict[str, tuple[Hash, ...]]
    created: str
    """RFC 3339, UTC; so are the other times."""
    modified: str
    source: str | None = None
    feed: str | None = None
    """Name of the feed that is followed here and brought the entry; it never leaves the bank."""
    first_seen: str | None = None
    note: str | None = None
    tags: tuple[str, ...] = ()
    tlp: Tlp = Tlp.AMBER
    status: Status = Status.ACTIVE
    reason: str | None = None
    """Why it is disputed or withdrawn."""
    reinstates: tuple[str, ...] = ()
    """Ids of entries here that no longer hold for this picture: somebody gave a reason."""
    local: Local | None = None

    @property
    def sha256(self) -> str | None:
        """Of the file the entry was made from, where there was one."""
        exact = self.hashes.get("sha256", ())
        return exact[0].value if exact else None

    def digests(self, *names: str) -> list[tuple[str, str]]:
        """Return algorithm and value of the digests of its file, of these algorithms."""
        return [(name, each.value) for name in names for each in self.hashes.get(name, ())]

    @property
    def perceptual(self) -> bool:
        """Whether look-alikes can match it; low-detail pictures match by their bytes alone."""
        return any(name in self.hashes for name in PERCEPTUAL)

    @property
    def other_look(self) -> bool:
        """Whether it can be compared with the look by algorithms alone that make no match."""
        return self.by_look and not self.perceptual

    @property
    def by_look(self) -> bool:
        """Whether it can be compared with what a picture looks like, by any algorithm."""
        return any(name in self.hashes for name in LOOKS)


class History(msgspec.Struct, frozen=True):
    """Which change of a bank made each of its entries."""

    made: "NDArray[np.int64]"
    """(n,), of each ordinal the number of the change that made the entry, from 1."""
    changed: str
    """`modified` of the entry that the last change wrote; empty for a bank without one."""


LOOKS: Final = tuple(name for name in DIGITS if name not in EXACT)
"""Algorithms of which something can be said of a copy that was saved again."""


def segments(algorithm: str, value: str) -> list[str]:
    """Return the parts of a hash, each of its algorithm's length: one but for `crop_resistant`."""
    return value.split(",") if algorithm == "crop_resistant" else [value]


def hash_fault(algorithm: str, value: str, quality: int | None = None) -> str | None:
    """Return the code of what is wrong with a hash of a known algorithm; None for a sound one.

    Args:
        algorithm: one of `DIGITS`.
        value: in lower case.
        quality: 0..100, of PDQ, where it is known.
    """
    for each in segments(algorithm, value):
        if not HEX.fullmatch(each):
            return "not_hex"
    for each in segments(algorithm, value):
        if len(each) != DIGITS[algorithm]:
            return "wrong_length"
    if value in OF_NOTHING or not value.strip("0") or not value.strip("f"):
        return "digest_of_nothing" if value in OF_NOTHING else "all_bits_equal"
    if algorithm in PERCEPTUAL and int(value, 16).bit_count() not in EVEN:
        return "unbalanced"
    if algorithm == "pdq" and quality is not None and quality < LEAST_QUALITY:
        return "low_quality"
    return None


def check_hashes(entry: Entry) -> None:
    """Check that every hash of an entry can be one.

    Raises:
        ConfigError: one is none of its algorithm, or one that a fault produces.
    """
    for algorithm, hashes in entry.hashes.items():
        if algorithm not in DIGITS:
            raise ConfigError(f"unknown hash algorithm {algorithm!r}; known: {', '.join(DIGITS)}")
        for each in hashes:
            code = hash_fault(algorithm, each.value.lower())
            if why := _WRONG.get(code or "", ""):
                ones = int(each.value, 16).bit_count() if code == "unbalanced" else 0
                why = why.format(digits=DIGITS[algorithm], ones=ones)
                raise ConfigError(f"{algorithm} {each.value}: {why}")


def digest(data: bytes) -> str:
    """Return the first 16 hex digits of a SHA-256, by which a bank sees what has changed."""
    return hashlib.sha256(data).hexdigest()[:CHECK]


def named(name: str) -> str:
    """Return an entry's id.

    Raises:
        ConfigError: it is empty, too long, or holds characters that cannot be shown.
    """
    if not name or len(name) > LONGEST_ID or not name.isprintable():
        raise ConfigError(
            f"entry id {name[:80]!r}: use 1 to {LONGEST_ID} printable characters (--id)"
        )
    return name
