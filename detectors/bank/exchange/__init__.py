"""Entries in the words of others: one module a format, and this table of them."""

import importlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol, cast

from detectors.bank.entry import DIGITS, Entry
from detectors.bank.exchange.columns import LISTED, holds_hashes
from detectors.bank.exchange.files import BOM, encoding, head, regular
from detectors.bank.exchange.row import Feed, FeedRow
from detectors.bank.exchange.spreadsheet import sniffed
from detectors.errors import ConfigError

ROOM: Final = "detectors.bank.exchange"
FORMATS: Final = {
    "jsonl": f"{ROOM}.jsonl",
    "csv": f"{ROOM}.spreadsheet",
    "threatexchange": f"{ROOM}.threatexchange",
    "ncmec": f"{ROOM}.ncmec",
    "stopncii": f"{ROOM}.stopncii",
    "stix": f"{ROOM}.stix",
    "misp": f"{ROOM}.misp",
}
"""Name → the module that reads and writes it."""
SIGNS: Final = (
    ("stopncii", ('"hashRecords"',)),
    ("stix", ('"spec_version"', '"bundle--')),
    ("misp", ('"Event"', '"Attribute"', '"Object"')),
    ("threatexchange", ('"indicator"', '"should_delete"')),
)
"""Keys that only one of the JSON formats has, in the order in which they are looked for."""


class Format(Protocol):
    """What the module of a format holds."""

    def read(self, path: Path) -> Iterator[FeedRow]:
        """Read the rows of a file; what is no sound row says so itself.

        Raises:
            ConfigError: the file as a whole is not of this format.
        """

    def write(self, entries: Sequence[Entry], feed: Feed) -> Iterator[bytes]:
        """Return the document piece by piece; the same entries give the same bytes."""


def format_of(name: str) -> Format:
    """Return the module of a format of the table."""
    return cast("Format", importlib.import_module(FORMATS[name]))


def guessed(path: Path) -> str:
    """Return the format that a file is in, by its beginning.

    Raises:
        ConfigError: it cannot be read, or its beginning is of no known format.
    """
    regular(path)
    start = head(path).removeprefix(BOM)
    name = encoding(path)
    words = start.decode(name or "utf-8", "replace").lstrip("\ufeff \t\r\n")
    if words.startswith("<"):
        return "ncmec"
    if words.startswith(("{", "[")):
        return _of_json(words, path)
    first = _first(words)
    if LISTED.fullmatch(first):
        return "threatexchange"
    if sniffed(first.encode()) is not None:
        return "csv"
    raise ConfigError(
        f"{path}: in no known format (--as). A table needs a first line that names its columns, "
        f"one of them of hashes ({', '.join(DIGITS)}), or that holds hashes; a list needs a hash "
        "in each line"
    )


def _first(words: str) -> str:
    """Return the first line that says something: no comment and no `sep=`."""
    said = (line.strip(" ") for line in re.split(r"\r\n|\r|\n", words))
    return next((line for line in said if line and not line.lower().startswith(("#", "sep="))), "")


def _of_json(words: str, path: Path) -> str:
    """Return the format of a JSON document by keys that only it has."""
    for name, signs in SIGNS:
        if any(sign in words for sign in signs):
            return name
    first = words.split("\n", 1)[0]
    if '"hashes"' in first or '"pdq"' in first:
        return "jsonl"
    if words.replace(" ", "").startswith(('{"data":[]', "[]")):
        return "threatexchange"
    if holds_hashes({*re.findall(r'"([^"\n]{1,40})"\s*:', words[:4096])}):
        return "jsonl"
    raise ConfigError(f"{path}: JSON of no known format; say which it is (--as)")
