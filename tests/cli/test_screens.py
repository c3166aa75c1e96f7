"""The five cases that a newcomer meets, made from our own fixtures: each a golden screen."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

Run = Callable[..., Any]
FIXTURES = Path(__file__).parent.parent.parent / "fixtures"
POST = """I come from small town and now I am living in the city since five years. At the begin it
was difficult because I did not know nobody and the people here are always in hurry. But step by
step I have found friends in my work."""


def screen(done: Any) -> str:
    """Return the screen and the exit code, with what was checked under a name of its own."""
    assert "Traceback" not in done.stderr
    return f"{done.stdout}[exit {done.returncode}]\n"


def test_a_declared_ai_picture(run: Run, snapshot: SnapshotAssertion) -> None:
    assert screen(run("check", "signed/ai.png", cwd=FIXTURES)) == snapshot


def test_a_photo_with_a_trusted_capture(run: Run, snapshot: SnapshotAssertion) -> None:
    root = FIXTURES / "signed" / "trust" / "root.pem"
    added = run(
        "trust", "import", root, "--name", "example", "--issued", "2026-11-01", "--use", "signers"
    )
    assert added.returncode == 0
    done = run("check", "signed/capture.jpg", cwd=FIXTURES)
    assert screen(done) == snapshot


def test_a_profile_photo_that_is_known(
    run: Run, snapshot: SnapshotAssertion, tmp_path: Path
) -> None:
    bank = tmp_path / "fakes.bank"
    told = ("--class", "ai_face", "--source", "lab-a", "--first-seen", "2023-08-11")
    assert run("bank", "add", "--bank", bank, "fakes/known", *told, cwd=FIXTURES).returncode == 0
    options = ("--bank", bank, "--policy", "profile-photos")
    done = run("check", "fakes/queries/boris_mirrored.jpg", *options, cwd=FIXTURES)
    assert screen(done) == snapshot


def test_a_short_post_by_a_second_language_writer(
    run: Run, snapshot: SnapshotAssertion, tmp_path: Path
) -> None:
    (tmp_path / "post.txt").write_text(POST)
    assert screen(run("check", "post.txt", "--policy", "posts")) == snapshot


def test_an_ai_picture_signed_again_over_a_broken_history(
    run: Run, snapshot: SnapshotAssertion
) -> None:
    assert screen(run("check", "signed/laundered.jpg", cwd=FIXTURES)) == snapshot


@pytest.mark.parametrize(
    "name", ["signed/laundered.jpg", "signed/tampered.jpg", "documents/notes.md", "nowhere.png"]
)
def test_an_explanation_explains_before_it_lists(
    name: str, run: Run, snapshot: SnapshotAssertion
) -> None:
    told = run("explain", name, "--without", "text_model,image_model,portrait", cwd=FIXTURES)
    explained, _, facts = told.stdout.partition("\nThe facts\n")
    assert explained == snapshot
    assert facts.startswith("item\n")
    assert "How policy default came to" in facts
    assert max(map(len, told.stdout.splitlines())) <= 80


@pytest.mark.parametrize("name", ["signed/ai.png", "signed/laundered.jpg"])
def test_colour_repeats_what_words_say(run: Run, name: str) -> None:
    plain = run("check", name, cwd=FIXTURES).stdout
    coloured = run("check", name, "--color", "always", cwd=FIXTURES).stdout
    assert "\x1b[" in coloured
    import re

    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
