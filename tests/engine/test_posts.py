"""A post is as large as its largest part: what was looked at is let go of."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from detectors.catalog import catalog
from detectors.item import Item, Kind
from detectors.models.encoder.tokens import square
from detectors.signal import Reason
from provenance.engine.check import Engine
from provenance.engine.config import configure

FIXTURES = Path(__file__).parents[2] / "fixtures"
MEASURED = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "provenance", *sys.argv[1:]], check=False)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10, file=sys.stderr)
"""


def post_of(folder: Path, name: str, times: int) -> tuple[dict[str, Any], int]:
    """Return the record of a post that names a file so many times, and the peak in MiB."""
    line = json.dumps({"text": "words", "media": [name] * times})
    (folder / "posts.jsonl").write_text(line + "\n", "utf-8")
    args = ["check", "--jobs", "1", "--format", "jsonl", "--only", "portrait", "posts.jsonl"]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *args], cwd=folder, capture_output=True, check=True
    )
    return json.loads(done.stdout), int(done.stderr.split()[-1])


@pytest.mark.parametrize("keep", [1.0, 0.6], ids=["whole", "cut"])
def test_a_post_takes_the_memory_of_its_largest_part(tmp_path: Path, keep: float) -> None:
    picture = io.BytesIO()
    Image.radial_gradient("L").resize((3000, 3000)).convert("RGB").save(picture, "PNG")
    data = picture.getvalue()
    (tmp_path / "a.png").write_bytes(data[: int(keep * len(data))])
    _, one = post_of(tmp_path, "a.png", 1)
    record, many = post_of(tmp_path, "a.png", 8)
    assert {signal["part"] for signal in record["signals"]} >= {f"media/{n}" for n in range(8)}
    assert many < one + 100


def test_an_item_that_was_let_go_of_reads_anew() -> None:
    read: list[bytes] = []

    def bytes_once() -> bytes:
        read.append(b"")
        return b"words"

    item = Item("a", bytes_once)
    assert (item.data, item.passage.text, item.kind) == (b"words", "words", "text")
    item.release()
    assert (item.sha256[:4], item.passage.text, len(read)) == ("dba3", "words", 2)


def test_a_post_lists_what_its_parts_are(
    records: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes((FIXTURES / "fakes/negatives/grey.png").read_bytes())
    (tmp_path / "b.pdf").write_bytes((FIXTURES / "documents/clean.pdf").read_bytes())
    media = ["a.png", "b.pdf", "gone.jpg"]
    post = {"post_id": 1, "text": "Words of a post.", "media": media}
    (tmp_path / "posts.jsonl").write_text(json.dumps(post) + "\n{]\n", "utf-8")
    whole, malformed = records("check", "posts.jsonl")
    (picture, document) = records("check", "a.png", "b.pdf")
    text, first, second, third = whole["item"]["parts"]
    assert [part["name"] for part in (text, first, second, third)] == [
        "text", "media/0", "media/1", "media/2",
    ]  # fmt: skip
    assert (text["kind"], text["media_type"], text["bytes"]) == ("text", "text/plain", 16)
    assert first == {"name": "media/0"} | {k: v for k, v in picture["item"].items() if k != "uri"}
    assert second == {"name": "media/1"} | {k: v for k, v in document["item"].items() if k != "uri"}
    assert (third["bytes"], third["sha256"], third["facts"]) == (None, None, {})
    assert malformed["item"]["parts"] == []
    assert "parts" not in picture["item"]


def test_a_document_of_a_post_is_held_to_what_a_document_alone_is(
    records: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    (tmp_path / "b.pdf").write_bytes((FIXTURES / "documents/clean.pdf").read_bytes())
    (tmp_path / "posts.jsonl").write_text(json.dumps({"text": "Words.", "media": ["b.pdf"]}))
    alone, post = records("check", "b.pdf", "posts.jsonl", "--policy", "newsroom")
    assert {s["detector"] for s in post["signals"]} >= {"text_marks", "credentials"}
    assert (alone["verdict"]["complete"], post["verdict"]["complete"]) == (True, True)


def test_a_part_that_cannot_be_opened_stops_no_other_part() -> None:
    """Stages that a worker did not survive are left out of every part."""
    picture = io.BytesIO()
    Image.radial_gradient("L").save(picture, "PNG")
    choice = configure(catalog(), today="2026-11-24", only=["portrait", "text_marks"])
    media = Item("a.png", picture.getvalue)
    text = Item("b", lambda: b"words")
    post = Item("p", bytes, kind=Kind.POST, parts=(("media/0", media), ("text", text)))
    told: list[str] = []
    record = Engine(choice, told.append).check(post, {"picture": Reason("engine.timeout")})
    codes = {s.part: s.reason.code for s in record.signals}
    assert codes == {"media/0": "engine.timeout", "text": "text_marks.clear"}
    looked = ["item", "item", "portrait", "item", "text_marks", "passage", "text_marks"]
    assert told == [*looked, "settings"]


def test_what_is_derived_of_an_item_is_kept_and_let_go_of_with_it() -> None:
    picture = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").save(picture, "PNG")
    item = Item("a.png", picture.getvalue)
    assert square(item) is square(item)
    first = square(item)
    item.release()
    assert square(item) is not first
    assert (square(item) == first).all()
