"""The table of marks, and which of its rows hold for a file."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from detectors.metadata.fields import Fields
from detectors.metadata.rules import OF_JSON, RULES, excerpt
from detectors.metadata.value import Value

TABLE = Path(__file__).with_name("marks.toml")
MAX_KNOWN = 256
"""Sets of fields for which the rows are kept; the files of a folder have a few."""


class When(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One condition: a field whose value a rule accepts."""

    fields: tuple[str, ...]
    rule: str
    values: tuple[str, ...] = ()
    least: int = 0

    def holds(self, fields: Fields) -> Value | None:
        """Return the first value that the rule accepts, None where there is none."""
        for name in self.fields:
            for value in fields.values.get(name, ()):
                if RULES[self.rule](value, self.values, self.least):
                    return value
        return None


class Mark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the table: what a program leaves in a file, and what that claims."""

    id: str
    claim: Literal["ai_generated", "ai_edited", "none"]
    log10_lr: float | Literal["unmeasured"]
    source: str
    """Where the rule comes from."""
    risk: str
    """How it may accuse wrongly."""
    when: tuple[When, ...]
    tool: str | None = None
    """The writing program, where the mark makes it certain."""
    general: bool = False
    """The field does not tell making from changing: an edit told by another one outranks it."""

    def writer(self, value: Value) -> str:
        """Return what the evidence comes from: the program, else the field."""
        return self.tool or value.field

    def excerpt(self, value: Value) -> str:
        """Return the part of the text that shows the mark, for a reader."""
        return excerpt(self.when[0].rule, value)


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every mark, specific before general."""

    version: str
    fields: dict[str, tuple[str, ...]]
    """What a field is for → the fields that serve for it, or further such names."""
    names: dict[str, tuple[str, ...]]
    """Lists of values that several rows share, by a name that stands for them in a row."""
    mark: tuple[Mark, ...]

    @property
    def wanted(self) -> frozenset[str]:
        """Names of all fields that a row reads."""
        return frozenset(name for mark in self.mark for when in mark.when for name in when.fields)


@cache
def table() -> Table:
    """Return the table as it ships, with fields and shared values written out."""
    made = msgspec.convert(tomllib.loads(TABLE.read_text("utf-8")), Table)
    marks = tuple(
        msgspec.structs.replace(
            mark,
            when=tuple(
                msgspec.structs.replace(
                    when,
                    fields=_written_out(when.fields, made.fields),
                    values=_written_out(when.values, made.names),
                )
                for when in mark.when
            ),
        )
        for mark in made.mark
    )
    return msgspec.structs.replace(made, mark=marks)


def _written_out(names: tuple[str, ...], known: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return fields for what they are for; names of single fields stay as they are."""
    parts = (_written_out(known[name], known) if name in known else (name,) for name in names)
    return tuple(dict.fromkeys(field for part in parts for field in part))


class Rows:
    """The rows of a table, cut down to the fields that a file has: it has few, and they many."""

    def __init__(self, marks: tuple[Mark, ...]) -> None:
        """Keep the rows."""
        self._marks = marks
        self._known: dict[tuple[tuple[str, ...], tuple[bool, ...]], tuple[Mark, ...]] = {}

    def found(self, fields: Fields) -> list[tuple[Mark, Value]]:
        """Return the marks of a file with the value that shows each, in the order of the table.

        A value speaks once, and a writer speaks once, through the first row that holds.
        """
        hits: list[tuple[Mark, Value]] = []
        spoken: set[object] = set()
        names = tuple(sorted(fields.values))
        json = (any(value.json is not None for value in fields.values[name]) for name in names)
        for mark in self._of(names, tuple(json)):
            value = mark.when[0].holds(fields)
            if value is None or any(when.holds(fields) is None for when in mark.when[1:]):
                continue
            keys = {id(value), mark.writer(value)}
            if not keys & spoken:
                hits.append((mark, value))
                spoken |= keys
        edited = any(mark.claim == "ai_edited" for mark, _ in hits)
        return [(mark, value) for mark, value in hits if not (edited and mark.general)]

    def _of(self, names: tuple[str, ...], json: tuple[bool, ...]) -> tuple[Mark, ...]:
        """Return the rows that these fields can make hold, with these fields alone.

        Args:
            names: of the fields.
            json: whether each holds JSON.
        """
        if (names, json) not in self._known:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            present = dict(zip(names, json, strict=True))
            cut = (_cut(mark, present) for mark in self._marks)
            self._known[names, json] = tuple(mark for mark in cut if mark is not None)
        return self._known[names, json]


def _cut(mark: Mark, present: Mapping[str, bool]) -> Mark | None:
    """Return a row without the fields that cannot make it hold; None where a condition has none.

    Args:
        mark: the row.
        present: name of a field that is there → whether it holds JSON.
    """
    whens = tuple(
        msgspec.structs.replace(when, fields=fields)
        for when in mark.when
        if (fields := _of_use(when, present))
    )
    return msgspec.structs.replace(mark, when=whens) if len(whens) == len(mark.when) else None


def _of_use(when: When, present: Mapping[str, bool]) -> tuple[str, ...]:
    """Return the fields of a condition that are there and hold what its rule asks for."""
    of_json = when.rule in OF_JSON
    return tuple(name for name in when.fields if name in present and (present[name] or not of_json))
