"""Rows of exports, read as streams: objects of JSON documents and JSON lines, rows of tables."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from itertools import chain
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec

from detectors.errors import ConfigError
from provenance.intake.exports.package import UNREADABLE, Package
from provenance.intake.exports.post import NotAPost

LINE: Final = 2**26
"""Bytes of a line of JSON, or characters of a value of a table, that are read at most."""
HEAD: Final = 20
"""Lines by which JSON lines are told from a document that is spread over lines."""
BETWEEN: Final = ",\t;|"
"""What may stand between the columns of a table."""
_PREFIX: Final = re.compile(rb"\s*[\w.]+\s*=\s*")
"""What stands before the JSON of a script, as in archives of X."""


class Row(NamedTuple):
    """A row, or why there is none."""

    where: str
    value: Any = None
    error: str = ""

    def read(self) -> Any:
        """Return its value.

        Raises:
            NotAPost: there is none.
        """
        if self.error:
            raise NotAPost(self.error)
        return self.value


def objects(package: Package, name: str, lists: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a file of JSON: lines, a list, or a list in an object.

    Args:
        package: the export.
        name: of a file in it.
        lists: where rows lie in an object, such as `data.videos`; an object without any of them
            is a row itself.

    Raises:
        ConfigError: a document needs an extra.
    """
    where = package.where(name)
    try:
        if _is_lines(package, name):
            yield from _lines(package, name, where, lists)
        else:
            yield from _document(package, name, where, lists)
    except UNREADABLE as error:
        yield Row(where, error=f"the rest cannot be read: {error}"[:300])


def _is_lines(package: Package, name: str) -> bool:
    """Tell JSON lines: one of the first lines, not indented, is a whole object."""
    with closing(package.open(name)) as file:
        head = [file.readline(LINE).removeprefix(b"\xef\xbb\xbf") for _ in range(HEAD)]
    lines = [line for line in head if line.strip()]
    if lines and (lines[0].lstrip().startswith(b"[") or _PREFIX.match(lines[0])):
        return False
    return not lines or any(
        line.startswith(b"{") and isinstance(_parsed(line), dict) for line in lines
    )


def _parsed(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return None


def _lines(package: Package, name: str, where: str, lists: Sequence[str]) -> Iterator[Row]:
    with closing(package.open(name)) as file:
        number = 0
        while line := file.readline(LINE):
            number += 1
            here = f"{where}:{number}"
            if not line.endswith(b"\n") and len(line) == LINE:
                while (rest := file.readline(LINE)) and not rest.endswith(b"\n"):
                    pass
                yield Row(here, error="longer than 64 MiB")
            elif line := line.strip().removeprefix(b"\xef\xbb\xbf"):
                yield from _of_line(line, here, lists)


def _of_line(line: bytes, here: str, lists: Sequence[str]) -> Iterator[Row]:
    try:
        value = msgspec.json.decode(line.decode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError) as error:
        yield Row(here, error=f"no JSON: {error}"[:300])
        return
    found = value if isinstance(value, list) else _listed(value, lists)
    if found is None:
        yield Row(here, value)
    else:
        for index, each in enumerate(found, 1):
            yield Row(f"{here}#{index}", each)


def _listed(value: Any, lists: Sequence[str]) -> list[Any] | None:
    """Return the rows in an object, None where it has no list of them."""
    for path in lists:
        inner = value
        for key in path.split("."):
            inner = inner.get(key) if isinstance(inner, dict) else None
        if isinstance(inner, list):
            return inner
    return None


def _document(package: Package, name: str, where: str, lists: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of one document, as it is parsed."""
    ijson = _ijson()
    try:
        path = _path(package, name, lists)
        with _begun(package, name) as file:
            for index, value in enumerate(ijson.items(file, path), 1):
                yield Row(f"{where}#{index}" if path else where, _plain(value))
    except (ijson.JSONError, UnicodeDecodeError) as error:
        yield Row(where, error=f"no JSON from here on, or cut off: {error}"[:300])


def _plain(value: Any) -> Any:
    """Return a value with its decimals as floats, as lines of JSON have them."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return float(value) if isinstance(value, Decimal) else value


def _path(package: Package, name: str, lists: Sequence[str]) -> str:
    """Return where the rows of a document lie; "": it is a row itself."""
    wanted = {"": "item", **{path: f"{path}.item" for path in lists}}
    with _begun(package, name) as file:
        for prefix, event, _ in _ijson().parse(file):
            if event == "start_array" and prefix in wanted:
                return wanted[prefix]
    return ""


def scalar(package: Package, name: str, path: str) -> Any:
    """Return a value of a document that stands before its first list; None where there is none."""
    ijson = _ijson()
    try:
        with _begun(package, name) as file:
            for prefix, event, value in ijson.parse(file):
                if prefix == path or event == "start_array":
                    return value
    except (ijson.JSONError, *UNREADABLE):
        pass
    return None


def _begun(package: Package, name: str) -> BinaryIO:
    """Open a document behind what is no JSON."""
    file = package.open(name)
    head: bytes = file.peek(256)  # type: ignore[attr-defined]
    start = len(b"\xef\xbb\xbf") if head.startswith(b"\xef\xbb\xbf") else 0
    if found := _PREFIX.match(head):
        start = found.end()
    file.read(start)
    return file


def _ijson() -> Any:
    try:
        import ijson  # type: ignore[import-untyped]
    except ImportError as error:
        raise ConfigError(
            "JSON documents are read as streams by the extra networks: pip install"
            " 'provenance-check[networks]'"
        ) from error
    return ijson


def columns(package: Package, name: str) -> list[str]:
    """Return the columns of a table, none where a file is no table."""
    try:
        with closing(package.open(name)) as file:
            return next(_reader(file), [])
    except (*UNREADABLE, csv.Error):
        return []


def table(package: Package, name: str) -> Iterator[Row]:
    """Yield the rows of a table as values by column."""
    where = package.where(name)
    try:
        with closing(package.open(name)) as file:
            yield from _rows(_reader(file), where)
    except UNREADABLE as error:
        yield Row(where, error=f"the rest cannot be read: {error}"[:300])


def _rows(reader: Any, where: str) -> Iterator[Row]:
    header: list[str] | None = None
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(f"{where}:{reader.line_num}", error=str(error))
            continue
        here = f"{where}:{reader.line_num}"
        if header is None:
            header = row
        elif len(row) == len(header):
            yield Row(here, dict(zip(header, row, strict=True)))
        elif row:
            yield Row(here, error=f"{len(row)} values, the header has {len(header)}")


def _reader(file: BinaryIO) -> Any:
    """Return what reads a table, by its encoding and by what stands between its columns."""
    head: bytes = file.peek(2)[:2]  # type: ignore[attr-defined]
    encoding = "utf-16" if head in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    text = io.TextIOWrapper(file, encoding, "replace", newline="")
    first = text.readline(2**20)
    between = max(BETWEEN, key=first.count)
    csv.field_size_limit(LINE)
    return csv.reader(chain([first], text) if first else text, delimiter=between)
