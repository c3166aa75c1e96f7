"""A match is drawn so that a person can judge it, and nothing is overwritten."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
from PIL import Image

from detectors.bank.features import entry_block
from detectors.item import Item
from provenance.banking.matched import aligned
from provenance.render import RenderOptions
from provenance.render.match import BLUE, JOINED, PALE, PANEL, draw
from provenance.render.words import Words

Run = Callable[..., CompletedProcess[str]]
NO_COLOURS = np.zeros((0, 16, 16, 3), np.uint8)
WORDS = Words(RenderOptions())
FAKES = Path(__file__).parents[2] / "fixtures" / "fakes"


def item(name: str) -> Item:
    return Item(name, (FAKES / name).read_bytes)


def count(image: Image.Image, colour: tuple[int, int, int]) -> int:
    return int((np.asarray(image) == colour).all(axis=2).sum())


@pytest.mark.parametrize("query", ["boris_mirrored", "boris_rotated", "anna_cropped"])
def test_both_pictures_are_framed_and_joined(query: str) -> None:
    block = entry_block(item(f"known/{query.partition('_')[0]}.jpg").picture.grey, NO_COLOURS)
    picture = item(f"queries/{query}.jpg").picture
    drawn = draw(picture, aligned(picture, block), ["entry", "word " * 100], WORDS)
    assert drawn.width > 3 * PANEL
    assert count(drawn, JOINED) > 1000
    assert count(drawn, BLUE) > PANEL
    assert count(drawn, PALE) == 0


def test_what_is_missing_is_said() -> None:
    picture = item("queries/anna_jpeg.jpg").picture
    bare = draw(picture, aligned(picture, None), ["hashes alone"], WORDS)
    assert count(bare, PALE) > PANEL * PANEL
    block = entry_block(np.full((96, 96), 128, np.uint8), NO_COLOURS)
    stranger = draw(picture, aligned(picture, block), ["no overlay"], WORDS)
    assert count(stranger, PALE) > PANEL * PANEL // 2


def test_explain_draws_a_match_and_overwrites_nothing(run: Run) -> None:
    assert run("bank", "add", "--bank", "b.bank", FAKES / "known").returncode == 0
    call = ("explain", FAKES / "queries" / "anna_cropped.jpg", "--only", "known_fakes")
    call += ("--bank", "b.bank", "--out", "m.png")
    done = run(*call)
    assert "m.png" in done.stderr, done.stderr
    again = run(*call)
    assert (again.returncode, again.stdout) == (2, "")
    assert "--force" in again.stderr
    assert run(*call, "--force").returncode == done.returncode
    assert run("explain", "-", "--out", "n.png").returncode == 2
    none = run("explain", FAKES / "negatives" / "hana.jpg", *call[2:-1], "n.png")
    assert "nothing is drawn" in none.stderr
    lost = run(*call[:-1], "nowhere/m.png")
    assert lost.returncode == 2
