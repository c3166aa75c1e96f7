"""`provenance coordination pairs`, held to what CooRTweet's steps say."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provenance.coordination.pairs import Pair, pairs
from provenance.coordination.shares import Share

Run = Callable[..., Any]
HEAD = "object_id,account_id,content_id,timestamp_share\n"


def found(run: Run, path: Path, rows: str, window: str = "30") -> list[dict[str, Any]]:
    path.write_text(HEAD + rows)
    done = run("coordination", "pairs", path, "--window", window, "--min-participation", "2")
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_shares_within_the_window_are_pairs_limits_included(run: Run, tmp_path: Path) -> None:
    rows = "o,a,p1,100\no,b,p2,130\no,c,p3,131\nq,a,p4,0\nq,b,p5,0\nz,c,p6,9\n"
    assert found(run, tmp_path / "s.csv", rows)[0] == {
        "object_id": "o", "content_id": "p1", "content_id_y": "p2",
        "account_id": "a", "account_id_y": "b", "time_delta": 30,
    }  # fmt: skip
    assert [
        (row["content_id"], row["content_id_y"]) for row in found(run, tmp_path / "s.csv", rows)
    ] == [("p1", "p2"), ("p2", "p3"), ("p4", "p5")]


def test_one_account_and_a_post_of_itself_are_no_pair(run: Run, tmp_path: Path) -> None:
    rows = "o,a,p1,0\no,a,p2,1\no,b,o,2\nq,b,p3,0\n"
    assert found(run, tmp_path / "s.csv", rows) == []


def test_accounts_with_few_shares_are_left_out(run: Run, tmp_path: Path) -> None:
    assert found(run, tmp_path / "s.csv", "o,a,p1,0\no,b,p2,1\nq,b,p3,0\n") == []


def test_a_pair_whose_accounts_rarely_pair_is_left_out(run: Run, tmp_path: Path) -> None:
    assert found(run, tmp_path / "s.csv", "o,a,p1,0\no,b,p2,1\nx,a,p3,0\ny,b,p4,0\n") == []


def test_a_row_that_cannot_be_used_is_named(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    for text, said in (
        (HEAD + "o,a,p1,0\no,a,p2,soon\n", "s.csv:3: timestamp_share 'soon' is no number"),
        (HEAD + "o,a\n", "s.csv:2: 2 values, the header has 4"),
        ("object_id,account_id\n", "s.csv:1: no column content_id, timestamp_share"),
    ):
        path.write_text(text)
        done = run("coordination", "pairs", path)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr


@given(
    st.lists(
        st.tuples(st.sampled_from("op"), st.sampled_from("abc"), st.integers(0, 20)), max_size=12
    ),
    st.integers(0, 10),
)
def test_the_sorted_pass_finds_what_a_self_join_finds(
    rows: list[tuple[str, str, int]], window: int
) -> None:
    table: dict[str, list[Share]] = {}
    for number, (name, account, time) in enumerate(rows):
        table.setdefault(name, []).append(Share(time, f"c{number}", account))
    joined = {
        (name, *sorted((x.content, y.content)))
        for name, shared in table.items()
        for x in shared
        for y in shared
        if x.account < y.account and abs(x.time - y.time) <= window
    }

    def key(pair: Pair) -> tuple[str, ...]:
        return (pair.object_id, *sorted((pair.content_id, pair.content_id_y)))

    assert {key(pair) for pair in pairs(table, window, 1)} == joined
