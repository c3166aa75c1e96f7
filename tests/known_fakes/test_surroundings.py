"""Known faces inside other pictures: on a screen, between captions, on a sheet of faces."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

Run = Callable[..., CompletedProcess[str]]
FAKES = Path(__file__).parents[2] / "fixtures" / "fakes"
EVERYBODY = ("anna", "boris", "chloe", "deniz", "emil")
BANNER, INK = (90, 120, 200), (20, 23, 26)


def face(name: str, side: int) -> Image.Image:
    folder = "known" if name in EVERYBODY else "negatives"
    picture = Image.open(FAKES / folder / f"{name}.jpg").convert("RGB")
    return picture.resize((side, side), Image.Resampling.LANCZOS)


def screen(name: str, width: int = 1080, height: int = 1920, side: int = 150) -> Image.Image:
    """Draw a profile page: a banner, a round avatar over its edge, posts beside it."""
    page = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(page)
    pen.rectangle((0, 0, width, 200), BANNER)
    round_mask = Image.new("L", (side, side), 0)
    ImageDraw.Draw(round_mask).ellipse((0, 0, side - 1, side - 1), 255)
    page.paste(face(name, side), (40, 130), round_mask)
    for row in range(260, height - 80, 90):
        pen.text((60 + side, row), "Example Person  2h", INK, ImageFont.load_default(24))
        pen.text((60 + side, row + 30), "Market day again.", INK, ImageFont.load_default(18))
    return page


def meme(name: str) -> Image.Image:
    page = Image.new("RGB", (800, 1000), "black")
    page.paste(face(name, 500), (150, 220))
    pen = ImageDraw.Draw(page)
    pen.text((60, 60), "WHEN THE POLLS CLOSE", "white", ImageFont.load_default(56))
    pen.text((60, 820), "AND NOBODY CALLED", "white", ImageFont.load_default(56))
    return page


def sheet(*names: str, side: int = 128, gutter: int = 4) -> Image.Image:
    """Draw three faces a row."""
    rows = -(-len(names) // 3)
    step = side + gutter
    page = Image.new("RGB", (3 * step + gutter, rows * step + gutter), (240, 240, 240))
    for number, name in enumerate(names):
        row, column = divmod(number, 3)
        page.paste(face(name, side), (gutter + column * step, gutter + row * step))
    return page


@pytest.fixture
def asked(run: Run, tmp_path: Path) -> Callable[[Image.Image], dict[str, Any]]:
    """Return what checks a picture against a bank of five faces, and gives the record."""
    assert run("bank", "add", "--bank", "b.bank", FAKES / "known").returncode == 0

    def check(picture: Image.Image) -> dict[str, Any]:
        picture.save(tmp_path / "asked.jpg", quality=85)
        call = ("check", "--only", "known_fakes", "--bank", "b.bank", "--format", "jsonl")
        record: dict[str, Any] = json.loads(run(*call, "asked.jpg").stdout)
        return record

    return check


def named(record: dict[str, Any]) -> list[str]:
    return sorted(s["facts"]["entry"] for s in record["signals"] if s["claim"] == "known_fake")


@pytest.mark.parametrize(
    ("width", "height", "side"), [(1080, 1920, 150), (1920, 1080, 134), (400, 800, 110)]
)
def test_an_avatar_on_a_screen_is_known(
    asked: Callable[[Image.Image], dict[str, Any]], width: int, height: int, side: int
) -> None:
    record = asked(screen("boris", width, height, side))
    assert named(record) == ["boris"]
    (signal,) = record["signals"]
    left, top, across, down = signal["facts"]["region"]
    assert abs(left - 40) < 10
    assert abs(top - 130) < 10
    assert abs(across - side) < 20
    assert abs(down - side) < 20
    assert record["verdict"]["risk"] == "high"


def test_a_face_between_captions_is_known(
    asked: Callable[[Image.Image], dict[str, Any]],
) -> None:
    assert named(asked(meme("chloe"))) == ["chloe"]


@pytest.mark.parametrize("bar", [True, False])
def test_a_face_with_captions_over_it_is_known(
    asked: Callable[[Image.Image], dict[str, Any]], *, bar: bool
) -> None:
    page = face("deniz", 600)
    pen = ImageDraw.Draw(page)
    for row in (0, 500):
        if bar:
            pen.rectangle((0, row, 600, row + 100), "white")
        pen.text(
            (30, row + 20), "WHEN THE POLLS CLOSE", "black" if bar else "white",
            ImageFont.load_default(46), stroke_width=0 if bar else 4, stroke_fill="black",
        )  # fmt: skip
    assert named(asked(page)) == ["deniz"]


@pytest.mark.parametrize("gutter", [0, 6])
def test_every_known_face_of_a_sheet_is_named_and_no_other(
    asked: Callable[[Image.Image], dict[str, Any]], gutter: int
) -> None:
    record = asked(sheet("anna", "farid", "boris", "greta", "deniz", "hana", gutter=gutter))
    assert named(record) == ["anna", "boris", "deniz"]
    assert len({tuple(each["facts"]["region"]) for each in record["signals"]}) == 3
    tried = {each["facts"]["comparisons"] for each in record["signals"]}
    whole = asked(face("anna", 200))["signals"][0]["facts"]["comparisons"]
    assert all(each > 6 * whole for each in tried)


@pytest.mark.parametrize("name", ["farid", "greta", "hana"])
def test_a_stranger_on_a_screen_is_nobody(
    asked: Callable[[Image.Image], dict[str, Any]], name: str
) -> None:
    record = asked(screen(name))
    assert named(record) == []
    (signal,) = record["signals"]
    assert (signal["outcome"], signal["reason"]["args"]["parts"]) == ("clear", 1)


def test_a_harmless_face_does_not_clear_the_known_one_beside_it(run: Run, tmp_path: Path) -> None:
    assert run("bank", "add", "--bank", "b.bank", FAKES / "known" / "anna.jpg").returncode == 0
    harmless = ("bank", "add", "--bank", "b.bank", "--innocent")
    assert run(*harmless, FAKES / "known" / "boris.jpg").returncode == 0
    sheet("anna", "boris", "farid", "greta", "hana", "greta").save(tmp_path / "asked.png")
    call = ("check", "--only", "known_fakes", "--bank", "b.bank", "--format", "jsonl")
    record = json.loads(run(*call, "asked.png").stdout)
    claims = {each["facts"]["entry"]: each["claim"] for each in record["signals"]}
    assert claims == {"anna": "known_fake", "boris": "known_innocent"}
    assert record["verdict"]["risk"] == "high"


def test_a_face_that_was_taken_back_is_not_accused_between_captions(
    run: Run, tmp_path: Path
) -> None:
    known = FAKES / "known" / "anna.jpg"
    assert run("bank", "add", "--bank", "b.bank", "--id", "first", known).returncode == 0
    said = ("--reason", "a real person asked")
    assert run("bank", "dispute", "--bank", "b.bank", *said, "first").returncode == 0
    again = ("bank", "add", "--bank", "c.bank", "--id", "again", known)
    assert run(*again).returncode == 0
    meme("anna").save(tmp_path / "asked.png")
    call = ("check", "--only", "known_fakes", "--bank", "b.bank", "--bank", "c.bank")
    record = json.loads(run(*call, "--format", "jsonl", "asked.png").stdout)
    found = {each["facts"]["entry"]: each["claim"] for each in record["signals"]}
    assert found == {"first": None, "again": None}
