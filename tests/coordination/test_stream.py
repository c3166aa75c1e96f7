"""`provenance coordination --follow`: a window of posts as they come."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provenance.coordination.clusters import document
from provenance.coordination.posts import Row, read
from provenance.coordination.stream import Window, follow

Run = Callable[..., Any]
START = 1_700_002_800


def rows(hours: int) -> list[dict[str, Any]]:
    """Posts of a group that copies a text an hour, and of others, in the order of time."""
    rng = random.Random(4)  # noqa: S311 - a scene, no secret

    def text() -> str:
        return " ".join("".join(rng.choices("abcdefgh", k=5)) for _ in range(12))

    found = []
    for hour in range(hours):
        shared = text()
        said = [(f"m{n}", shared) for n in range(5)] + [(f"s{n}", text()) for n in range(12)]
        for name, each in said:
            at = datetime.fromtimestamp(START + 3600 * hour + rng.randrange(240), UTC)
            found.append({"account_id": name, "created_at": at.isoformat(), "text": each})
    for number, row in enumerate(found):
        row["post_id"] = f"p{number}"
    return sorted(found, key=lambda row: row["created_at"])


def test_clusters_come_up_as_posts_do_and_are_those_of_a_search_of_the_window(
    run: Run, tmp_path: Path
) -> None:
    lines = [json.dumps(row) + "\n" for row in rows(9)]
    (tmp_path / "posts.jsonl").write_text("".join(lines))
    options = ("--follow", "--every", "60", "--window-hours", "5")
    done = run("coordination", "-", *options, stdin="".join(["{\n", *lines]).encode())
    assert done.returncode == 3
    assert "-#1: " in done.stderr
    (cluster,) = map(json.loads, done.stdout.splitlines())
    assert cluster["accounts"] == [f"m{n}" for n in range(5)]
    assert cluster["last"] < at(6)  # it was told before the end
    (tmp_path / "last.jsonl").write_text("".join(lines[3 * 17 :]))
    batch = document(read([str(tmp_path / "last.jsonl")])).clusters
    assert [each.id for each in batch] == [cluster["id"]]


def at(hour: int) -> str:
    return datetime.fromtimestamp(START + 3600 * hour, UTC).isoformat()


def test_memory_is_bound_and_a_wrong_clock_empties_no_window() -> None:
    window = Window(3600, 50)
    for number in range(200):
        window.add(f"#{number}", Row(account_id="a", created_at=START + number), START + 300)
    window.add("", Row(account_id="b", created_at=START + 10**9), START + 300)
    window.add("", Row(account_id="b", created_at="soon"), START + 300)
    assert (len(window.posts().ids), window.unusable) == (50, 2)
    assert min(window.posts().time) == START + 150


def test_a_window_has_the_clusters_of_its_posts() -> None:
    came = [
        (f"#{number}", Row(**{**row, "post_id": None}), START + 10**6)
        for number, row in enumerate(rows(7))
    ]
    window = Window(10 * 3600, 1000)
    found = list(follow(came, window, 10_000, 0, texts=False))
    assert found == document(window.posts()).clusters
