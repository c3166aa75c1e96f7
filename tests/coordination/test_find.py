"""`provenance coordination POSTS…`: planted groups come out, and what strangers do does not."""

import json
import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from provenance.coordination.clusters import Document, document
from provenance.coordination.posts import Posts, read

Run = Callable[..., Any]
Post = dict[str, Any]
WORDS = [
    a + b + c
    for a in ("ba", "do", "ki", "lu")
    for b in ("me", "ra", "to")
    for c in ("n", "s", "vi")
]


def at(seconds: float) -> str:
    return datetime.fromtimestamp(1_700_002_800 + seconds, UTC).isoformat()


def sentence(rng: random.Random, words: int = 12) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(words))


def post(who: str, when: float, text: str, **more: Any) -> Post:
    name = f"{who}-{when:.0f}-{len(text)}"
    return {"post_id": name, "account_id": who, "created_at": at(when), "text": text} | more


def strangers(rng: random.Random, count: int = 40, each: int = 8) -> list[Post]:
    """Posts that nobody shares, over twelve hours."""
    return [
        post(f"s{n}", rng.randrange(12 * 3600), sentence(rng))
        for n in range(count)
        for _ in range(each)
    ]


def together(
    rng: random.Random, names: Iterable[str], texts: Iterable[str], **more: Any
) -> list[Post]:
    """Posts of one text an hour by everybody, within four minutes."""
    return [
        post(name, 3600 * hour + rng.randrange(240), text, **more)
        for hour, text in enumerate(texts)
        for name in names
    ]


def found(tmp_path: Path, posts: Iterable[Post], **options: Any) -> Document:
    path = tmp_path / "posts.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in posts), "utf-8")
    return document(read([str(path)]), **options)


def members(document: Document) -> list[list[str]]:
    return [cluster.accounts for cluster in document.clusters]


@pytest.fixture
def rng() -> random.Random:
    return random.Random(7)  # noqa: S311 - a scene, no secret


def test_who_copies_texts_hour_after_hour_is_a_cluster(
    run: Run, tmp_path: Path, rng: random.Random
) -> None:
    names, texts = [f"m{n}" for n in range(5)], [sentence(rng) for _ in range(6)]
    posts = strangers(rng) + together(rng, names, texts)
    path = tmp_path / "posts.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in posts), "utf-8")
    done = run("coordination", path, "--format", "json", "--fail-on", "chance")
    assert (done.returncode, done.stderr) == (1, "")
    told = json.loads(done.stdout)
    (cluster,) = told["clusters"]
    assert (told["posts"], told["accounts"], told["schema"]) == (
        350,
        45,
        "provenance.coordination/1",
    )
    assert cluster["accounts"] == names
    assert cluster["kinds"] == ["copied_text"]
    assert cluster["expected_by_chance"] <= 0.05
    assert [len(each["posts"]) for each in cluster["objects"]] == [5] * 6
    assert "value" not in cluster["objects"][0]
    assert "does not prove" in cluster["does_not_prove"]
    assert {each["kind"] for each in told["not_assessed"]} >= {"same_url", "aligned_portraits"}


def test_a_takedown_alone_is_told_from_chance_by_moved_time_lines(
    tmp_path: Path, rng: random.Random
) -> None:
    names, texts = [f"m{n:02}" for n in range(30)], [sentence(rng) for _ in range(24)]
    told = found(tmp_path, together(rng, names, texts))
    assert members(told) == [names]
    assert told.clusters[0].null == ["circular_shift"]


def test_what_chance_gives_as_well_is_said_and_no_cluster(
    run: Run, tmp_path: Path, rng: random.Random
) -> None:
    posts = [
        post(f"m{n}", rng.randrange(1800), text)
        for text in [sentence(rng) for _ in range(3)]
        for n in range(4)
    ]
    told = found(tmp_path, posts)
    assert told.clusters == []
    (other,) = told.not_distinguishable
    assert other.accounts == ["m0", "m1", "m2", "m3"]
    assert other.expected_by_chance > 0.05
    done = run("coordination", "posts.jsonl", "--format", "jsonl", "--fail-on", "chance")
    assert (done.returncode, done.stdout) == (0, "")
    assert "1 groups of accounts that chance gives as well" in done.stderr


def test_templates_and_languages_without_spaces_are_near_copies(
    tmp_path: Path, rng: random.Random
) -> None:
    signs = [chr(0x4E00 + n) for n in range(400)]
    posts = strangers(rng)
    for hour in range(6):
        words, text = sentence(rng, 14), "".join(rng.sample(signs, 40))
        for n in range(5):
            when = 3600 * hour + rng.randrange(240)
            posts.append(post(f"m{n}", when, f"{words} {rng.choice(WORDS)}, №{n} 🙂"))
            posts.append(post(f"c{n}", when, text[: 38 + n % 2] + "。"))
    told = found(tmp_path, posts)
    assert sorted(members(told)) == [[f"{c}{n}" for n in range(5)] for c in "cm"]
    assert {kind for cluster in told.clusters for kind in cluster.kinds} == {"similar_text"}


def test_reposts_within_a_minute_are_a_cluster_and_fans_of_one_author_are_not(
    tmp_path: Path, rng: random.Random
) -> None:
    posts = strangers(rng)
    for n in range(6):
        for k in range(8):
            more = {"is_repost": True, "repost_of": f"p{k}"}
            posts.append(post(f"m{n}", 4000 * k + rng.randrange(50), "", **more))
            more = {"is_repost": True, "repost_of": f"q{k}", "reposted_account": "star"}
            posts.append(post(f"f{n}", 4000 * k + rng.randrange(50), "", **more))
    told = found(tmp_path, posts)
    assert members(told) == [[f"m{n}" for n in range(6)]]
    assert told.clusters[0].kinds == ["co_repost"]


def test_who_reposts_all_day_joins_no_two_groups(tmp_path: Path, rng: random.Random) -> None:
    posts = strangers(rng)
    for k in range(300):
        more = {"is_repost": True, "repost_of": f"p{k}"}
        posts.append(post("busy", 280 * k, "", **more))
        for n in range(5 if k % 10 < 2 else 0):
            posts.append(post(f"{'ab'[k % 10]}{n}", 280 * k + rng.randrange(50), "", **more))
    told = found(tmp_path, posts)
    groups = [{f"{name}{n}" for n in range(5)} for name in "ab"]
    assert sorted(sorted(set(each) - {"busy"}) for each in members(told)) == [*map(sorted, groups)]


def test_strangers_with_one_joke_and_wishes_are_no_cluster(
    tmp_path: Path, rng: random.Random
) -> None:
    joke, wishes = sentence(rng), [sentence(rng) for _ in range(3)]
    posts, names = strangers(rng, 200), [f"s{n}" for n in range(200)]
    posts += [post(name, 20_000 + rng.randrange(1200), joke) for name in rng.sample(names, 60)]
    posts += [
        post(name, rng.randrange(36_000), wish)
        for name in rng.sample(names, 80)
        for wish in rng.sample(wishes, 2)
    ]
    told = found(tmp_path, posts)
    assert members(told) == []


def test_the_order_of_posts_and_their_files_do_not_matter(
    tmp_path: Path, rng: random.Random
) -> None:
    texts = [sentence(rng) for _ in range(6)]
    posts = strangers(rng) + together(rng, [f"m{n}" for n in range(5)], texts)
    posts.append(posts[-1] | {"account_id": "s1"})  # a second post of one id
    first = found(tmp_path, posts)
    rng.shuffle(posts)
    parts = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for part, rows in zip(parts, (posts[:100], posts[100:]), strict=True):
        part.write_text("".join(json.dumps(each) + "\n" for each in rows), "utf-8")
    assert document(read(map(str, parts))) == first
    assert first.skipped["duplicate"] == 1


def test_lines_that_are_no_posts_are_named_and_the_rest_is_read(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    rows = [post("a", 0, "word " * 9), post("b", 0, "hi"), post("c", 0, "x") | {"created_at": None}]
    rows += [{"post_id": 5, "account_id": 6, "created_at": 7.5, "text": ["no", "text"]}]
    lines = [*map(json.dumps, rows), "{", '{"text": "nobody\'s"}', "", '"word"']
    path.write_text("\ufeff" + "\n".join(lines), "utf-8")
    done = run("coordination", path, "--format", "json")
    assert done.returncode == 3
    assert [line.split(": ")[1].split("#")[1] for line in done.stderr.splitlines()] == [
        "5",
        "6",
        "8",
    ]
    told = json.loads(done.stdout)
    assert (told["posts"], told["clusters"]) == (4, [])
    assert told["skipped"] == {
        "short_text": 1,
        "no_time": 1,
        "malformed": 3,
        "duplicate": 0,
        "unreadable_media": 0,
    }


def test_a_screen_says_what_is_not_proved(run: Run, tmp_path: Path, rng: random.Random) -> None:
    path = tmp_path / "posts.jsonl"
    rows = together(rng, [f"m{n}\x1b[31m" for n in range(5)], [sentence(rng) for _ in range(6)])
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), "utf-8")
    done = run("coordination", path, "--texts")
    assert "5 accounts that post the same things together" in done.stdout
    assert "does not prove" in " ".join(done.stdout.split())
    assert "\x1b" not in done.stdout
    assert rows[0]["text"][:30] in " ".join(done.stdout.split())


def test_nothing_and_what_is_not_there(run: Run, tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").touch()
    done = run("coordination", "none.jsonl", "--format", "jsonl")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = run("coordination", "missing.jsonl")
    assert (done.returncode, done.stdout) == (2, "")
    assert "missing.jsonl: No such file" in done.stderr


def test_times_of_every_form_are_read(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    times = ["2024-01-01T00:00:00Z", "2024-01-01T01:00:00+01:00", "2024-01-01 00:00:00", 1704067200]
    bad = ["soon", 1e300, "0001-01-01T00:00:00+23:00", True, None]
    path.write_text("".join(json.dumps(post("a", n, "") | {"created_at": time}) + "\n"
                            for n, time in enumerate(times + bad)))  # fmt: skip
    posts: Posts = read([str(path)])
    assert list(posts.time) == [1704067200.0] * 4
    assert posts.skipped["no_time"] == len(bad)
