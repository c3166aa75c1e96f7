"""Entries of every kind, and a bank that holds them."""

from pathlib import Path

import msgspec
import pytest

from detectors.known_fakes.bank.entry import Entry, Hash, Kind, Status, Tlp
from detectors.known_fakes.bank.store import create, writing

NOW = "2026-11-24T08:00:00Z"
PDQ = "f8f8f0cce0f4e84d0e370a22028f67f0b36e2ed596623e1d33e6339c4e9c9b22"
OTHER_PDQ = "b0a10efd71cc3f429413d48d0ffffe12e34e0e17ada952a9d29684210aa9e5af"
THIRD_PDQ = "f162eb9daab170c0567fe3632d9a5548c5612982dd5e374a7424ebbc8a835c95"
SHA256 = "5f" * 32


def entry(name: str, **changed: object) -> Entry:
    """Give an active AI face with one PDQ."""
    made = Entry(
        id=name,
        kind=Kind.AI_FACE,
        hashes={"pdq": (Hash(PDQ, quality=99),)},
        created="2026-11-01T10:00:00Z",
        modified="2026-11-02T11:12:13Z",
        tlp=Tlp.GREEN,
    )
    return msgspec.structs.replace(made, **changed)


@pytest.fixture
def entries() -> list[Entry]:
    """Give entries of every class and status, some with what formats find hard."""
    return [
        entry("=cmd|'/c calc'!A1", tags=("=1+1", "a;b%3B"), source="'-1"),
        entry(
            "42/image1",
            hashes={"md5": (Hash("a1" * 16),), "sha1": (Hash("b2" * 20),)},
            kind=Kind.OTHER,
            source="Member & <Söhne>",
        ),
        entry(
            "avatars/Ünïcode 'quoted' \\ & <b>",
            hashes={
                "sha256": (Hash(SHA256),),
                "pdq": (Hash(OTHER_PDQ, quality=100),),
                "pdq64.v1": (Hash(OTHER_PDQ), Hash(PDQ, "inner")),
                "phash": (Hash("9a" * 8),),
                "dhash": (Hash("1e" * 8),),
            },
            first_seen="2026-03-04",
            source='Partner, "Ltd"; <x@y>',
            tags=("disarm:T0097", "campaign: spring, 2026"),
            tlp=Tlp.AMBER,
        ),
        entry("disputed", status=Status.DISPUTED, reason="a real person", kind=Kind.STOLEN_PHOTO),
        entry("exact", hashes={"sha256": (Hash(SHA256),)}, tlp=Tlp.CLEAR),
        entry("gone", status=Status.WITHDRAWN, reason="the owner asked"),
        entry("gone/without hashes", status=Status.WITHDRAWN, hashes={}, reason=None),
        entry(
            "innocent", innocent=True, kind=Kind.OTHER, hashes={"pdq": (Hash(THIRD_PDQ),)},
            note="seen at the fair", first_seen="2026-03-04T05:06:07Z",
        ),
        entry("red", tlp=Tlp.RED, source="nobody may know"),
        entry("strict", tlp=Tlp.AMBER_STRICT, source="nobody may know"),
    ]  # fmt: skip


@pytest.fixture
def bank(tmp_path: Path, entries: list[Entry]) -> Path:
    """Give a bank of them; one has local features."""
    path = tmp_path / "one" / "fakes.bank"
    fill(path, entries, features=b"LF1\0 descriptors and thumbnail")
    return path


def fill(path: Path, entries: list[Entry], features: bytes | None = None) -> None:
    """Make a bank; the features go to entries with a SHA-256."""
    create(path, NOW)
    with writing(path) as writer:
        for each in entries:
            writer.put(each, features if each.sha256 else None)
        writer.commit()
