"""JSON Lines: one entry a line, every field by its own name. The format that carries everything."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from detectors.bank.entry import DIGITS, Entry
from detectors.bank.exchange.columns import PICTURES, field, hash_of
from detectors.bank.exchange.files import BOM, decoded, documents, head, lines
from detectors.bank.exchange.row import Feed, FeedRow, shared
from detectors.decode.untrusted import mapping


def read(path: Path) -> Iterator[FeedRow]:
    """Yield a row for each line, or for each object of one list."""
    start = head(path).removeprefix(BOM).lstrip()
    if start.startswith(b"[") or (start.startswith(b"{") and _spread(path, start)):
        yield from _of_documents(path)
        return
    for number, line in lines(path):
        said = decoded(line.removeprefix(BOM)) if line else None
        where = f"line {number}"
        if isinstance(said, dict):
            yield _row(where, said)
        else:
            yield FeedRow(where=where, skipped=(("unreadable", "not a JSON object"),))


def _row(where: str, said: dict[str, Any]) -> FeedRow:
    """Return the row of an object; `hashes` is our own form, all else that of a list."""
    if "hashes" in said:
        return FeedRow(where=where, said=said)
    row = _flat(said)
    media = str(row.get("media") or "").lower()
    if media and not media.startswith(PICTURES):
        return FeedRow(
            where=where, said={"id": row.get("id")}, skipped=(("not_a_picture", media[:40]),)
        )
    return FeedRow(where=where, said=row)


def _flat(said: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose hashes stand beside its other fields, as in many lists of hashes."""
    fields = {known: said[name] for name in reversed(said) if (known := field(name))}
    quality = fields.pop("pdq_quality", None)
    hashes: dict[str, Any] = {
        name: [{"value": fields[name], "quality": quality if name == "pdq" else None}]
        for name in DIGITS
        if isinstance(fields.get(name), str)
    }
    value, named = fields.get("hash"), fields.get("algorithm")
    if isinstance(value, str):
        hashes = {**hash_of(value, named if isinstance(named, str) else None), **hashes}
    return {**fields, "hashes": hashes}


def _spread(path: Path, start: bytes) -> bool:
    """Tell whether a file is one document over several lines, or an object with a list of rows."""
    first = start.split(b"\n", 1)[0]
    said = decoded(first)
    if said is None:
        return len(first) < len(start) and len(documents(path)) == 1
    return isinstance(said, dict) and "hashes" not in said and _rows_of(said) is not None


def _of_documents(path: Path) -> Iterator[FeedRow]:
    """Yield a row for each object of the lists of a file."""
    number = 0
    for raw in documents(path):
        said = decoded(raw)
        rows = said if isinstance(said, list) else _rows_of(mapping(said))
        for row in [said] if rows is None else rows:
            where, number = f"row {number}", number + 1
            if isinstance(row, dict):
                yield _row(where, row)
            else:
                yield FeedRow(where=where, skipped=(("unreadable", "not a JSON object"),))


def _rows_of(said: dict[str, Any]) -> list[Any] | None:
    """Return the one list of objects that an object holds beside what it says of itself."""
    lists = [each for each in said.values() if isinstance(each, list) and each]
    rows = [each for each in lists if all(isinstance(row, dict) for row in each)]
    return rows[0] if len(rows) == 1 and not any(field(name) in DIGITS for name in said) else None


def write(entries: Sequence[Entry], feed: Feed) -> Iterator[bytes]:
    """Yield a line for each entry."""
    for entry in entries:
        yield msgspec.json.encode(shared(entry, feed)) + b"\n"
