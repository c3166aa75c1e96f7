"""CSV: one entry a line, safe to open in a spreadsheet.

A cell that a spreadsheet would take for a formula begins with an apostrophe, which is taken off on
reading. Several hashes of one algorithm stand in one cell, `whole:… inner:…`; tags are separated by
semicolons, those within a tag written as %3B.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from detectors.errors import ConfigError
from detectors.known_fakes.bank.entry import DIGITS, Entry
from detectors.known_fakes.bank.exchange.row import Feed, Row, shared
from detectors.known_fakes.bank.exchange.sources import BOM, MOST_LINE, lines

QUALITY: Final = "pdq_quality"
PLAIN: Final = ("created", "modified", "first_seen", "source", "tlp", "reason", "note")
COLUMNS: Final = ("id", "class", "innocent", "status", *DIGITS, QUALITY, "tags", *PLAIN)
FORMULA: Final = re.compile("'*(?:\\s*[-=+@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])")
"""What spreadsheets run instead of showing, with apostrophes already before it: also in the
full-width forms that some take for the narrow ones (OWASP, CSV injection)."""


def read(path: Path) -> Iterator[Row]:
    """Give a row for each line after the header, whose columns may come in any order.

    Raises:
        ConfigError: the header names no column of hashes.
    """
    header: list[str] = []
    for number, line in _records(path):
        where = f"line {number}"
        cells = _cells(line.removeprefix(BOM)) if line is not None else None
        if not header:
            header = [cell.strip().lower() for cell in cells or ()]
            if not set(header) & {*DIGITS} and {"id", "status"} - {*header}:
                known = ", ".join(DIGITS)
                raise ConfigError(f"{path}: its first line names no column of hashes ({known})")
        elif cells is None or len(cells) != len(header):
            yield Row(where=where, left=(("unreadable", "not as many cells as columns"),))
        else:
            yield Row(where=where, said=_said(dict(zip(header, cells, strict=True))))


def write(entries: Sequence[Entry], feed: Feed) -> Iterator[bytes]:
    """Give the header, and a line for each entry."""
    columns = COLUMNS if feed.notes else COLUMNS[:-1]
    yield _line(list(columns))
    for entry in entries:
        row = shared(entry, feed)
        row |= {"innocent": "yes" if entry.innocent else "", "tags": _packed(entry.tags)}
        row |= {
            name: " ".join(f"{each.view}:{each.value}" for each in hashes)
            for name, hashes in entry.hashes.items()
        }
        quality = next((each.quality for each in entry.hashes.get("pdq", ())), None)
        row[QUALITY] = "" if quality is None else str(quality)
        yield _line([_guarded(str(row.get(column) or "")) for column in columns])


def _said(cells: dict[str, str]) -> dict[str, Any]:
    """Give what the cells say in the words of an entry."""
    cells = {key: _freed(cell) for key, cell in cells.items() if cell}
    quality = cells.get(QUALITY, "")
    hashes: dict[str, Any] = {}
    for name in DIGITS:
        for part in cells.get(name, "").split():
            view, colon, value = part.rpartition(":")
            row: dict[str, Any] = {"value": value, "view": view} if colon else {"value": part}
            if name == "pdq" and re.fullmatch(r"\d{1,3}", quality):
                row["quality"] = int(quality)
            hashes.setdefault(name, []).append(row)
    tags = [
        tag.replace("%3B", ";").replace("%25", "%")
        for tag in cells.get("tags", "").split(";")
    ]  # fmt: skip
    innocent = cells.get("innocent", "").lower() in ("yes", "true", "1")
    plain: dict[str, Any] = {
        key: cells[key] for key in ("id", "class", "status", *PLAIN) if key in cells
    }
    return {**plain, "innocent": innocent, "hashes": hashes, "tags": tags}


def _records(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Give the lines of a file; one whose quotes stay open goes on in the next."""
    begun, held, quotes = 0, bytearray(), 0
    for number, line in lines(path):
        if held and (line is None or len(held) > MOST_LINE):
            yield begun, None
            held, quotes = bytearray(), 0
        if line is None:
            yield number, None
            continue
        begun = begun if held else number
        held += b" " + line if held else line
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            yield begun, bytes(held)
            held, quotes = bytearray(), 0
    if held:
        yield begun, bytes(held)


def _packed(tags: tuple[str, ...]) -> str:
    return ";".join(tag.replace("%", "%25").replace(";", "%3B") for tag in tags)


def _cells(line: bytes) -> list[str] | None:
    """Give the cells of a line; None where it is not CSV in UTF-8."""
    try:
        return next(csv.reader([line.decode("utf-8")], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        return None


def _line(cells: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue().encode()


def _guarded(cell: str) -> str:
    cell = " ".join(cell.splitlines())
    return f"'{cell}" if FORMULA.match(cell) else cell


def _freed(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell[1:]) else cell
