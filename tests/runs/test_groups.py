"""Groups of a run: copies of a picture and equal bytes, largest first, whatever came between."""

import json
import shutil
import zipfile
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


def post(number: int, *media: str) -> str:
    return json.dumps({"post_id": f"p{number}", "account_id": f"a{number}", "media": [*media]})


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    """Return a folder of posts: three show one picture, one re-encoded; others show their own."""
    folder = tmp_path / "in"
    (folder / "media").mkdir(parents=True)
    for seed in range(3):
        photograph(seed).save(folder / "media" / f"{seed}.jpg", quality=90)
    photograph(0).resize((150, 150)).save(folder / "media" / "worn.webp", quality=80)
    Image.new("RGB", (100, 100), "teal").save(folder / "media" / "plain.png")
    lines = [
        post(0, "media/0.jpg"), post(1, "media/1.jpg", "./media/0.jpg"), post(2, "media/worn.webp"),
        post(3, "media/2.jpg"), post(4, "media/plain.png"), post(5, "media/plain.png"),
    ]  # fmt: skip
    (folder / "feed.jsonl").write_text("\n".join(lines) + "\n")
    return folder


WORN = ["in/feed.jsonl#p0", "in/feed.jsonl#p1", "in/feed.jsonl#p2"]


def test_the_picture_that_several_posts_show_is_a_group(groups: Any, accounts: Path) -> None:
    (worn,) = groups()
    assert worn["items"] == [*WORN, "in/media/0.jpg", "in/media/worn.webp"]
    assert groups() == [worn]
    assert groups("--policy", "newsroom") == [worn]
    (accounts / "media" / "worn.webp").unlink()
    (same,) = groups()
    assert same["items"] == [*WORN[:2], "in/media/0.jpg"]
    assert (same["max_distance"], same["false_group_probability"]) == (0, 0)


def test_posts_in_an_archive_are_grouped_as_in_a_folder(
    run: Run, accounts: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in sorted(accounts.rglob("*.*")):
            archive.write(path, path.relative_to(tmp_path))
    run("scan", "all.zip", "--out", "run", "--format", "jsonl", "--only", PIXELS)
    (group,) = map(json.loads, (tmp_path / "run" / "groups.jsonl").read_text().splitlines())
    assert group["items"][:3] == [f"all.zip!/{name}" for name in WORN]


def test_a_report_has_the_pictures_of_items_and_posts_without_their_files(
    run: Run, groups: Any, accounts: Path, tmp_path: Path
) -> None:
    groups()
    shutil.rmtree(accounts)
    assert run("report", "run").returncode == 0
    text = (tmp_path / "run" / "report.html").read_text("utf-8")
    blocks = {
        name: json.loads(text.split(f'id="{name}">')[1].split("</script>")[0])
        for name in ("items", "thumbnails")
    }
    shown = {item["uri"]: item["pictures"] for item in blocks["items"]}
    assert shown[WORN[1]] == [*shown["in/media/1.jpg"], *shown[WORN[0]]]
    assert sorted(number for number, _ in blocks["thumbnails"]) == [0, 1, 2, 3, 4]
