"""What the documentation quotes is what the command prints and the measurements say."""

import importlib
import re
import tomllib
from collections.abc import Sequence
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import click
import pytest

ROOT = Path(__file__).parent.parent
SPEC = spec_from_file_location("docs_make", ROOT / "docs" / "make.py")
assert SPEC is not None
assert SPEC.loader is not None
MAKE = module_from_spec(SPEC)
SPEC.loader.exec_module(MAKE)


@pytest.fixture
def forked(commands: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `docs/make.py` run commands without starting an interpreter for each."""

    def started(args: Sequence[str], cwd: Path, env: dict[str, str]) -> str:
        said: bytes = commands.run([*args], b"", cwd, env).stdout
        return said.decode()

    monkeypatch.setattr(MAKE, "started", started)


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize("path", MAKE.PAGES, ids=lambda path: path.name)
def test_a_written_page_is_up_to_date(path: Path) -> None:
    assert path.read_text("utf-8") == MAKE.PAGES[path](), "run `python docs/make.py`"


def test_manual_pages_are_up_to_date() -> None:
    stale = [p.name for p, page in MAKE.manuals().items() if p.read_text("utf-8") != page]
    assert stale == [], "run `python docs/make.py`"


def test_every_command_and_option_says_what_it_does() -> None:
    silent = {
        f"{name} {option.name}".strip()
        for name, command in MAKE.tree()
        for option in (command, *command.params)
        if not isinstance(option, click.Argument) and not option.help
    }
    assert silent == set()


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    page = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    names = [d.split(">")[0].split("=")[0].split("[")[0] for d in project["dependencies"]]
    assert [name for name in names if f"| {name} |" not in page] == []


PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("detectors/*/card.md")]
OURS = r"(?:detectors|provenance|tests|fixtures|benchmarks|tools|docs)"
PATH = re.compile(rf"`(?:python )?({OURS}/[\w./*-]*)")
MODULE = re.compile(r"`((?:detectors|provenance)(?:\.\w+)+)[`(]")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_points_to_is_there(page: Path) -> None:
    text = page.read_text("utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []
    paths = [path.rstrip("/.") for path in PATH.findall(text) if "NAME" not in path]
    assert [path for path in paths if not any(ROOT.glob(path))] == []
    named = [name for name in MODULE.findall(text) if not name.endswith((".toml", ".json"))]
    assert [name for name in named if not is_in_code(name)] == []


def is_in_code(name: str) -> bool:
    """Tell whether a dotted name is a module, or a value of one."""
    module, _, value = name.rpartition(".")
    try:
        return hasattr(importlib.import_module(module), value) or bool(find_spec(name))
    except ModuleNotFoundError:
        return False


def test_the_table_of_formats_says_what_the_code_does() -> None:
    from detectors.credentials.detector import UNREAD
    from detectors.decode.containers import WALKS
    from detectors.decode.containers.raw import TIFFS
    from detectors.decode.limits import MOST_MEGAPIXELS
    from detectors.decode.signatures import BRANDS, PICTURES

    page = (ROOT / "docs" / "formats.md").read_text("utf-8")
    rows = re.findall(
        r"^\| .+? \| `(image/[^`]+)` \| (\S+) \| (\S+) \| (\S+) \|$", page, re.MULTILINE
    )
    told = {media_type: tuple(said) for media_type, *said in rows}
    dash = "\N{EN DASH}"
    alone = {"image/webp", "image/bmp", "image/svg+xml"}
    known = {name for _, name in PICTURES} | {*BRANDS.values(), *TIFFS} | alone

    def row(name: str) -> tuple[str, str, str]:
        placeless = name == "image/bmp"
        credentials = dash if placeless else "no" if name in UNREAD else "yes"
        metadata = "yes" if name in WALKS or name == "image/svg+xml" else dash
        return credentials, metadata, "yes" if name in MOST_MEGAPIXELS else "no"

    assert told == {name: row(name) for name in known}


def test_the_plugin_on_the_page_is_the_one_that_is_tried() -> None:
    page = (ROOT / "docs" / "writing-a-detector.md").read_text("utf-8")
    plugin = ROOT / "tests" / "cli" / "stock_faces"
    shown = re.findall(r"```(?:toml|python)\n# [^\n]+\n(.*?)```", page, re.DOTALL)
    settings, module = shown
    assert settings in (plugin / "pyproject.toml").read_text("utf-8")
    assert module in (plugin / "stock_faces" / "__init__.py").read_text("utf-8")
