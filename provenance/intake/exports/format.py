"""What a format of exports is made of."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

from provenance.intake.exports.package import Package
from provenance.intake.exports.post import Found
from provenance.intake.exports.rows import Row, table


class Head(NamedTuple):
    """What a format is told by."""

    names: Sequence[str]
    """Of the files."""
    columns: frozenset[str]
    """Of the first table."""
    rows: Sequence[dict[str, Any]]
    """The first objects of the first file of JSON."""


class Format(Protocol):
    """How exports of a kind are read."""

    lists: ClassVar[Sequence[str]]
    """Where rows lie in its JSON, such as `data.videos`."""

    @staticmethod
    def tells(head: Head) -> bool:
        """Tell whether an export is of this kind."""
        ...

    def __init__(self, package: Package) -> None:
        """Take an export."""
        ...

    def rows(self) -> Iterator[Row]:
        """Yield its rows."""
        ...

    def found(self, value: Any) -> Found:
        """Return the post of a row.

        Raises:
            NotAPost, msgspec.ValidationError: it is none.
        """
        ...


class Tables:
    """What formats of tables share: they are read row by row, file after file."""

    lists: ClassVar[Sequence[str]] = ()
    endings: ClassVar[Sequence[str]] = (".csv",)
    """Of the names of tables."""

    def __init__(self, package: Package) -> None:
        """Take an export."""
        self._package = package

    def rows(self) -> Iterator[Row]:
        """Yield the rows of all tables."""
        for name in self._package.ending(*self.endings):
            yield from table(self._package, name)
