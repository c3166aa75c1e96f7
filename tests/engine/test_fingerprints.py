"""Fingerprints of every picture, whichever detectors look."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from detectors.catalog import catalog
from detectors.item import Item
from provenance.engine.check import Engine
from provenance.engine.config import configure

Records = Callable[..., list[dict[str, Any]]]
FIXTURES = Path(__file__).parents[2] / "fixtures"
ANNA = "fakes/queries/anna_cropped.jpg"


@pytest.fixture
def bank(run: Callable[..., Any], tmp_path: Path) -> Path:
    folder = tmp_path / "a.bank"
    assert run("bank", "add", "--bank", folder, FIXTURES / "fakes/known").returncode == 0
    return folder


def test_fingerprints_and_facts_depend_on_no_detector(records: Records, bank: Path) -> None:
    only = [("metadata",), ("text_marks",), ("known_fakes",), ("portrait", "credentials")]
    said = [
        records("check", FIXTURES / ANNA, "--fingerprints", "--only", ",".join(names))[0]
        for names in only
    ]
    matched = ("--bank", bank, "--only", "known_fakes")
    said += records("check", FIXTURES / ANNA, "--fingerprints", *matched)
    made = [(one["item"]["facts"], one["item"]["fingerprints"]) for one in said]
    assert all(one == made[0] for one in made)
    facts, prints = made[0]
    assert facts == {"width": 210, "height": 210}
    assert list(prints) == ["pdq", "pdq_quality"]
    assert prints["pdq_quality"] == "100"
    (asked,) = records("check", FIXTURES / ANNA, *matched)
    assert asked["item"]["fingerprints"] == {"pdq": prints["pdq"]}
    (none,) = records("check", FIXTURES / ANNA, "--only", "metadata")
    assert none["item"]["fingerprints"] == {}


def test_pictures_of_posts_have_fingerprints_and_texts_have_none(
    records: Records, tmp_path: Path
) -> None:
    for name in ("a.jpg", "b.png"):
        (tmp_path / name).write_bytes((FIXTURES / ANNA).read_bytes())
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    post = {"text": "Words.", "media": ["a.jpg", "b.png", "gone.jpg"]}
    (tmp_path / "posts.jsonl").write_text(json.dumps(post), "utf-8")
    (record,) = records("scan", tmp_path / "posts.jsonl", "--only", "text_marks", "--fingerprints")
    parts = {part["name"]: part["fingerprints"] for part in record["item"]["parts"]}
    assert list(parts.pop("media/0")) == ["pdq", "pdq_quality"]
    assert parts == {"text": {}, "media/1": {}, "media/2": {}}
    assert record["item"]["fingerprints"] == {}


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (5000, 3)])
def test_a_picture_of_any_shape_has_a_fingerprint(
    records: Records, tmp_path: Path, size: tuple[int, int]
) -> None:
    picture = io.BytesIO()
    Image.new("RGBA", size, "red").save(picture, "PNG")
    (tmp_path / "a.png").write_bytes(picture.getvalue())
    (record,) = records("check", "a.png", PROVENANCE_FINGERPRINTS="1")
    assert record["item"]["fingerprints"]["pdq_quality"] == "0"
    assert not [one for one in record["signals"] if one["outcome"] == "failed"]


def test_none_is_begun_after_the_deadline() -> None:
    only = {"today": "2026-11-24", "only": ["metadata"], "fingerprints": True}
    engine = Engine(configure(catalog(), **only))
    made = [
        engine.check(
            Item("a.jpg", (FIXTURES / ANNA).read_bytes), deadline=seconds
        ).item.fingerprints
        for seconds in (None, 0.0)
    ]
    assert [len(prints) for prints in made] == [2, 0]


def test_the_configuration_may_ask_for_them(records: Records, tmp_path: Path) -> None:
    settings = tmp_path / "asked.toml"
    settings.write_text("fingerprints = true\n")
    given = ("check", FIXTURES / ANNA, "--only", "metadata", "--config", settings)
    assert len(records(*given)[0]["item"]["fingerprints"]) == 2
    assert records(*given, "--no-fingerprints")[0]["item"]["fingerprints"] == {}
