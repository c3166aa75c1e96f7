"""Any table, by a map of its columns in TOML."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from detectors.errors import ConfigError
from provenance.intake.exports.package import Package
from provenance.intake.exports.post import Account, Found, Post
from provenance.intake.exports.rows import Row, columns, table
from provenance.intake.exports.values import addresses, needed, time
from provenance.intake.platforms.x_io import listed
from provenance.toml_file import TomlFile, load, nearest

TRUE: Final = ("1", "true", "t", "yes", "y")
"""What a column of `is_repost` has for yes, in lower case."""


class Mapped:
    """Reads the tables of an export by the columns that a map names."""

    def __init__(self, package: Package, path: Path) -> None:
        """Read the map, and find its columns.

        Args:
            package: the export.
            path: of the map.

        Raises:
            ConfigError: the map cannot be used, or a table lacks a column; names the line.
        """
        self._package = package
        try:
            file = load(path)
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}") from error
        self._columns = _map(file)
        self._names = package.ending(".csv", ".tsv", ".tab", ".txt")
        for name in self._names:
            _check(file, self._columns, columns(package, name), package.where(name))

    def rows(self) -> Iterator[Row]:
        """Yield the rows of all tables."""
        for name in self._names:
            yield from table(self._package, name)

    def found(self, value: Any) -> Found:
        """Return the post of a row.

        Raises:
            NotAPost: it lacks an id, an account, or a time that can be read.
        """
        said = {key: value[column] or None for key, column in self._columns.items()}
        text = said.get("text") or ""
        post = Post(
            post_id=needed(said["post_id"], "post_id"),
            account_id=needed(said["account_id"], "account_id"),
            created_at=time(said["created_at"] or ""),
            text=text,
            urls=listed(said["urls"] or "") if "urls" in said else addresses(text),
            is_repost=(said.get("is_repost") or "").lower() in TRUE,
            repost_of=said.get("repost_of"),
            reposted_account=said.get("reposted_account"),
            in_reply_to=said.get("in_reply_to"),
            object_id=said.get("object_id"),
            platform=said.get("platform"),
            lang=said.get("lang"),
        )
        account = Account(
            account_id=post.account_id,
            platform=post.platform,
            handle=said.get("handle"),
            name=said.get("name"),
            bio=said.get("bio"),
        )
        return Found(post, (account,))


class _Map(msgspec.Struct, forbid_unknown_fields=True):
    """Names of columns."""

    post_id: str
    account_id: str
    created_at: str
    text: str | None = None
    urls: str | None = None
    is_repost: str | None = None
    repost_of: str | None = None
    reposted_account: str | None = None
    in_reply_to: str | None = None
    object_id: str | None = None
    platform: str | None = None
    lang: str | None = None
    handle: str | None = None
    name: str | None = None
    bio: str | None = None


KEYS: Final = _Map.__struct_fields__


def _map(file: TomlFile) -> dict[str, str]:
    """Return key → column.

    Raises:
        ConfigError: a key is missing, unknown or no name of a column; names the line.
    """
    try:
        found = msgspec.convert(file.table, _Map)
    except msgspec.ValidationError as error:
        file.refuse(error, lambda _: KEYS, lambda _: ())
    return {key: column for key in KEYS if (column := getattr(found, key)) is not None}


def _check(file: TomlFile, columns_of: dict[str, str], there: list[str], where: str) -> None:
    """See that a table has the columns.

    Raises:
        ConfigError: it lacks one; names the line of the map.
    """
    for key, column in columns_of.items():
        if column not in there:
            raise ConfigError(
                f"{file.where}:{file.line_of(f'$.{key}')}: {where} has no column {column!r};"
                f" {nearest(column, there or ['nothing, it is empty'])}"
            )
