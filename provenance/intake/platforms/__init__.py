"""The formats in which platforms and tools export posts, a module each."""

from collections.abc import Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol, cast

from detectors.errors import ConfigError
from provenance.intake.exports.format import Format, Head
from provenance.intake.exports.package import Package
from provenance.intake.exports.post import Found
from provenance.intake.exports.rows import HEAD, Row, columns, objects

FORMATS: Final = {
    "x-archive": "x_archive:XArchive",
    "x-io": "x_io:XIo",
    "x-api": "x_api:XApi",
    "bluesky": "bluesky:Bluesky",
    "mastodon": "mastodon:Mastodon",
    "telegram": "telegram:Telegram",
    "reddit": "reddit:Reddit",
    "youtube": "youtube:YouTube",
    "tiktok": "tiktok:TikTok",
    "facebook": "facebook:Facebook",
    "coortweet": "coortweet:CooRTweet",
}
"""Name → where it is read."""
AUTO: Final = "auto"
MAPPED: Final = "csv:"
"""Begins the name of a format that a map of columns tells."""
FILES: Final = 8
"""Files of JSON that are looked into for the format of an export."""
TABLES: Final = (".csv", ".tsv", ".tab")
JSON: Final = (".json", ".jsonl", ".ndjson", ".zst")


class Reader(Protocol):
    """Reads one export."""

    def rows(self) -> Iterator[Row]:
        """Yield its rows."""
        ...

    def found(self, value: Any) -> Found:
        """Return the post of a row.

        Raises:
            NotAPost, msgspec.ValidationError: it is none.
        """
        ...


def format_of(name: str) -> type[Format]:
    """Return what reads a format."""
    module, _, attribute = FORMATS[name].partition(":")
    return cast("type[Format]", getattr(import_module(f"{__name__}.{module}"), attribute))


def reader(package: Package, form: str) -> tuple[str, Reader]:
    """Return the name of the format of an export, and what reads it.

    Args:
        package: the export.
        form: a format, `auto`, or `csv:` and the path of a map of columns.

    Raises:
        ConfigError: it is of no format that is known, or a map cannot be used.
    """
    if form.startswith(MAPPED):
        from provenance.intake.platforms.mapped import Mapped

        return form, Mapped(package, Path(form.removeprefix(MAPPED)))
    if form == AUTO:
        form = told(package)
    return form, format_of(form)(package)


def told(package: Package) -> str:
    """Return the name of the format of an export, by its content.

    Raises:
        ConfigError: it is none of them.
    """
    formats = {name: format_of(name) for name in FORMATS}
    head = _head(package, tuple(path for each in formats.values() for path in each.lists))
    name = next((name for name, each in formats.items() if each.tells(head)), None)
    if name is None:
        raise ConfigError(
            f"{package.uri}: is none of the exports that are told by content"
            f" ({', '.join(FORMATS)}); name the format with --as, csv:MAP.toml for any table"
        )
    return name


def _head(package: Package, lists: tuple[str, ...]) -> Head:
    """Return what a format is told by: the first table, and the first objects of JSON files."""
    tables = package.ending(*TABLES)[:1]
    found = [column for name in tables for column in columns(package, name)]
    firsts = [islice(objects(package, name, lists), HEAD) for name in package.ending(*JSON)[:FILES]]
    rows = [row.value for first in firsts for row in first if isinstance(row.value, dict)]
    return Head(package.names, frozenset(found), rows)
