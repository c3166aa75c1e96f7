"""The recipes of `docs/runs.md` give the answers that stand below them."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import takedown

duckdb = pytest.importorskip("duckdb")
pytest.importorskip("pandas")
pytestmark = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
DOCS = Path(__file__).parent.parent / "docs"
RECIPE = re.compile(r"```(jq|sql|python)\n(.*?)```\n```\n(.*?)```", re.DOTALL)
RECIPES = RECIPE.findall((DOCS / "runs.md").read_text("utf-8"))


SPEC = spec_from_file_location("docs_make", DOCS / "make.py")
assert SPEC is not None
assert SPEC.loader is not None
MAKE = module_from_spec(SPEC)
SPEC.loader.exec_module(MAKE)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the page's commands were called."""
    folder = tmp_path_factory.mktemp("walk")
    takedown.write(folder)
    for command in MAKE.WALK.values():
        MAKE.run(*command.split(), cwd=folder)
    MAKE.run("report", "takedown.run", "--format", "parquet", cwd=folder)
    return folder


def answer(kind: str, recipe: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a recipe answers."""
    if kind == "sql":
        monkeypatch.chdir(folder)
        rows: list[tuple[Any, ...]] = duckdb.sql(recipe).fetchall()
        return "".join(" | ".join(map(str, row)) + "\n" for row in rows)
    command = ["sh", "-c", recipe] if kind == "jq" else [sys.executable, "-c", recipe]
    env = os.environ | {"LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True)
    return done.stdout


def test_there_are_recipes_of_each_kind() -> None:
    assert [kind for kind, *_ in RECIPES] == ["jq"] * 3 + ["sql"] * 2 + ["python"]


@pytest.mark.parametrize(("kind", "recipe", "said"), RECIPES)
def test_a_recipe_gives_the_answer_below_it(
    walked: Path, monkeypatch: pytest.MonkeyPatch, kind: str, recipe: str, said: str
) -> None:
    assert answer(kind, recipe, walked, monkeypatch) == said
