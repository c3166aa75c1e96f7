"""`provenance posts`: exports of every format become the posts that they hold, and nothing else."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from provenance.intake.exports.keyed import Key
from provenance.intake.exports.package import Package
from provenance.intake.exports.rows import objects

Run = Callable[..., Any]
EXPORTS = Path(__file__).parent.parent.parent / "fixtures" / "exports"
FORMATS = {
    "x-archive": "x-archive",
    "x-io.csv": "x-io",
    "x-api-2.json": "x-api",
    "x-api-1.jsonl": "x-api",
    "bluesky-jetstream.jsonl": "bluesky",
    "bluesky-feed.json": "bluesky",
    "mastodon-statuses.json": "mastodon",
    "mastodon-outbox": "mastodon",
    "telegram": "telegram",
    "reddit.jsonl": "reddit",
    "youtube.csv": "youtube",
    "tiktok.json": "tiktok",
    "facebook.csv": "facebook",
    "coortweet.csv": "coortweet",
}
"""Export → its format, which is told by content."""


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def converted(run: Run, folder: Path, export: Path, *more: str | Path) -> tuple[list[Any], ...]:
    """Return posts, accounts, what was left out, and the lines on stderr."""
    names = [folder / f"{name}.jsonl" for name in ("posts", "accounts", "left")]
    out, accounts, left = names
    done = run(
        "posts", "convert", export, "--out", out, "--accounts-out", accounts, "--left-out", left,
        *more,
    )  # fmt: skip
    assert done.stdout == ""
    assert done.returncode == (3 if lines(left) else 0)
    return (*map(lines, names), done.stderr.splitlines())


@pytest.mark.parametrize(("name", "form"), FORMATS.items())
def test_each_export_becomes_its_posts(
    run: Run, tmp_path: Path, snapshot: SnapshotAssertion, name: str, form: str
) -> None:
    export = tmp_path / name
    whole = (EXPORTS / name).is_dir()
    (shutil.copytree if whole else shutil.copyfile)(EXPORTS / name, export)
    posts, accounts, left, said = converted(run, tmp_path, export)
    assert said[0].endswith(f"{name}: {form}")
    for row in left:
        row["where"] = row["where"].replace(str(tmp_path), "")
    assert {"posts": posts, "accounts": accounts, "left out": left} == snapshot
    media = [tmp_path / path for post in posts for path in post.get("media", ())]
    assert all(path.read_bytes()[:2] == b"\xff\xd8" for path in media)


def test_any_table_by_a_map_of_its_columns(
    run: Run, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    posts, _, left, _ = converted(
        run, tmp_path, EXPORTS / "table.csv", "--as", f"csv:{EXPORTS / 'table.toml'}"
    )
    assert (posts, [row["reason"] for row in left]) == snapshot


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('post_id = "Nr"\naccount_id = "Konto"\ncreated_at = "Wenn"\n', "m.toml:3: "),
        ('post_id = "Nr"\nacount_id = "Konto"\n', "did you mean 'account_id'"),
        ('post_id = "Nr"\naccount_id = 5\n', "m.toml:2: "),
        ('post_id = "Nr"\n', "'account_id' is missing"),
    ],
)
def test_a_map_that_cannot_be_used_names_the_line(
    run: Run, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "m.toml").write_text(text)
    done = run(
        "posts", "convert", EXPORTS / "table.csv", "--as", f"csv:{tmp_path / 'm.toml'}",
        "--out", tmp_path / "posts.jsonl",
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert not (tmp_path / "posts.jsonl").exists()


def test_media_of_an_archive_are_copied_beside_the_posts(run: Run, tmp_path: Path) -> None:
    archive = tmp_path / "away" / "export.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as file:
        for path in (EXPORTS / "telegram").rglob("*.*"):
            file.write(path, f"ChatExport/{path.relative_to(EXPORTS / 'telegram')}")
        file.writestr("ChatExport/../../../evil.jpg", b"x")
    posts, _, _, said = converted(run, tmp_path, archive)
    (medium,) = posts[1]["media"]
    picture = EXPORTS / "telegram/photos/photo_1.jpg"
    assert medium.startswith("posts.jsonl-media/")
    assert (tmp_path / medium).read_bytes() == picture.read_bytes()
    assert [each.name for each in (tmp_path / "posts.jsonl-media").iterdir()] == [Path(medium).name]
    assert [line.partition(": ")[2] for line in said][1] == "2 posts of 2 accounts"
    done = run("scan", tmp_path / "posts.jsonl", "--format", "jsonl", "--only", "metadata")
    parts = [json.loads(line)["item"]["parts"] for line in done.stdout.splitlines()]
    assert [[part["name"] for part in each] for each in parts] == [["text"], ["text", "media/0"]]


def test_a_key_replaces_ids_handles_and_mentions(run: Run, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(bytes(range(32)))
    (tmp_path / "short").write_bytes(b"short")
    (tmp_path / "out").mkdir()
    for name in ("x-archive", "x-api-2.json", "reddit.jsonl", "telegram", "bluesky-feed.json"):
        plain = converted(run, tmp_path, EXPORTS / name)
        keyed = converted(run, tmp_path / "out", EXPORTS / name, "--key", tmp_path / "key")
        told = json.dumps(keyed[:2])
        for account in plain[1]:
            assert account["account_id"] not in told
            assert account.get("handle", "\0") not in told
            assert account.get("name", "\0") not in told
        assert len({post["account_id"] for post in keyed[0]}) == len(
            {post["account_id"] for post in plain[0]}
        )
        assert "502-FxYz1" not in told
    done = run(
        "posts", "convert", EXPORTS / "telegram", "--out", tmp_path / "p.jsonl",
        "--key", tmp_path / "short",
    )  # fmt: skip
    assert done.returncode == 2
    assert "16 bytes or more" in done.stderr


def test_addresses_that_name_an_account_are_keyed_and_others_stay() -> None:
    key = Key(bytes(16))
    text = (
        "https://x.com/mara_linden/status/501 https://m.example/@mara/5 at://did:plc:mara/a/b"
        " https://t.co/Ab1 https://news.example/bridge me@example.org @Mara_Linden. @mara_linden"
    )
    said = key.text(text)
    assert "mara" not in said.lower()
    assert "https://t.co/Ab1 https://news.example/bridge me@example.org" in said
    handle = key.handle("mara_linden")
    assert said.endswith(f"@{handle}. @{handle}")


@settings(max_examples=20)
@given(st.lists(st.one_of(st.integers(), st.text(), st.dictionaries(st.text(), st.integers()))))
def test_lines_and_documents_hold_the_same_rows(tmp_path_factory: Any, values: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("rows")
    rows = [{"value": value} for value in values]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "list.json").write_text(json.dumps(rows, indent=1))
    (folder / "page.json").write_text(json.dumps({"meta": 1, "data": {"rows": rows}}, indent=1))
    package = Package(str(folder))
    for name in ("rows.jsonl", "list.json", "page.json"):
        assert [row.read() for row in objects(package, name, ("data.rows",))] == rows


def test_what_is_cut_off_or_no_export_is_said(run: Run, tmp_path: Path) -> None:
    whole = (EXPORTS / "mastodon-statuses.json").read_bytes()
    (tmp_path / "cut.json").write_bytes(whole[: len(whole) * 3 // 4])
    posts, _, left, _ = converted(run, tmp_path, tmp_path / "cut.json")
    assert [post["post_id"] for post in posts] == ["501", "502"]
    assert "cut off" in left[0]["reason"]
    (tmp_path / "prose.txt").write_text("Just words.\n")
    for path, said in (
        (tmp_path / "prose.txt", "is none of the exports"),
        (tmp_path / "missing", "cannot be read"),
    ):
        done = run("posts", "convert", path, "--out", tmp_path / "none.jsonl")
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
        assert not (tmp_path / "none.jsonl").exists()


def test_packed_files_are_unpacked_and_a_post_counts_once(run: Run, tmp_path: Path) -> None:
    import zstandard

    raw = (EXPORTS / "reddit.jsonl").read_bytes()
    folder = tmp_path / "dump"
    folder.mkdir()
    (folder / "RC.zst").write_bytes(zstandard.ZstdCompressor().compress(raw))
    (folder / "RS.jsonl").write_bytes(raw)
    posts, _, left, _ = converted(run, tmp_path, folder)
    assert len(posts) == 3
    assert [row["reason"] for row in left].count("the post 't3_abc1' was there already") == 1
    assert len(left) == 5


def test_stats_count_what_is_there(run: Run, tmp_path: Path) -> None:
    converted(run, tmp_path, EXPORTS / "x-archive")
    done = run("posts", "stats", tmp_path / "posts.jsonl", "--format", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == {
        "posts": 4, "accounts": 1, "first": "2023-11-14T22:13:20Z", "last": "2023-11-15T07:00:00Z",
        "busiest_day": {"2023-11-14": 3}, "reposts": 1, "replies": 1, "with_text": 4,
        "with_urls": 1, "with_media": 1, "platforms": {"x": 4}, "languages": {"en": 4},
        "malformed": 0,
    }  # fmt: skip
    with (tmp_path / "posts.jsonl").open("a") as file:
        file.write("{broken\n")
    done = run("posts", "stats", tmp_path / "posts.jsonl")
    assert done.returncode == 3
    assert "posts.jsonl:5: no JSON" in done.stderr
    assert io.StringIO(done.stdout).readline() == "posts         4\n"
