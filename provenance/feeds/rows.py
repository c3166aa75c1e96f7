"""The entries of a feed as lines of `bank export --as jsonl`, and how they are packed."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from detectors.bank.entry import Entry, Status, Tlp
from detectors.bank.exchange import format_of
from detectors.bank.exchange.row import Feed
from detectors.bank.exchange.tlp import up_to
from detectors.bank.location import Store
from detectors.bank.matching.decisions import strictness
from detectors.errors import ConfigError
from provenance.feeds.form import MOST_PARTS, PART

LEVEL: Final = 1
"""Of compression: hashes are random, so more takes time and saves nothing."""
RAISED: Final = "no longer shared"
"""Reason of the tombstone of an entry that has become stricter than the feed."""


class Line(msgspec.Struct, frozen=True):
    """What publishing looks at in a line that was published before."""

    id: str
    status: str
    hashes: dict[str, list[dict[str, object]]] = {}

    @property
    def shows(self) -> bool:
        """Whether it gives hashes away of an entry that counts."""
        return self.status != Status.WITHDRAWN.value and bool(self.hashes)


_LINE: Final = msgspec.json.Decoder(Line)
Lines = dict[str, bytes]
"""Id → its line."""


class Collected(msgspec.Struct, frozen=True):
    """What may leave some banks."""

    lines: Lines
    held: dict[str, int]
    """TLP → entries that stay."""
    classes: list[str]
    algorithms: list[str]


def collect(stores: Iterable[Store], tlp: Tlp, before: Lines) -> Collected:
    """Return the entries of banks that a feed may hold, as lines, by id.

    Where two banks name an id, the one that was taken back counts, else the later. An entry that
    was published and is stricter now leaves as a tombstone without hashes.

    Args:
        stores: the banks.
        tlp: of the feed.
        before: what was published last.
    """
    found: dict[str, Entry] = {}
    for store in stores:
        for entry in store.entries.values():
            known = found.get(entry.id)
            found[entry.id] = max(known, entry, key=strictness) if known else entry
    shared, held = up_to(found.values(), tlp)
    free = {entry.id for entry in shared}
    raised = [_raised(found[each], tlp) for each in before if each in found and each not in free]
    leaving = sorted([*shared, *raised], key=lambda entry: entry.id)
    rows = format_of("jsonl").write(leaving, Feed(name="feed"))
    lines = dict(zip((entry.id for entry in leaving), rows, strict=True))
    classes = sorted({entry.kind.value for entry in shared})
    algorithms = sorted({name for entry in shared for name in entry.hashes})
    return Collected(lines, held, classes, algorithms)


def _raised(entry: Entry, tlp: Tlp) -> Entry:
    return Entry(
        id=entry.id, kind=entry.kind, hashes={}, created=entry.created, modified=entry.modified,
        tlp=tlp, status=Status.WITHDRAWN, reason=RAISED,
    )  # fmt: skip


def taken_back(before: Lines, lines: Lines) -> set[str]:
    """Return the ids whose hashes were published and are to be published no more."""
    changed = (name for name, line in before.items() if lines.get(name) != line)
    return {
        name
        for name in changed
        if _LINE.decode(before[name]).shows
        and not (name in lines and _LINE.decode(lines[name]).shows)
    }


def showing(data: bytes, ids: set[str]) -> bool:
    """Tell whether packed lines give away hashes of some entries."""
    return any(
        line.shows and line.id in ids for line in map(_LINE.decode, unpacked(data).splitlines())
    )


def packed(lines: Iterable[bytes]) -> bytes:
    """Return lines packed; the same lines give the same bytes."""
    return gzip.compress(b"".join(lines), LEVEL, mtime=0)


def parts(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines packed in parts, one at least.

    Raises:
        ConfigError: they need too many parts.
    """
    kept, size, count = list[bytes](), 0, 1
    for line in lines:
        if size + len(line) > PART:
            yield packed(kept)
            kept, size, count = [], 0, count + 1
            if count > MOST_PARTS:
                raise ConfigError(f"the entries need more than {MOST_PARTS} parts; make two feeds")
        kept.append(line)
        size += len(line)
    yield packed(kept)


def unpacked(data: bytes) -> bytes:
    """Return what was packed.

    Raises:
        ValueError: it is not gzip, cut off, or larger than a part may be.
    """
    found = list[bytes]()
    room = PART
    while data:
        stream = zlib.decompressobj(wbits=31)
        try:
            found.append(stream.decompress(data, room + 1))
        except zlib.error as error:
            raise ValueError(str(error)) from error
        room -= len(found[-1])
        if room < 0:
            raise ValueError("larger than a part may be")
        if not stream.eof:
            raise ValueError("cut off")
        data = stream.unused_data
    return b"".join(found)


def by_id(data: Iterable[bytes]) -> Lines:
    """Return id → line of the lines of some parts, unpacked."""
    return {_LINE.decode(line).id: line for part in data for line in part.splitlines(keepends=True)}
