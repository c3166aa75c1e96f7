"""A post is as large as its largest part: what was looked at is let go of."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from detectors.item import Item

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
