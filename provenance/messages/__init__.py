"""Sentences for reason codes: the only place where the tool finds words."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Any

from detectors.catalog import BUILT_IN
from detectors.signal import Reason

ENGLISH = "en"
NAMED = {"detector": "label", "detectors": "label", "stage": "label", "language": "language",
         "judged": "language", "looks": "type", "algorithm": "algorithm"}  # fmt: skip
"""Arguments that hold codes which have a name in the tables → what that name's code begins with."""


def say(reason: Reason, locale: str = ENGLISH, extra: tuple[str, ...] = ()) -> str:
    """Return the sentence of a reason.

    Args:
        reason: code and arguments; the arguments are data and never read as a template. One that
            is a `phrase` is said in its own words, and a list has commas between its entries, or
            what the template names: `{said:; }`. The argument `also` lists the codes of further
            sentences, told of the same arguments.
        locale: language of the tables; a code that has no sentence in it is said in English.
        extra: `package:file.toml` of further tables, as a plug-in's `Spec.messages` names them;
            `de.toml` beside such a file has them in German.

    Returns:
        The sentence; for an unknown code, or arguments that do not fit, the code with its
        arguments. The text may hold anything that the item held: escape it before it is shown.
    """
    return _said(reason, table(locale, extra))


def _said(reason: Reason, words: Mapping[str, str]) -> str:
    """Return the sentence of a reason in the words of a table."""
    template = words.get(reason.code)
    if template is None:
        return _bare(reason)
    more = reason.args.get("also")
    codes = more if isinstance(more, list) else []
    templates = [template, *(words[code] for code in codes if code in words)]
    try:
        return " ".join(templates).format_map(_Arguments(_named(reason.args, words), words))
    except (ValueError, TypeError, LookupError, AttributeError):
        return _bare(reason)


def number(value: float, locale: str = ENGLISH, spec: str = ",") -> str:
    """Return a number with the signs that a language has for thousands and decimals.

    Args:
        value: the number.
        locale: language of the tables.
        spec: how `format` is to write it, as in English.
    """
    return format(_Number(value, table(locale)), spec)


def languages() -> tuple[str, ...]:
    """Return the languages there are sentences in: those of the house's tables."""
    names = (place.name for place in files("provenance.messages").iterdir())
    return tuple(sorted(name[:-5] for name in names if name.endswith(".toml")))


@cache
def table(locale: str = ENGLISH, extra: tuple[str, ...] = ()) -> Mapping[str, str]:
    """Return every sentence of a language, English where it has none: code → template."""
    merged = sentences(ENGLISH) | sentences(locale)
    for name in extra:
        package, _, file = name.partition(":")
        beside = PurePosixPath(file).with_name(f"{locale}.toml")
        merged = _foreign(package, file) | _foreign(package, str(beside)) | merged
    return merged


@cache
def sentences(language: str) -> dict[str, str]:
    """Return the sentences that stand in a language itself: code → template."""
    merged: dict[str, str] = {}
    for place in _places(language):
        merged |= _read(place)
    return merged


def _places(language: str) -> list[Traversable]:
    """Return the tables of a language: of each detector, of what they share, of the house."""
    ground = files("detectors")
    own = [ground.joinpath(spec.name, f"{language}.toml") for spec in BUILT_IN]
    shared = ground.joinpath(f"{language}.toml")
    return [*own, shared, files("provenance.messages").joinpath(f"{language}.toml")]


def _read(place: Traversable) -> dict[str, Any]:
    """Read one table; nothing where a language has none."""
    try:
        return tomllib.loads(place.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}


def _foreign(package: str, file: str) -> dict[str, str]:
    """Return a plug-in's table; nothing where it cannot be read, so that codes stand for words."""
    try:
        read = _read(files(package).joinpath(file))
    except (ImportError, ValueError, OSError):
        return {}
    return {code: said for code, said in read.items() if isinstance(said, str)}


def _named(args: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments with the names of what they hold as a code; the rest as it is."""
    told = dict(args)
    for name, begins in NAMED.items():
        value = told.get(name)
        if isinstance(value, str):
            parts = value.split(", ")
            told[name] = ", ".join(words.get(f"{begins}.{part}", part) for part in parts)
    return told


def _bare(reason: Reason) -> str:
    """Return code and arguments as they are."""
    said = ", ".join(f"{name}={value}" for name, value in reason.args.items())
    return f"{reason.code} ({said})" if said else reason.code


class _Listed:
    """Stands for a list, in a format that says what stands between its entries."""

    def __init__(self, entries: list[str]) -> None:
        self._entries = entries

    def __format__(self, between: str) -> str:
        return (between or ", ").join(self._entries)


class _Unsaid:
    """Stands for an argument that is missing or null, in any format."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._word = words["screen.unknown"]

    def __format__(self, _spec: str) -> str:
        return self._word


class _Number:
    """Stands for a number, with the signs that a language has for thousands and decimals."""

    def __init__(self, value: float, words: Mapping[str, str]) -> None:
        self._value = value
        self._signs = str.maketrans(",.", words["screen.signs"])

    def __format__(self, spec: str) -> str:
        return format(self._value, spec).translate(self._signs)


class _Arguments(dict[str, Any]):
    """Arguments of a sentence: phrases said, what is missing or null said to be unknown."""

    def __init__(self, args: Mapping[str, Any], words: Mapping[str, str]) -> None:
        super().__init__(args)
        self._words = words

    def __missing__(self, _name: str) -> _Unsaid:
        return _Unsaid(self._words)

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        if isinstance(value, list):
            return _Listed([str(self._phrased(entry)) for entry in value])
        if isinstance(value, int | float):
            return _Number(value, self._words)
        return _Unsaid(self._words) if value is None else self._phrased(value)

    def _phrased(self, value: Any) -> Any:
        """Return a phrase in words, and any other value as it is."""
        if isinstance(value, dict) and isinstance(value.get("code"), str):
            args = value.get("args")
            reason = Reason(value["code"], args if isinstance(args, dict) else {})
            return _said(reason, self._words)
        return value
