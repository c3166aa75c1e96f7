"""No regular expression of either package takes more than linear time, whatever text it meets.

Every pattern is found (compiled in a module, written in a call, or standing in a table), taken
apart into its repeats, and run over texts that are built from it to make it go back and try again.
"""

import ast
import importlib
import pkgutil
import re
import signal
import time
import tomllib
from collections import deque
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from types import FrameType, ModuleType
from typing import Any, NamedTuple

import pytest

import detectors
import provenance
from detectors.metadata import denials
from detectors.text_marks.search import FLAGS
from detectors.text_marks.table import marks

SHORT, LONG = 5_000, 20_000
FLOOR = 0.3
"""CPU seconds of the long text under which no growth is judged: linear ones need hundredths."""
LINEAR, QUADRATIC = 4, 16
"""Growth from the short text to the long one; what is nearer to the second is too much."""
GIVEN_UP = 1.0
"""CPU seconds of any text after which a pattern is not linear."""
REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)
FUNCTIONS = {"compile", "match", "fullmatch", "search", "split", "findall", "finditer", "sub"}


def modules() -> Iterator[ModuleType]:
    """Yield every module of both packages that can be imported with what is installed."""
    for package in (detectors, provenance):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


def compiled(value: Any) -> Iterator[re.Pattern[Any]]:
    """Yield the patterns in a value of a module, inside tuples, lists and mappings too."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, (tuple, list, set, frozenset)):
        for each in value:
            yield from compiled(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from compiled(each)


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield (function, pattern) of the calls of `re` in the functions of a file."""
    for function in ast.walk(tree):
        if not isinstance(function, (ast.FunctionDef, ast.Lambda)):
            continue
        for node in ast.walk(function):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "re"
                and node.func.attr in FUNCTIONS
            ):
                yield node.func.attr, node.args[0]


@cache
def trees() -> dict[Path, ast.Module]:
    """Return the source of both packages, parsed."""
    roots = [Path(package.__path__[0]) for package in (detectors, provenance)]
    paths = sorted(path for root in roots for path in root.rglob("*.py"))
    return {path: ast.parse(path.read_text("utf-8")) for path in paths}


@cache
def methods() -> dict[str, set[str]]:
    """Return how each name is used, by the names of the methods that are called on it."""
    found: dict[str, set[str]] = {}
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found.setdefault(node.value.id, set()).add(node.attr)
    return found


def in_tables() -> Iterator["Used"]:
    """Yield the patterns of the tables of marks, with how they are used."""
    for mark in marks():
        if mark.pattern:
            used = frozenset({"match"}) if mark.opening else SEARCHING
            yield Used(re.compile(mark.pattern, FLAGS), used)
    fields = tomllib.loads(files("detectors.metadata").joinpath("marks.toml").read_text("utf-8"))
    for when in (when for row in fields["mark"] for when in row["when"]):
        if when["rule"] in ("matches", "recipe"):
            yield from (Used(re.compile(one), SEARCHING) for one in when.get("values", ()))
    answer, sentences = denials.patterns()
    yield Used(answer, frozenset({"fullmatch"}))
    yield from (Used(each, SEARCHING) for each in sentences)


class Used(NamedTuple):
    """A pattern and the functions by which it is used; `finditer` stands for all that search."""

    pattern: re.Pattern[Any]
    functions: frozenset[str]


SEARCHING = frozenset({"finditer"})


def used_by(functions: set[str]) -> frozenset[str]:
    """Return the functions to try: those that begin where a text begins, or `finditer`."""
    begin = functions <= {"match", "fullmatch"} and functions
    return frozenset(functions) if begin else SEARCHING


@cache
def patterns() -> dict[str, Used]:
    """Return every pattern, once for each way in which it is used, under a name."""
    found = list(in_tables())
    for module in modules():
        for name, value in vars(module).items():
            called = methods().get(name, set()) & FUNCTIONS
            direct = isinstance(value, re.Pattern)
            by = used_by(called) if direct else SEARCHING
            found += [Used(pattern, by) for pattern in compiled(value)]
    for tree in trees().values():
        for function, given in calls(tree):
            if isinstance(given, ast.Constant):
                found.append(Used(re.compile(given.value), used_by({function})))
    return {f"{each.pattern.pattern!r:.60} {sorted(each.functions)}": each for each in found}


def member(choices: list[tuple[Any, Any]], code: int) -> bool:
    """Tell whether a character is in a set."""
    letter, inside = chr(code), False
    for kind, value in choices:
        if kind is codes.LITERAL:
            inside = inside or code == value
        elif kind is codes.RANGE:
            inside = inside or value[0] <= code <= value[1]
        elif kind is codes.CATEGORY:
            name = str(value)
            test = CATEGORIES[name.rpartition("_")[2]]
            inside = inside or test(letter) is not ("_NOT_" in name)
    return inside is not (choices[0][0] is codes.NEGATE)


CATEGORIES = {
    "DIGIT": str.isdigit,
    "SPACE": str.isspace,
    "WORD": lambda letter: letter.isalnum() or letter == "_",
}


def letters(choices: list[tuple[Any, Any]]) -> list[str]:
    """Return some characters of a set: its own, and usual ones that are in it."""
    own = [value for kind, value in choices if kind is codes.LITERAL]
    own += [end for kind, value in choices if kind is codes.RANGE for end in value]
    usual = map(ord, "a 1.-\n\r\t<\"'=A\u00e9")
    return [chr(code) for code in dict.fromkeys([*usual, *own]) if member(choices, code)] or ["?"]


def sample(tree: Any, turn: int, times: int = 1) -> str:
    """Return a text that a pattern matches, or nearly; another turn chooses other characters."""
    said = ""
    for kind, value in tree:
        if kind is codes.LITERAL:
            said += chr(value)
        elif kind is codes.NOT_LITERAL:
            said += "a" if value != ord("a") else "b"
        elif kind is codes.ANY:
            said += "a.\r-"[turn % 4]
        elif kind is codes.IN:
            these = letters(value)
            said += these[turn % len(these)]
        elif kind is codes.BRANCH:
            said += sample(value[1][turn % len(value[1])], turn, times)
        elif kind is codes.SUBPATTERN:
            said += sample(value[-1], turn, times)
        elif kind is codes.ATOMIC_GROUP:
            said += sample(value, turn, times)
        elif kind in REPEATS:
            said += sample(value[2], turn, times) * min(value[1], max(value[0], times))
    return said


def repeats(tree: Any, turn: int, before: str = "") -> Iterator[tuple[str, str]]:
    """Yield (what stands before it, what it repeats) of each repeat in a pattern."""
    for kind, value in tree:
        if kind in REPEATS:
            if value[1] > 3:
                yield before, sample(value[2], turn)
                yield before, sample(value[2], turn, 3)
            yield from repeats(value[2], turn, before)
        elif kind is codes.SUBPATTERN:
            yield from repeats(value[-1], turn, before)
        elif kind is codes.ATOMIC_GROUP:
            yield from repeats(value, turn, before)
        elif kind is codes.BRANCH:
            for branch in value[1]:
                yield from repeats(branch, turn, before)
        before += sample([(kind, value)], turn)


def attacks(pattern: re.Pattern[Any]) -> set[tuple[str, str, str]]:
    """Return (head, what is repeated, tail) of texts that may make a pattern go back."""
    written = pattern.pattern
    tree = parser.parse(written, pattern.flags)
    whole = [sample(tree, turn, times) for turn in range(4) for times in (1, 3)]
    found = {("", text[:cut], "") for text in whole for cut in (len(text), len(text) - 1)}
    found |= {("", letter, "") for text in whole for letter in text}
    for turn in range(4):
        for before, body in repeats(tree, turn):
            found |= {(before, body, tail) for tail in ("", "\0", "!", "\n")}
            found |= {("", before + body * 20, ""), ("", before + body, "\0")}
    return {attack for attack in found if attack[1]}


def spent(used: Used, attack: tuple[str, str, str], size: int) -> float:
    """Return the CPU seconds of a search for every match in a text of this size."""
    head, body, tail = attack
    text: Any = head + body * (size // len(body)) + tail
    if isinstance(used.pattern.pattern, bytes):
        text = text.encode("latin-1", "replace")
    began = time.process_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, GIVEN_UP)
    try:
        for function in used.functions:
            said = getattr(used.pattern, function)(text)
            if function == "finditer":
                deque(said, maxlen=0)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return time.process_time() - began


def is_linear(used: Used, attack: tuple[str, str, str]) -> bool:
    """Tell whether four times the text takes about four times as long, or next to nothing."""
    try:
        for size in (SHORT // 100, SHORT // 10):  # an exponential pattern is found out early
            spent(used, attack, size)
        short = spent(used, attack, SHORT)
        if short * QUADRATIC < FLOOR:
            return True
        long = spent(used, attack, LONG)
    except TimeoutError:
        return False
    return long < FLOOR or long / short < (LINEAR + QUADRATIC) / 2


@pytest.fixture(autouse=True)
def stopped() -> Iterator[None]:
    """Raise in a search that takes longer than `GIVEN_UP`."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, stop)
    yield
    signal.signal(signal.SIGVTALRM, before)


def test_every_pattern_is_linear() -> None:
    slow = [
        (name, attack)
        for name, used in patterns().items()
        for attack in sorted(attacks(used.pattern))
        if not is_linear(used, attack)
    ]
    assert slow == []


@pytest.mark.parametrize(
    "written",
    [
        r"\A---[ \t]*\r?\n(?:.{0,2000}\r?\n){1,200}?(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)",
        r"[.!?]+[\"')]*\s",
        r"(a+)+$",
        r"\s+$",
        r"\S+://\S+",
    ],
)
def test_a_pattern_that_goes_back_again_and_again_is_found(written: str) -> None:
    used = Used(re.compile(written), SEARCHING)
    assert not all(is_linear(used, attack) for attack in sorted(attacks(used.pattern)))


MADE = {
    "detectors/metadata/denials.py": "lists of words of denials.toml in a frame, read here",
    "detectors/metadata/rules.py": "of the table of marks, which is read here",
    "detectors/text_marks/search.py": "the same",
    "detectors/text_marks/talk.py": "lists of words of talk.toml in a frame, found in its module",
    "detectors/decode/documents/visible.py": "`</` and a name out of a list",
    "provenance/hooks/service/app.py": "a path of the table of endpoints, escaped",
    "provenance/toml_file.py": "a name of a key, escaped",
}


def test_a_pattern_that_is_put_together_at_run_time_is_known_here() -> None:
    made = {
        "/".join(path.parts[-len(path.relative_to(root).parts) - 1 :])
        for path, tree in trees().items()
        for root in (Path(package.__path__[0]) for package in (detectors, provenance))
        if path.is_relative_to(root)
        for _, given in calls(tree)
        if not isinstance(given, ast.Constant)
    }
    assert made == set(MADE)
