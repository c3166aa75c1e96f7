"""TOML files that users wrote (policies, configuration), read with limits; faults have a line."""

import re
import tomllib
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from detectors.errors import ConfigError

MOST_BYTES = 2**20
"""Longest file that is read, 1 MiB: a hundred times any policy that somebody writes."""
MOST_LEVELS = 32
"""Deepest nesting of tables, arrays and dotted keys; tomllib takes any, by recursion."""
TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"""|\Z)'
    r"|'''.*?(?:'''|\Z)"
    r'|"(?:\\.|[^"\\\n])*"?'
    r"|'[^'\n]*'?"
    r"|#[^\n]*"
    r"|[\[\]{}.=,\n]",
    re.DOTALL,
)
"""Strings and comments, whose inside does not count, and the signs that make levels."""


class TomlFile(msgspec.Struct, frozen=True, kw_only=True):
    """A TOML file, read."""

    where: str
    """The file's name, for messages."""
    data: bytes
    text: str
    table: dict[str, Any]

    def refuse(
        self,
        error: msgspec.ValidationError,
        keys: Callable[[str], Sequence[str]],
        words: Callable[[str], Sequence[str]],
        base: str = "$",
    ) -> NoReturn:
        """Raise what msgspec found wrong, with its line and the word that would be right.

        Args:
            error: of the conversion of the table at `base`.
            keys: returns the keys that may stand in the table at a path such as `$.rows[3]`.
            words: returns the words that may stand at a path.
            base: path of the table that was converted.

        Raises:
            ConfigError: always.
        """
        message, _, path = str(error).partition(" - at `")
        path = path.rstrip("`")
        if unknown := re.search(r"unknown field `(.+)`", message):
            message = f"unknown key {unknown[1]!r}; {nearest(unknown[1], keys(path))}"
            path = f"{path or '$'}.{unknown[1]}"
        elif wrong := re.search(r"Invalid enum value '(.*)'", message):
            message = f"unknown word {wrong[1]!r}; {nearest(wrong[1], words(path))}"
        elif missing := re.search(r"missing required field `(\w+)`", message):
            message = f"{missing[1]!r} is missing"
        line = self.line_of(path.replace("$", base, 1) or base)
        raise ConfigError(f"{self.where}:{line}: {message}")

    def line_of(self, path: str) -> int:
        """Return the line, counted from 1, of what a path like `$.rows[3].floor` names.

        Tables are found by their headers, keys by their line. What has no line of its own gives
        its table's.
        """
        lines = self.text.splitlines()
        start, end, key, names = 0, len(lines), "", list[str]()
        for name, _, index in re.findall(r"\.([^.\[\]]+)(\[(\d+)\])?", path):
            names.append(re.escape(name))
            header = r"\s*\[+\s*" + r"\s*\.\s*".join(names) + r"\s*\]+"
            heads = [i for i, line in enumerate(lines) if re.match(header, line)]
            if not heads:
                key = name
                continue
            start = heads[min(int(index or 0), len(heads) - 1)]
            later = (i for i in range(start + 1, len(lines)) if lines[i].lstrip().startswith("["))
            end = next(later, len(lines))
        if not key:
            return start + 1
        wanted = re.compile(rf'\s*"?{re.escape(key)}"?\s*[=.]')
        return next((i for i in range(start, end) if wanted.match(lines[i])), start) + 1


def nearest(word: str, known: Sequence[str]) -> str:
    """Return the advice: the word that was probably meant, else all of them."""
    near = get_close_matches(word, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(known)}"


def load(path: Path) -> TomlFile:
    """Read a file.

    Raises:
        OSError: it cannot be read.
        ConfigError: as `parse`.
    """
    with path.open("rb") as file:
        return parse(file.read(MOST_BYTES + 1), str(path))


def parse(data: bytes, where: str) -> TomlFile:
    """Parse the bytes of a file.

    Raises:
        ConfigError: over a limit, not UTF-8, or not TOML; names file and line.
    """
    if len(data) > MOST_BYTES:
        raise ConfigError(f"{where}: larger than {MOST_BYTES // 2**20} MiB")
    try:
        text = data.decode("utf-8")
        _bounded(text, where)
        return TomlFile(where=where, data=data, text=text, table=tomllib.loads(text))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(f"{where}:{line}: not UTF-8") from error
    except ValueError as error:  # TOMLDecodeError too; Python refuses numbers of 4,300 digits
        said = re.search(r"at line (\d+)", str(error))
        line = int(said[1]) if said else text.count("\n") + 1
        raise ConfigError(f"{where}:{line}: not TOML that can be used: {error}") from error


def _bounded(text: str, where: str) -> None:
    """Refuse what nests too deeply, before a parser descends into it.

    Raises:
        ConfigError: it does.
    """
    brackets = dots = 0
    for token in TOKEN.finditer(text):
        sign = token[0]
        if sign == ".":
            dots += 1
        elif sign in "[{":
            brackets, dots = brackets + 1, 0
        elif sign in "]}":
            brackets, dots = max(brackets - 1, 0), 0
        elif sign in "=,\n":
            dots = 0
        if brackets + dots > MOST_LEVELS:
            line = text.count("\n", 0, token.start()) + 1
            raise ConfigError(f"{where}:{line}: TOML nested more than {MOST_LEVELS} levels deep")
