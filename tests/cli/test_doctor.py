"""`doctor` and `explain`: what is whole, and why a verdict came about."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]
FIXTURES = Path(__file__).parent.parent.parent / "fixtures"


def test_a_whole_installation_is_called_so(run: Run) -> None:
    done = run("doctor")
    assert done.returncode == 0, done.stdout
    assert "c2pa-python" in done.stdout
    assert "BAD" not in done.stdout


def test_a_configuration_that_cannot_be_used_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "provenance.toml").write_text("policies = 3\n")
    done = run("doctor")
    assert done.returncode == 3
    assert "provenance.toml:1" in done.stdout


def test_an_explanation_names_the_row_that_decided(run: Run) -> None:
    done = run("explain", "signed/ai.png", "--without", "image_model,portrait", cwd=FIXTURES)
    assert "How policy default came to high" in done.stdout
    assert "row 1 asks for high: tier credential; claim ai_generated" in done.stdout
    assert "met by credentials: credential.ai_declared" in done.stdout
    assert "digitalSourceType" in done.stdout


def test_an_explanation_of_nothing_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Some words by someone.")
    done = run("explain", "a.txt", "--only", "text_marks")
    assert "No row was met" in done.stdout
    assert "cannot be low" in done.stdout
