"""Every code has its sentence in every language, and every sentence is one that is said."""

import ast
import re
import string
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import detectors
import provenance
from detectors.bank.matching.search import CUT
from detectors.catalog import BUILT_IN
from detectors.hashing.picture import ORIENTATIONS
from provenance.messages import NAMED, languages, sentences, table

HOUSES = [Path(package.__path__[0]) for package in (detectors, provenance)]
GROUPS = "|".join(sorted({code.split(".")[0] for code in table()}))
"""What codes begin with."""
CODE = re.compile(rf"(?:{GROUPS})\.[a-z_0-9.]+")
MADE = re.compile(rf"(?:{GROUPS})\\\.")
"""How the pattern of a code begins that is put together."""
ENDING = re.compile(r"_[a-z]+")
OTHER = {"algorithm.unsupported"}
"""Strings that look like codes: a code of C2PA."""
FILE = re.compile(r".*\.(?:json|html|jinja|css|js)")
"""Names of files, which look like codes too."""


class Codes:
    """Codes that stand in the source, and patterns of those that it puts together."""

    def __init__(self, houses: Iterable[Path] = HOUSES) -> None:
        """Read the source."""
        self.whole: dict[str, str] = {}
        """Code → where it stands."""
        self.patterns: dict[str, str] = {}
        """Regular expression of an f-string → where it stands."""
        self.endings = {""}
        """What is put behind a code."""
        for path in sorted(p for house in houses for p in house.rglob("*.py")):
            self._read(ast.parse(path.read_text("utf-8")), str(path))

    def _read(self, tree: ast.Module, path: str) -> None:
        names = dict(_named(tree))
        pieces: set[int] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                pieces |= {id(piece) for piece in node.values}
                if MADE.match(made := "".join(_pattern(piece, names) for piece in node.values)):
                    self.patterns[made] = f"{path}:{node.lineno}"
            elif isinstance(node, ast.Constant) and id(node) not in pieces:
                value = str(node.value)
                if CODE.fullmatch(value) and not FILE.fullmatch(value) and value not in OTHER:
                    self.whole[value] = f"{path}:{node.lineno}"
                elif ENDING.fullmatch(value):
                    self.endings.add(value)

    def says(self, code: str) -> bool:
        """Tell whether the source can say a code: whole, put together, or as a name."""
        whole = any(code.removesuffix(end) in self.whole for end in self.endings)
        made = any(re.fullmatch(pattern, code) for pattern in self.patterns)
        return whole or made or code.split(".", maxsplit=1)[0] in NAMED.values()


def _named(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the names of a module that stand for strings."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((ast.unparse(target), str(node.value.value)) for target in targets)


def _pattern(piece: ast.expr, names: dict[str, str]) -> str:
    """Return the regular expression of a piece of an f-string."""
    if isinstance(piece, ast.Constant):
        return re.escape(str(piece.value))
    value = piece.value if isinstance(piece, ast.FormattedValue) else piece
    if isinstance(value, ast.Name) and value.id in names:
        return re.escape(names[value.id])
    if isinstance(value, ast.IfExp):
        return f"(?:{_pattern(value.body, names)}|{_pattern(value.orelse, names)})"
    return r"[\w.]*"


@pytest.fixture(scope="module")
def codes() -> Codes:
    """Return what the source says."""
    return Codes()


def test_codes_are_found_in_the_source(codes: Codes) -> None:
    assert {"item.special", "item.empty", "engine.failed", "screen.count"} <= set(codes.whole)
    assert r"known_fakes\.turned_[\w.]*" in codes.patterns


def test_every_code_has_a_sentence(codes: Codes) -> None:
    assert not {code: place for code, place in codes.whole.items() if code not in table()}


def test_every_code_that_is_put_together_has_a_sentence(codes: Codes) -> None:
    said = {
        pattern for pattern in codes.patterns for code in table() if re.fullmatch(pattern, code)
    }
    assert not {made: place for made, place in codes.patterns.items() if made not in said}


def test_every_sentence_is_one_that_the_source_can_say(codes: Codes) -> None:
    assert not [code for code in table() if not codes.says(code)]


@pytest.mark.parametrize("transform", [*ORIENTATIONS, *CUT.values()])
def test_every_change_of_a_match_has_a_phrase(transform: str) -> None:
    name = transform.rstrip("0123456789").rstrip("_")
    wanted = {"turned": ["turned_left", "turned_right"]}.get(name, [name])
    assert all(f"known_fakes.{one}" in table() for one in wanted)


@pytest.mark.parametrize("language", languages())
def test_every_language_has_a_sentence_for_every_code_with_no_other_arguments(
    language: str,
) -> None:
    own, english = sentences(language), sentences("en")
    labels = {f"label.{spec.name}" for spec in BUILT_IN}  # in English, what detectors are called
    assert set(own) - labels == set(english) - labels
    assert language == "en" or set(own) >= labels
    assert not [code for code in own if arguments(own[code]) - arguments(english.get(code, ""))]


def arguments(template: str) -> set[str]:
    """Return the names of the arguments that a sentence has."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_no_two_tables_share_a_code() -> None:
    folders = [HOUSES[0], HOUSES[1] / "messages", *(HOUSES[0] / spec.name for spec in BUILT_IN)]
    files = [folder / "en.toml" for folder in folders if (folder / "en.toml").exists()]
    codes = [code for file in files for code in tomllib.loads(file.read_text("utf-8"))]
    assert len(codes) == len(set(codes))
