"""Entries of every kind, and a bank that holds them."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from detectors.bank.entry import Entry, EntryKind, Hash, Status, Tlp
from detectors.bank.folder.store import create, writing

NOW = "2026-11-24T08:00:00Z"
PDQ = "f8f8f0cce0f4e84d0e370a22028f67f0b36e2ed596623e1d33e6339c4e9c9b22"
OTHER_PDQ = "b0a10efd71cc3f429413d48d0ffffe12e34e0e17ada952a9d29684210aa9e5af"
THIRD_PDQ = "f162eb9daab170c0567fe3632d9a5548c5612982dd5e374a7424ebbc8a835c95"
SHA256 = "5f" * 32


def made(name: str, **changed: object) -> Entry:
    """Return an active AI face with a PDQ of its own."""
    plain = Entry(
        id=name,
        kind=EntryKind.AI_FACE,
        hashes={"pdq": (Hash(hashlib.sha256(name.encode()).hexdigest(), quality=99),)},
        created="2026-11-01T10:00:00Z",
        modified="2026-11-02T11:12:13Z",
        tlp=Tlp.GREEN,
    )
    return msgspec.structs.replace(plain, **changed)


@pytest.fixture
def entry() -> Callable[..., Entry]:
    """Return a function that makes an active AI face with one PDQ."""
    return made


@pytest.fixture
def fill() -> Callable[..., None]:
    """Return a function that makes a bank of entries."""
    return filled


@pytest.fixture
def entries() -> list[Entry]:
    """Return entries of every class and status, some with what formats find hard."""
    return [
        made("=cmd|'/c calc'!A1", tags=("=1+1", "a;b%3B"), source="'-1"),
        made(
            "42/image1",
            hashes={"md5": (Hash("a1" * 16),), "sha1": (Hash("b2" * 20),)},
            kind=EntryKind.OTHER,
            source="Member & <Söhne>",
        ),
        made(
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
        made(
            "disputed",
            status=Status.DISPUTED,
            reason="a real person",
            kind=EntryKind.STOLEN_PHOTO,
        ),
        made("exact", hashes={"sha256": (Hash(SHA256),)}, tlp=Tlp.CLEAR),
        made("gone", status=Status.WITHDRAWN, reason="the owner asked"),
        made("gone/without hashes", status=Status.WITHDRAWN, hashes={}, reason=None),
        made(
            "innocent", innocent=True, kind=EntryKind.OTHER, hashes={"pdq": (Hash(THIRD_PDQ),)},
            note="seen at the fair", first_seen="2026-03-04T05:06:07Z",
        ),
        made("guarded-1", tlp=Tlp.RED, source="nobody may know"),
        made("guarded-2", tlp=Tlp.AMBER_STRICT, source="nobody may know"),
    ]  # fmt: skip


@pytest.fixture
def bank(tmp_path: Path, entries: list[Entry]) -> Path:
    """Return a bank of them; one has local features."""
    path = tmp_path / "one" / "fakes.bank"
    filled(path, entries, features=b"LF1\0 SECRET-FEATURES")
    return path


def filled(path: Path, entries: list[Entry], features: bytes | None = None) -> None:
    """Make a bank; the features go to entries with a SHA-256."""
    create(path, NOW)
    with writing(path) as writer:
        for each in entries:
            writer.put(each, features if each.sha256 else None)
        writer.commit()
