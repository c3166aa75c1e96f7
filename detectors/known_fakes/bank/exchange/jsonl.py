"""JSON Lines: one entry a line, every field by its own name. The format that carries everything."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from detectors.known_fakes.bank.entry import DIGITS, Entry
from detectors.known_fakes.bank.exchange.row import Feed, Row, shared
from detectors.known_fakes.bank.exchange.sources import BOM, decoded, lines


def read(path: Path) -> Iterator[Row]:
    """Give a row for each line."""
    for number, line in lines(path):
        said = decoded(line.removeprefix(BOM)) if line else None
        where = f"line {number}"
        if isinstance(said, dict):
            yield Row(where=where, said=said if "hashes" in said else _flat(said))
        else:
            yield Row(where=where, left=(("unreadable", "not a JSON object"),))


def _flat(said: dict[str, Any]) -> dict[str, Any]:
    """Give a row whose hashes stand beside its other fields, as lists of hashes are often kept."""
    hashes = {
        name: [{"value": said[name], "quality": said.get("quality") if name == "pdq" else None}]
        for name in DIGITS
        if isinstance(said.get(name), str)
    }
    first = next((rows[0]["value"].lower() for rows in hashes.values()), None)
    return {"id": first, **said, "hashes": hashes}


def write(entries: Sequence[Entry], feed: Feed) -> Iterator[bytes]:
    """Give a line for each entry."""
    for entry in entries:
        yield msgspec.json.encode(shared(entry, feed)) + b"\n"
