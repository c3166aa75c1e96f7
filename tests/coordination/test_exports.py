"""What leaves a search for coordination: keyed ids, and the sentence of what is not proved."""

import csv
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from stix2validator import ValidationOptions, validate_string

Run = Callable[..., Any]
GROUP = [f"member{n}" for n in range(5)]
SPACE = "{http://graphml.graphdrawing.org/xmlns}"


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    rng = random.Random(5)  # noqa: S311 - a scene, no secret
    rows = []
    for hour in range(6):
        text = " ".join("".join(rng.choices("abcdefgh", k=5)) for _ in range(12))
        for name in GROUP:
            at = datetime.fromtimestamp(1_700_002_800 + 3600 * hour + rng.randrange(240), UTC)
            more = {"created_at": at.isoformat(), "text": text, "post_id": f"{name}-post{hour}"}
            more |= {"urls": ["https://planted.example/"]}
            rows.append({"account_id": name} | more)
    path = tmp_path / "posts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_exports_are_keyed_and_say_what_is_not_proved(
    run: Run, tmp_path: Path, posts: Path
) -> None:
    (tmp_path / "key").write_bytes(b"k" * 16)
    names = ("--graphml", "g.xml", "--csv", "tables", "--stix", "s.json", "--key", "key")
    done = run("coordination", posts, "--format", "jsonl", *names)
    assert (done.returncode, done.stderr) == (0, "")
    files = {
        name: (tmp_path / name).read_text()
        for name in ("g.xml", "s.json", "tables/shares.csv", "tables/clusters.csv")
    }
    for name, text in files.items():
        assert "member" not in text
        assert "post0" not in text
        assert "planted" not in text
        assert name == "tables/shares.csv" or "does not prove" in text
    assert validate_string(files["s.json"], ValidationOptions(version="2.1")).is_valid
    graph = ET.fromstring(files["g.xml"])  # noqa: S314 - ours
    assert len(graph.findall(f".//{SPACE}node")) == 5
    assert len(graph.findall(f".//{SPACE}edge")) == 10
    shares = list(csv.DictReader(files["tables/shares.csv"].splitlines()))
    assert len(shares) == 30
    assert len({row["account"] for row in shares}) == 5
    assert {len(row["account"]) for row in shares} == {32}
    again = run("coordination", posts, "--format", "jsonl", *names)
    assert again.stdout == done.stdout
    assert {name: (tmp_path / name).read_text() for name in files} == files


def test_a_key_of_ones_own_joins_and_another_does_not(
    run: Run, tmp_path: Path, posts: Path
) -> None:
    told = []
    for key in (b"k" * 16, b"l" * 16):
        (tmp_path / "key").write_bytes(key)
        run("coordination", posts, "--graphml", "g.xml", "--key", "key")
        graph = ET.fromstring((tmp_path / "g.xml").read_text())  # noqa: S314 - ours
        told.append({node.get("id") for node in graph.iter(f"{SPACE}node")})
    assert not told[0] & told[1]
    done = run("coordination", posts, "--key", "key")
    assert (done.returncode, done.stdout) == (2, "")


def test_a_page_shows_the_cluster_and_what_it_does_not_prove(run: Run, posts: Path) -> None:
    done = run("coordination", posts, "--format", "html", "--texts")
    assert done.returncode == 0
    assert done.stdout.startswith("<!DOCTYPE html>")
    assert "member3" in done.stdout
    assert "does not prove" in done.stdout
    text = json.loads(posts.read_text().splitlines()[0])["text"]
    assert text in done.stdout
    bare = run("coordination", posts, "--format", "html").stdout
    assert text not in bare
    assert "planted" not in bare
