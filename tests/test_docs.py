"""What the documentation quotes is what the command prints and the measurements say."""

import importlib.util
import tomllib
from pathlib import Path

import click

ROOT = Path(__file__).parent.parent
SPEC = importlib.util.spec_from_file_location("docs_make", ROOT / "docs" / "make.py")
assert SPEC is not None
assert SPEC.loader is not None
MAKE = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(MAKE)


def test_every_written_page_is_up_to_date() -> None:
    stale = [path.name for path, page in MAKE.pages().items() if path.read_text("utf-8") != page]
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


def test_every_link_leads_somewhere() -> None:
    import re

    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    links = [
        (page, link)
        for page in pages
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))
    ]
    assert [link for page, link in links if not (page.parent / link).exists()] == []


def test_the_table_of_formats_says_what_the_code_does() -> None:
    import re

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
