"""Configuration: the nearest file wins, every value has an origin, and errors name the line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_the_nearest_file_wins_and_is_named(run: Run, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "deep").mkdir(parents=True)
    (project / "pyproject.toml").write_text('[tool.provenance]\npolicy = "newsroom"\n')
    shown = run("config", "show", "--origin", cwd=project / "deep", PROVENANCE_LANG="de").stdout
    assert f'policy = "newsroom"  # {project / "pyproject.toml"}' in shown
    assert 'lang = "de"  # PROVENANCE_LANG' in shown
    assert 'fail_on = "high"  # default' in shown
    (project / "deep" / "provenance.toml").write_text('policy = "posts"\n')
    assert 'policy = "posts"' in run("config", "show", cwd=project / "deep").stdout


def test_the_user_s_file_holds_everywhere(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "home" / ".config" / "provenance"
    folder.mkdir(parents=True)
    (folder / "provenance.toml").write_text('fail_on = "review"\nbank = ["b.bank"]\n')
    shown = run("config", "show").stdout
    assert 'fail_on = "review"' in shown
    assert f'bank = ["{folder / "b.bank"}"]' in shown


def test_a_scanned_folder_configures_nothing(records: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "provenance.toml").write_text('policy = "newsroom"\n')
    (record,) = records("scan", "in", "--only", "text_marks")
    assert record["verdict"]["policy"]["name"] == "default"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('fail_on = "high"\npolcy = "x"\n', "provenance.toml:2:"),
        ("\njobs = 'two'\n", "provenance.toml:2:"),
        ("[rows", "provenance.toml:"),
        ('fail_on = "sometimes"', "use one of high"),
        ("[detectors.nosuch]\na = 1\n", "unknown detector"),
        ("[detectors.credentials]\na = 1\n", "credentials"),
    ],
)
def test_errors_name_the_place(run: Run, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "provenance.toml").write_text(text)
    (tmp_path / "a.txt").write_text("words")
    done = run("check", "a.txt")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
