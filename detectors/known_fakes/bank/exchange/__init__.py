"""Entries in the words of others: one module a format, and this table of them."""

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol, cast

from detectors.errors import ConfigError
from detectors.known_fakes.bank.entry import DIGITS, Entry
from detectors.known_fakes.bank.exchange.row import Feed, Row
from detectors.known_fakes.bank.exchange.sources import BOM, head, regular

ROOM: Final = "detectors.known_fakes.bank.exchange"
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

    def read(self, path: Path) -> Iterator[Row]:
        """Give the rows of a file; what is no sound row says so itself.

        Raises:
            ConfigError: the file as a whole is not of this format.
        """

    def write(self, entries: Sequence[Entry], feed: Feed) -> Iterator[bytes]:
        """Give the document piece by piece; the same entries give the same bytes."""


def format_of(name: str) -> Format:
    """Give the module of a format of the table."""
    return cast("Format", importlib.import_module(FORMATS[name]))


def guessed(path: Path) -> str:
    """Give the format that a file is in, by its beginning.

    Raises:
        ConfigError: it cannot be read, or its beginning is of no known format.
    """
    regular(path)
    start = head(path).removeprefix(BOM).decode("utf-8", "replace").lstrip()
    if start.startswith("<"):
        return "ncmec"
    if start.startswith(("{", "[")):
        for name, signs in SIGNS:
            if any(sign in start for sign in signs):
                return name
        if '"hashes"' in (first := start.split("\n", 1)[0]) or '"pdq"' in first:
            return "jsonl"
        if start.replace(" ", "").startswith(('{"data":[]', "[]")):
            return "threatexchange"
        raise ConfigError(f"{path}: JSON of no known format; say which it is (--as)")
    first = start.split("\n", 1)[0].strip()
    if first and set(first.lower()) <= set("0123456789abcdef"):
        return "threatexchange"
    if {cell.strip(' "').lower() for cell in first.split(",")} & {*DIGITS}:
        return "csv"
    raise ConfigError(f"{path}: in no known format; say which it is (--as)")
