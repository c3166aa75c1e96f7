"""A second language is one file more, and all that a screen says comes from it."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import provenance
from detectors.catalog import BUILT_IN
from provenance.messages import sentences

Run = Callable[..., Any]
FIXTURES = Path(__file__).parents[2] / "fixtures"
SAID = re.compile("«[^«»]*»")
"""A sentence of the language that this test makes: the English one, marked at both ends."""
LEFT = {"HIGH", "REVIEW", "INCONCLUSIVE", "anna.jpg", "post.jsonl#1", "gone.png", "letter.txt"}
LEFT |= {"text", "media/0"}
"""What is the same in every language: risks, and names of items and their parts."""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the package in it and one table more, and items that much is said of."""
    others = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(tmp_path), others))))
    package = Path(provenance.__path__[0])
    shutil.copytree(package, tmp_path / "provenance", ignore=shutil.ignore_patterns("__pycache__"))
    labels = {f"label.{spec.name}": spec.name for spec in BUILT_IN}
    table = {code: f"«{said}»" for code, said in (labels | sentences("en")).items()}
    table |= {code: sentences("en")[code] for code in ("screen.signs", "screen.clause")}
    lines = (f"{json.dumps(code)} = {json.dumps(said)}\n" for code, said in table.items())
    (tmp_path / "provenance" / "messages" / "xx.toml").write_text("".join(lines), "utf-8")
    shutil.copy(FIXTURES / "fakes/queries/anna_cropped.jpg", tmp_path / "anna.jpg")
    shutil.copy(FIXTURES / "texts/mixed/article.txt", tmp_path / "letter.txt")
    post = {"text": "As an AI language model, I cannot help.", "media": ["anna.jpg"]}
    (tmp_path / "post.jsonl").write_text(json.dumps(post) + "\n", "utf-8")


def unsaid(screen: str) -> set[str]:
    """Return the words of a screen that come from no table."""
    screen = " ".join(screen.split())
    while SAID.search(screen):
        screen = SAID.sub(" ", screen)
    return set(re.findall(r"[\w./#]*[A-Za-z][\w./#]*", screen))


def test_all_that_a_screen_says_is_said_in_the_language(run: Run) -> None:
    assert run("bank", "add", "--bank", "b.bank", FIXTURES / "fakes/known").returncode == 0
    items = ("anna.jpg", "post.jsonl", "gone.png", "letter.txt", "--bank", "b.bank")
    shown = run("check", *items, "--lang", "xx")
    assert "«Matches a known fake.»" in shown.stdout
    assert unsaid(shown.stdout) <= LEFT
    assert "gone.png: «There is no such file.»" in shown.stderr
    listed = run("scan", "anna.jpg", "letter.txt", "--bank", "b.bank", PROVENANCE_LANG="xx")
    assert unsaid(listed.stdout) <= LEFT
    assert "«Exit 1: 1 at or above high.»" in listed.stdout
    told = " ".join(run("explain", "letter.txt", "--lang", "xx").stdout.split())
    assert "«How the windows of «the text» compare (text_model)»" in told
    assert "«No row was met" in told


def test_a_report_is_in_the_language(run: Run, tmp_path: Path) -> None:
    lines = run("scan", "post.jsonl", "--only", "text_marks,metadata", "--format", "jsonl").stdout
    (tmp_path / "r.jsonl").write_text(lines)
    ticket = run("report", "r.jsonl", "--format", "markdown", "--fail-on", "review", "--lang", "xx")
    assert ticket.stdout.startswith("# «Provenance report»\n")
    assert "text: «text\\_marks»: «In line 1" in ticket.stdout
    page = run("report", "r.jsonl", PROVENANCE_LANG="xx").stdout
    assert "<title>«Provenance report»</title>" in page
    refused = run("report", "r.jsonl", "--lang", "yy")
    assert (refused.returncode, refused.stdout) == (2, "")


def test_records_are_the_same_in_every_language(run: Run) -> None:
    def told(*args: str) -> list[dict[str, Any]]:
        done = run("check", "post.jsonl", "--without", "image_model,portrait", *args)
        return [json.loads(line) | {"elapsed_ms": 0} for line in done.stdout.splitlines()]

    assert told("--format", "jsonl", "--lang", "xx") == told("--format", "jsonl")


def test_a_language_without_a_table_is_refused(run: Run) -> None:
    done = run("check", "gone.png", "--lang", "yy")
    assert (done.returncode, done.stdout) == (2, "")
    assert "use one of de, en, xx" in done.stderr


def test_german_has_its_own_signs_in_numbers_and_its_capitals_in_brackets(run: Run) -> None:
    assert run("bank", "add", "--bank", "b.bank", FIXTURES / "fakes/known").returncode == 0
    shown = run("check", "anna.jpg", "--bank", "b.bank", "--lang", "de").stdout
    told = " ".join(shown.split())
    assert "Entspricht einer bekannten Fälschung." in told
    assert "Zufall eines falschen Treffers 1 zu 65.000" in told
    assert "KI-Test der Pixel (Es sieht nach" in told
