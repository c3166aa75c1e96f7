"""Flat graphics: known by shape and colour together, or not judged."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from PIL import Image, ImageDraw

from detectors.bank.entry import Entry, Hash
from detectors.bank.folder.store import create, writing
from detectors.hashing.views import hash_views
from detectors.item import Item
from detectors.known_fakes.detector import KnownFakes

Run = Callable[..., CompletedProcess[str]]
ORANGE, BLUE, WHITE = (239, 108, 0), (0, 108, 209), (255, 255, 255)


def placeholder(path: Path, back: tuple[int, int, int], side: int = 240) -> Path:
    """Draw a letter on a plain colour, as services give it to an account without a picture."""
    drawn = Image.new("RGB", (240, 240), back)
    pen = ImageDraw.Draw(drawn)
    pen.line([(70, 190), (120, 50), (170, 190)], WHITE, 18)
    pen.line([(85, 140), (155, 140)], WHITE, 18)
    drawn.resize((side, side), Image.Resampling.LANCZOS).save(path, quality=70)
    return path


def flag(path: Path, *stripes: str) -> Path:
    drawn = Image.new("RGB", (320, 200))
    pen = ImageDraw.Draw(drawn)
    high = 200 / len(stripes)
    for number, colour in enumerate(stripes):
        pen.rectangle((0, number * high, 320, (number + 1) * high), colour)
    drawn.save(path)
    return path


def asked(run: Run, bank: str, path: Path) -> dict[str, Any]:
    done = run("check", "--only", "known_fakes", "--bank", bank, "--format", "jsonl", path)
    (signal,) = json.loads(done.stdout)["signals"]
    return dict(signal)


def test_a_letter_on_another_colour_is_another_picture(run: Run, tmp_path: Path) -> None:
    known = placeholder(tmp_path / "orange.png", ORANGE)
    assert run("bank", "add", "--bank", "b.bank", known).returncode == 0
    other = asked(run, "b.bank", placeholder(tmp_path / "blue.png", BLUE))
    assert (other["outcome"], other["claim"]) == ("clear", None)


@pytest.mark.parametrize(("name", "side"), [("small.png", 120), ("again.jpg", 200)])
def test_the_same_letter_in_another_file_is_known(
    run: Run, tmp_path: Path, name: str, side: int
) -> None:
    known = placeholder(tmp_path / "orange.png", ORANGE)
    crowd = [placeholder(tmp_path / f"{n}.png", (n * 5, 255 - n * 5, 90)) for n in range(45)]
    assert run("bank", "add", "--bank", "b.bank", known, *crowd).returncode == 0
    same = asked(run, "b.bank", placeholder(tmp_path / name, ORANGE, side))
    assert (same["claim"], same["facts"]["entry"]) == ("known_fake", "orange")
    assert same["facts"]["colour_levels"] < 20
    assert same["facts"]["false_match_probability"] < 1e-3


def test_flags_of_the_same_stripes_are_told_apart(run: Run, tmp_path: Path) -> None:
    red = ("#902828", "#b83030", "#e87070", "#f0b0b0", "#f8e0e0", "#f0b0b0", "#e87070", "#b83030")
    green = tuple(f"#{each[3:5]}{each[1:3]}{each[5:]}" for each in red)
    assert run("bank", "add", "--bank", "b.bank", flag(tmp_path / "red.png", *red)).returncode == 0
    assert asked(run, "b.bank", flag(tmp_path / "green.png", *green))["claim"] is None


def test_frames_around_nothing_are_told_apart(run: Run, tmp_path: Path) -> None:
    grey = ["#d0d0d0"] * 8
    known = flag(tmp_path / "known.png", "#000000", *grey, "#000000")
    assert run("bank", "add", "--bank", "b.bank", known).returncode == 0
    other = flag(tmp_path / "other.png", "#ffffff", *grey, "#000080")
    assert asked(run, "b.bank", other)["claim"] is None


def test_without_the_colours_of_an_entry_a_graphic_is_not_judged(tmp_path: Path) -> None:
    known = placeholder(tmp_path / "orange.png", ORANGE)
    value = hash_views(Item("x", known.read_bytes).picture).pdq.tobytes().hex()
    path, now = tmp_path / "theirs.bank", "2026-01-02T03:04:05Z"
    create(path, now)
    with writing(path) as writer:
        writer.put(Entry(id="t", hashes={"pdq": (Hash(value),)}, created=now, modified=now))
        writer.commit()
    again = placeholder(tmp_path / "blue.png", BLUE).read_bytes
    (signal,) = KnownFakes({"banks": [str(path)]}).inspect(Item("x", again))
    assert (signal.outcome, signal.claim) == ("not_assessed", None)
    assert (signal.reason.code, signal.reason.args["entry"]) == ("known_fakes.colourless", "t")


def test_a_letter_that_was_taken_back_does_not_come_back_in_another_file(
    run: Run, tmp_path: Path
) -> None:
    known = placeholder(tmp_path / "orange.png", ORANGE)
    assert run("bank", "add", "--bank", "b.bank", known).returncode == 0
    said = ("--reason", "a service gives it to everybody")
    assert run("bank", "withdraw", "--bank", "b.bank", *said, "orange").returncode == 0
    again = run("bank", "add", "--bank", "b.bank", placeholder(tmp_path / "again.jpg", ORANGE))
    assert (again.returncode, "orange" in again.stderr) == (3, True)
    other = run("bank", "add", "--bank", "b.bank", placeholder(tmp_path / "blue.png", BLUE))
    assert other.returncode == 0
