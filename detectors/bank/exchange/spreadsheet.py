"""CSV: one entry a line, safe to open in a spreadsheet.

A cell that a spreadsheet would take for a formula begins with an apostrophe, which is taken off on
reading. Several hashes of one algorithm stand in one cell, `whole:… inner:…`; tags are separated by
semicolons, those within a tag written as %3B.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from detectors.bank.entry import DIGITS, Entry, EntryKind, Status
from detectors.bank.exchange.columns import (
    PICTURES,
    a_hash,
    algorithm,
    by_length,
    field,
    hash_of,
    holds_hashes,
    unknown,
)
from detectors.bank.exchange.files import BOM, MOST_LINE, lines
from detectors.bank.exchange.row import (
    CLASSES,
    STATUSES,
    Feed,
    FeedRow,
    moment,
    shared,
    word_of,
)
from detectors.errors import ConfigError

COMMAS: Final = (",", ";", "\t", "|")
"""What stands between cells, as spreadsheets of all languages and databases write it."""
QUALITY: Final = "pdq_quality"
PLAIN: Final = ("created", "modified", "first_seen", "source", "tlp", "reason", "note")
COLUMNS: Final = ("id", "class", "innocent", "status", *DIGITS, QUALITY, "tags", *PLAIN)
FORMULA: Final = re.compile("'*(?:\\s*[-=+@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])")
"""What spreadsheets run instead of showing, with apostrophes already before it: also in the
full-width forms that some take for the narrow ones (OWASP, CSV injection)."""


WORDS: Final[dict[str, Callable[[str], bool]]] = {
    "status": lambda cell: word_of(Status, STATUSES, cell) is not None,
    "class": lambda cell: word_of(EntryKind, CLASSES, cell) is not None,
    "tlp": lambda cell: cell.strip().upper().startswith("TLP:"),
}
"""What a cell says that no column's name announces; it is looked for in each row."""


class Table(msgspec.Struct, frozen=True):
    """How a file is laid out."""

    comma: str
    """What stands between cells."""
    names: list[str]
    """Names of the columns, as the file writes them."""
    fields: list[str | None]
    """What the columns hold, by our names."""
    headed: bool
    """Whether the first row names the columns."""


def read(path: Path) -> Iterator[FeedRow]:
    """Yield a row for each line, and one for each column that is not known.

    Columns may come in any order, by any of their usual names, between commas, semicolons, tabs or
    bars. Where no row names them, they are told by what they hold.

    Raises:
        ConfigError: there is no column of hashes.
    """
    table: Table | None = None
    for number, line in _records(path):
        said = line.removeprefix(BOM) if line is not None else None
        if table is None and said is not None and (said[:4].lower() == b"sep=" or said[:1] == b"#"):
            continue
        where = f"line {number}"
        if table is None:
            table = _table(said, path)
            for name in unknown(table.names) if table.headed else ():
                yield FeedRow(where=where, skipped=(("unknown_column", name.strip()[:80]),))
            if table.headed:
                continue
        yield _row(where, said, table)


def _row(where: str, line: bytes | None, table: Table) -> FeedRow:
    """Return the row of a line; empty cells at its end are nothing."""
    cells = _cells(line, table.comma) if line is not None else None
    while cells and len(cells) > len(table.fields) and not cells[-1].strip():
        cells.pop()
    if cells is None or len(cells) != len(table.fields):
        return FeedRow(where=where, skipped=(("unreadable", _fault(line)),))
    said: dict[str, str] = {}
    for what, cell in zip(table.fields, cells, strict=True):
        if what and cell.strip():
            said.setdefault(what, _freed(cell.strip()))
    for name, holds in WORDS.items() if not table.headed else ():
        if word := next((cell for cell in cells if holds(cell)), None):
            said[name] = word.strip()
    media = said.get("media", "").lower()
    if media and not media.startswith(PICTURES):
        return FeedRow(
            where=where, said={"id": said.get("id")}, skipped=(("not_a_picture", media[:40]),)
        )
    return FeedRow(where=where, said=_said(said))


def _fault(line: bytes | None) -> str:
    """Return why a line gives no row."""
    try:
        (line or b"").decode()
    except UnicodeDecodeError:
        return "neither UTF-8 nor UTF-16; save it as UTF-8"
    return "not as many cells as columns"


def sniffed(line: bytes) -> str | None:
    """Return what stands between the cells of a first line; None where it is no such table."""
    for comma in COMMAS:
        cells = _cells(line, comma) or []
        if holds_hashes({*cells}):
            return comma
    for comma in COMMAS:
        cells = _cells(line, comma) or []
        if len(cells) > 1 and any(a_hash(cell.strip()) for cell in cells):
            return comma
    return None


def _table(line: bytes | None, path: Path) -> Table:
    """Return the layout of a file by its first line."""
    comma = sniffed(line) if line is not None else None
    if line is None or comma is None:
        known = ", ".join(DIGITS)
        raise ConfigError(
            f"{path}: its first line names no column of hashes ({known}), and holds no hash; "
            "columns stand between commas, semicolons, tabs or bars"
        )
    names = _cells(line, comma) or []
    while names and not names[-1].strip():
        names.pop()
    if any(a_hash(cell.strip()) for cell in names):
        return Table(comma, names, _told_by_content(names), headed=False)
    fields = [field(name) for name in names]
    return Table(comma, names, fields, headed=True)


def _told_by_content(cells: list[str]) -> list[str | None]:
    """Return what the columns of a row without a header hold."""
    found: list[str | None] = []
    for cell in map(str.strip, cells):
        kinds = [
            ("algorithm", algorithm(cell) is not None),
            *((name, holds(cell)) for name, holds in WORDS.items()),
            (by_length(cell) if by_length(cell) in DIGITS else "hash", _hash_among(cell, cells)),
            ("created", moment(cell) is not None and not cell.isdigit()),
            ("pdq_quality", bool(re.fullmatch(r"100|\d{1,2}", cell)) and bool(found)),
            ("note", cell.isdigit()),
            ("file", bool(re.fullmatch(r"\S+\.\w{2,5}", cell))),
            ("tags", bool(cell)),
        ]
        fits = (kind for kind, holds in kinds if holds and kind not in found)
        found.append(next(fits, None))
    return found


def _hash_among(cell: str, cells: list[str]) -> bool:
    """Tell whether a cell is a hash; 16 decimal digits beside a longer one are a number."""
    longer = any(a_hash(other.strip()) and len(other.strip()) > len(cell) for other in cells)
    return a_hash(cell) and not (cell.isdecimal() and longer)


def write(entries: Sequence[Entry], feed: Feed) -> Iterator[bytes]:
    """Yield the header, and a line for each entry."""
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
    """Return what the cells say in the words of an entry."""
    quality = cells.get(QUALITY, "")
    hashes: dict[str, Any] = {}
    for name in DIGITS:
        for part in cells.get(name, "").split():
            view, colon, value = _unprefixed(part).rpartition(":")
            hashes.setdefault(name, []).append(
                {"value": value, "view": view} if colon else {"value": value}
            )
    if digest := cells.get("hash"):
        said = cells.get("algorithm", "")
        named = ("" if said.lower().startswith(PICTURES) and not algorithm(said) else said) or (
            "pdq" if quality and len(digest) == DIGITS["pdq"] else ""
        )
        for of, rows in hash_of(_unprefixed(digest), named).items():
            hashes.setdefault(of, []).extend(rows)
    if re.fullmatch(r"\d{1,3}", quality):
        for row in hashes.get("pdq", ()):
            row["quality"] = int(quality)
    packed = cells.get("tags", "")
    tags = [
        tag.strip().replace("%3B", ";").replace("%25", "%")
        for tag in re.split(r"[;|]", packed)
    ]  # fmt: skip
    plain: dict[str, Any] = {
        key: cells[key]
        for key in ("id", "class", "status", "gone", "active", "innocent", "expires", *PLAIN)
        if key in cells
    }
    if "note" not in plain and "file" in cells:
        plain["note"] = cells["file"]
    return {**plain, "hashes": hashes, "tags": tags}


def _unprefixed(value: str) -> str:
    """Return a hash without the `0x` or the name of its algorithm that some write before it."""
    return re.sub(r"(?i)^(?:0x|(?:md5|sha-?1|sha-?256|pdq):)(?=[0-9a-f])", "", value)


def _records(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield the lines of a file; one whose quotes stay open goes on in the next."""
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


def _cells(line: bytes, comma: str) -> list[str] | None:
    """Return the cells of a line; None where it is not CSV in UTF-8."""
    try:
        return next(csv.reader([line.decode("utf-8")], strict=True, delimiter=comma), [])
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
