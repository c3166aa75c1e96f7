"""Groups of a run: copies of a picture and equal bytes, largest first, whatever came between."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    import subprocess

Run = Callable[..., "subprocess.CompletedProcess[str]"]
PIXELS = "metadata,known_fakes"


def photograph(seed: int) -> Image.Image:
    """Return soft shapes under noise."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (12, 12, 3), np.uint8))
    pixels = np.asarray(small.resize((192, 192), Image.Resampling.BICUBIC)).astype(int)
    noisy = np.clip(pixels + rng.integers(-16, 17, pixels.shape), 0, 255).astype(np.uint8)
    return Image.fromarray(noisy).filter(ImageFilter.GaussianBlur(1))


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Return a folder of strangers, of copies of two of them, and of plain pictures."""
    folder = tmp_path / "in"
    folder.mkdir()
    for seed in range(5):
        photograph(seed).save(folder / f"{seed}.jpg", quality=90)
    photograph(0).save(folder / "a.webp", quality=70)
    photograph(0).resize((150, 150)).save(folder / "b.jpg", quality=70)
    photograph(1).save(folder / "c.png")
    for name in ("copy.jpg", "d.jpg"):
        shutil.copy(folder / "1.jpg", folder / name)
    for name in ("plain.png", "again.png"):
        Image.new("RGB", (100, 100), "teal").save(folder / name)
    (folder / "empty.jpg").touch()
    (folder / "empty.txt").touch()
    return folder


@pytest.fixture
def groups(run: Run, tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """Return the groups after a pass."""

    def passed(*args: str, only: str = PIXELS) -> list[dict[str, Any]]:
        done = run("scan", "in", "--out", "run", "--format", "jsonl", "--only", only, *args)
        assert done.returncode in (0, 3), done.stderr
        told = (tmp_path / "run" / "groups.jsonl").read_text("utf-8")
        summary = json.loads((tmp_path / "run" / "summary.json").read_bytes())
        found = [json.loads(line) for line in told.splitlines()]
        kinds = [group["kind"] for group in found]
        assert summary["groups"] == {k: kinds.count(k) for k in ("same_bytes", "same_picture")}
        return found

    return passed


def named(found: list[dict[str, Any]], kind: str) -> list[list[str]]:
    return [group["items"] for group in found if group["kind"] == kind]


PICTURES = [
    ["in/1.jpg", "in/c.png", "in/copy.jpg", "in/d.jpg"],
    ["in/0.jpg", "in/a.webp", "in/b.jpg"],
]
BYTES = [["in/1.jpg", "in/copy.jpg", "in/d.jpg"], ["in/again.png", "in/plain.png"]]


@pytest.mark.usefixtures("world")
def test_copies_are_one_picture_and_plain_ones_none(groups: Any) -> None:
    found = groups()
    assert named(found, "same_picture") == PICTURES
    assert named(found, "same_bytes") == BYTES
    sizes = [len(group["items"]) for group in found]
    assert sizes == sorted(sizes, reverse=True)
    for group in found:
        if group["kind"] == "same_picture":
            assert set(group) == {"kind", "items", "max_distance", "false_group_probability"}
            assert 0 <= group["max_distance"] <= 31
            assert 0 < group["false_group_probability"] <= 0.01
        else:
            assert set(group) == {"kind", "items", "sha256"}


@pytest.mark.usefixtures("world")
def test_groups_do_not_depend_on_jobs_and_on_earlier_passes(groups: Any, tmp_path: Path) -> None:
    cheap = groups(only="metadata")
    assert named(cheap, "same_picture") == []
    assert named(cheap, "same_bytes") == BYTES
    deepened = groups("--jobs", "2")
    assert named(deepened, "same_picture") == PICTURES
    assert groups("--jobs", "1") == deepened
    assert named(groups(only="metadata"), "same_picture") == []
    assert groups() == deepened
    shutil.rmtree(tmp_path / "run" / "ledger")
    assert groups() == deepened


def test_a_copy_that_is_gone_is_in_no_group(groups: Any, world: Path) -> None:
    groups()
    (world / "c.png").unlink()
    (world / "b.jpg").unlink()
    assert named(groups(), "same_picture") == [["in/0.jpg", "in/a.webp"]]


@pytest.mark.usefixtures("world")
def test_records_are_those_of_a_scan(run: Run, groups: Any, tmp_path: Path) -> None:
    groups()
    kept = (tmp_path / "run" / "records.jsonl").read_text("utf-8")
    fresh = run("scan", "in", "--format", "jsonl", "--only", PIXELS).stdout
    both = [[json.loads(line) for line in said.splitlines()] for said in (kept, fresh)]
    for records in both:
        for record in records:
            del record["elapsed_ms"], record["tool"]["date"]
    assert both[0] == both[1]


@pytest.mark.usefixtures("world")
def test_the_screen_names_the_largest_groups(run: Run) -> None:
    said = run("scan", "in", "--out", "run", "--only", PIXELS).stdout
    assert "4 times the same picture: in/1.jpg" in said
