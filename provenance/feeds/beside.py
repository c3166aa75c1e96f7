"""What lies beside a feed for tools that know no TUF: a MISP feed folder and a STIX bundle.

They are made of what the feed holds, so the same entries leave. They carry no signatures.
"""

import hashlib
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from detectors.bank.entry import Entry
from detectors.bank.exchange import format_of
from detectors.bank.exchange.row import Feed
from detectors.storing.atomic import atomic_write
from provenance.feeds.form import About

OBJECTS: Final = 5000
"""Most objects of an event: servers take a while over each."""
OWN: Final = uuid.UUID("6f0f3a34-6f2b-4a6e-9d55-6a2f1b0f7c11")
"""Namespace of the ids of events."""
TOLD: Final = ("info", "date", "analysis", "threat_level_id", "timestamp", "Orgc", "Tag")
"""What the manifest says of an event."""


def misp(feed: Path, about: About, lines: Iterable[bytes]) -> int:
    """Write the folder of a MISP feed; return how many events it has.

    An entry stays in its event and under its ids, as long as it is in the feed.

    Args:
        feed: the folder of the feed.
        about: what it says of itself.
        lines: its entries.
    """
    folder = feed / "misp"
    folder.mkdir(exist_ok=True)
    entries = [msgspec.json.decode(line, type=Entry) for line in lines]
    entries.sort(key=lambda entry: (entry.created, entry.id))
    manifest, hashes = dict[str, Any](), list[str]()
    for number in range(0, len(entries), OBJECTS):
        event = _event(about, entries[number : number + OBJECTS], number // OBJECTS)
        path = folder / f"{event['uuid']}.json"
        _raise_timestamp(event, path)
        atomic_write(path, msgspec.json.encode({"Event": event}) + b"\n")
        manifest[event["uuid"]] = {name: event[name] for name in TOLD if name in event}
        hashes += (f"{value},{event['uuid']}" for value in _values(event))
    atomic_write(folder / "hashes.csv", "".join(f"{line}\n" for line in hashes).encode())
    atomic_write(folder / "manifest.json", msgspec.json.encode(manifest) + b"\n")
    wanted = {"manifest.json", "hashes.csv", *(f"{each}.json" for each in manifest)}
    for path in folder.iterdir():
        if path.name not in wanted:
            path.unlink()
    return len(manifest)


def _event(about: About, entries: list[Entry], number: int) -> dict[str, Any]:
    """Return an event of some entries."""
    pieces = format_of("misp").write(entries, Feed(name=about.name))
    event: dict[str, Any] = msgspec.json.decode(b"".join(pieces))["Event"]
    event["uuid"] = str(uuid.uuid5(OWN, f"{about.name}\n{number}"))
    event["Orgc"] = {"name": about.publisher, "uuid": str(uuid.uuid5(OWN, about.publisher))}
    event["timestamp"] = str(max(int(each["timestamp"]) for each in event["Object"]))
    return event


def _raise_timestamp(event: dict[str, Any], path: Path) -> None:
    """Let the time stamp be later than the last one where an event says something else."""
    if not path.is_file():
        return
    old = msgspec.json.decode(path.read_bytes())["Event"]
    same = {**event, "timestamp": old["timestamp"]} == old
    later = int(old["timestamp"]) + (not same)
    event["timestamp"] = str(max(int(event["timestamp"]), later))


def _values(event: dict[str, Any]) -> Iterable[str]:
    """Yield MD5 of each value that a server correlates, as a MISP feed lists them."""
    for each in event["Object"]:
        for said in each["Attribute"]:
            if not said["disable_correlation"] and not said["deleted"]:
                yield hashlib.md5(said["value"].encode(), usedforsecurity=False).hexdigest()


def stix(feed: Path, about: About, lines: Iterable[bytes]) -> Path:
    """Write the bundle of a sequence in the place of earlier ones; return where it lies."""
    folder = feed / "stix"
    folder.mkdir(exist_ok=True)
    entries = [msgspec.json.decode(line, type=Entry) for line in lines]
    path = folder / f"bundle-{about.sequence}.json"
    atomic_write(path, b"".join(format_of("stix").write(entries, Feed(name=about.name))))
    for other in folder.glob("bundle-*.json"):
        if other != path:
            other.unlink()
    return path
