"""Findings that people have accepted: `--baseline`, and the file that holds them.

An entry is bound to bytes (SHA-256) and to codes of findings. Its name is for people alone: the
same bytes are accepted under another one. Other bytes, a code that the entry does not hold, or a
day after its last count as if there were no entry.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from detectors.errors import ConfigError
from detectors.item import Item, Kind
from detectors.signal import Outcome
from detectors.storing.atomic import atomic_write
from provenance.intake import files, paths, remote
from provenance.intake.location import MARK, POSTS
from provenance.record import Digest, Record
from provenance.render.escape import escape_json

MOST_BYTES: Final = 64 * 2**20
"""Of a file that is read: some 250,000 entries."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Findings of one item that somebody accepted."""

    sha256: Digest
    uri: str
    """Its name when it was accepted."""
    codes: tuple[str, ...]
    """Of its findings, sorted."""
    reason: Annotated[str, msgspec.Meta(min_length=1)]
    until: date | None = None
    """The last day on which it holds, UTC; None: no end."""


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: Literal["provenance.baseline/1"]
    accepted: list[Entry]


class Baseline:
    """Entries that hold on a day."""

    def __init__(self, entries: Iterable[Entry], today: date) -> None:
        """Keep what has not run out.

        Args:
            entries: of a file.
            today: UTC day.
        """
        self._entries: dict[str, list[Entry]] = {}
        for entry in entries:
            if holds(entry, today):
                self._entries.setdefault(entry.sha256, []).append(entry)

    def reason(self, record: Record) -> str | None:
        """Return why what was found in an item is accepted, None where it is not."""
        entries = self._entries.get(digest(record) or "", [])
        accepted = {code for entry in entries for code in entry.codes}
        if not entries or not found(record) <= accepted:
            return None
        named = (entry for entry in entries if entry.uri == record.item.uri)
        return next(named, entries[0]).reason


def digest(record: Record) -> str | None:
    """Return the SHA-256 that an entry is bound to, hex; None where bytes are unknown.

    It is that of the item's bytes; of a post, that of its parts: a line for each, in their order,
    of its SHA-256, a space and its name.
    """
    if record.item.kind is not Kind.POST:
        return record.item.sha256
    return _of_parts((part.name, part.sha256) for part in record.item.parts or ())


def _of_parts(parts: Iterable[tuple[str, str | None]]) -> str | None:
    lines = list[str]()
    for name, sha256 in parts:
        if sha256 is None:
            return None
        lines.append(f"{sha256} {name}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def found(record: Record) -> set[str]:
    """Return the codes of an item's findings, and of what decided its verdict."""
    codes = {s.reason.code for s in record.signals if s.outcome is Outcome.FINDING}
    return codes | {record.signals[index].reason.code for index in record.verdict.reasons}


def holds(entry: Entry, today: date) -> bool:
    """Tell whether an entry has not run out."""
    return entry.until is None or today <= entry.until


def load(file: str) -> list[Entry]:
    """Return the entries of a file.

    Raises:
        ConfigError: it is missing, too large, or no baseline.
    """
    try:
        with open(file, "rb") as opened:
            data = opened.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ConfigError(f"--baseline {files.uri(file)}: larger than 64 MiB")
        return msgspec.json.decode(data, type=_File).accepted
    except OSError as error:
        raise ConfigError(f"--baseline {files.uri(file)}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"--baseline {files.uri(file)}: this is no baseline: {error}") from error


def save(file: str, entries: Iterable[Entry]) -> None:
    """Write a file: sorted by SHA-256, then name, a line an entry; whole or not at all.

    Raises:
        ConfigError: a link lies there.
        UnavailableError: it cannot be written.
    """
    ordered = sorted(entries, key=lambda entry: (entry.sha256, entry.uri.encode()))
    lines = ",\n".join(msgspec.json.encode(entry).decode() for entry in ordered)
    head = '{"format": "provenance.baseline/1", "accepted": ['
    body = f"\n{lines}\n" if lines else ""
    atomic_write(Path(file), escape_json(f"{head}{body}]}}\n").encode())


def accepted(
    entries: Sequence[Entry], records: Iterable[Record], reason: str, until: date | None
) -> list[Entry]:
    """Return the entries with those of items that have findings; one of the same item is replaced.

    Args:
        entries: of the file.
        records: of the items; those without a digest or a finding are left out.
        reason: why.
        until: the last day; None: no end.
    """
    known = {(entry.sha256, entry.uri): entry for entry in entries}
    for record in records:
        sha256, codes = digest(record), found(record)
        if sha256 and codes:
            uri = record.item.uri
            known[sha256, uri] = Entry(
                sha256=sha256, uri=uri, codes=tuple(sorted(codes)), reason=reason, until=until
            )
    return list(known.values())


def gone(entries: Iterable[Entry], today: date) -> Iterator[tuple[Entry, str]]:
    """Yield entries that have run out, or whose name no longer has these bytes; and which of both.

    Args:
        entries: of a file; their names lead from the current folder.
        today: UTC day.
    """
    digests: dict[str, dict[str, str | None]] = {}
    for entry in entries:
        if not holds(entry, today):
            yield entry, "until"
            continue
        file = _file_of(entry.uri)
        if file not in digests:
            digests[file] = _digests(file)
        if digests[file].get(entry.uri) != entry.sha256:
            yield entry, "bytes"


def _digests(file: str) -> dict[str, str | None]:
    """Return name → SHA-256 of the items of a file: itself, its posts, or the members of it."""
    if remote.is_remote(file) or not os.path.isfile(file):
        return {}
    return {item.uri: _digest_of(item) for item in paths.scanned([file])}


def _digest_of(item: Item) -> str | None:
    if item.kind is not Kind.POST:
        return item.sha256
    return _of_parts((name, None if part.fault else part.sha256) for name, part in item.parts)


def _file_of(uri: str) -> str:
    """Return the path of the file that an item lies in."""
    path = os.fsdecode(files.raw_name(uri))
    if os.path.lexists(path):
        return path
    archive, inside, _ = path.partition(MARK)
    if inside and os.path.isfile(archive):
        return archive
    posts = POSTS.search(path)
    return path[: posts.end() - 1] if posts else path
