"""Each kind of shared object: a planted group, and people who share the same innocently."""

import hashlib
import json
import random
import shutil
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from provenance.coordination.traits import Traits

Run = Callable[..., Any]
Post = dict[str, Any]
GROUP = [f"m{n}" for n in range(5)]
PDQ = hashlib.sha256(b"a picture").hexdigest()


def at(seconds: float) -> str:
    return datetime.fromtimestamp(1_700_002_800 + seconds, UTC).isoformat()


def posts(rng: random.Random, holds: Callable[[str, int], dict[str, Any]]) -> list[Post]:
    """Posts of a group once an hour, and of 600 others who post alone; what each holds besides."""
    rows = [
        (name, 3600 * hour + rng.randrange(240), holds(name, hour))
        for hour in range(6)
        for name in GROUP
    ]
    rows += [
        (f"s{n}", rng.randrange(6 * 3600), holds(f"s{n}", k)) for n in range(600) for k in range(2)
    ]
    return [
        {"post_id": f"p{number}", "account_id": name, "created_at": at(when)} | more
        for number, (name, when, more) in enumerate(rows)
    ]


def found(run: Run, folder: Path, rows: Iterable[Post], *options: str | Path) -> dict[str, Any]:
    path = folder / "posts.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), "utf-8")
    done = run("coordination", path, "--format", "json", *options)
    assert (done.returncode, done.stderr) == (0, "")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture
def rng() -> random.Random:
    return random.Random(3)  # noqa: S311 - a scene, no secret


def words(seed: str) -> str:
    rng = random.Random(seed)  # noqa: S311 - a text, no secret
    return " ".join("".join(rng.choices("abcdefgh", k=5)) for _ in range(12))


def near(pdq: str, bits: int) -> str:
    """Return a hash some bits away."""
    return f"{int(pdq, 16) ^ (2**bits - 1):064x}"


def test_addresses_count_without_what_follows_a_reader(
    run: Run, tmp_path: Path, rng: random.Random
) -> None:
    def holds(name: str, number: int) -> dict[str, Any]:
        if name in GROUP:
            url = f"http{'s' * (name > 'm2')}://www.planted.example/buy/{number}/?utm_source={name}"
        elif number:
            url = "https://news.example/everybody-reads-this"  # more than 1 % share it
        else:
            url = f"https://twitter.com/home?same={number}"
        return {"urls": [url], "text": "look"}

    told = found(run, tmp_path, posts(rng, holds))
    (cluster,) = told["clusters"]
    assert (cluster["accounts"], cluster["kinds"]) == (GROUP, ["same_url"])


@pytest.mark.parametrize(("bits", "kind"), [(0, "same_image"), (6, "similar_image")])
def test_hashes_of_pictures(
    run: Run, tmp_path: Path, rng: random.Random, bits: int, kind: str
) -> None:
    def holds(name: str, number: int) -> dict[str, Any]:
        pdq = hashlib.sha256(f"{name} {number}".encode()).hexdigest()
        if name in GROUP:
            pdq = near(hashlib.sha256(f"{number}".encode()).hexdigest(), bits * (name > "m2"))
        return {"media_hashes": {"pdq": pdq, "pdq_quality": 90}}

    told = found(run, tmp_path, posts(rng, holds))
    assert [(each["accounts"], each["kinds"]) for each in told["clusters"]] == [(GROUP, [kind])]


def test_pictures_of_low_quality_and_other_digests_say_nothing(
    run: Run, tmp_path: Path, rng: random.Random
) -> None:
    def holds(name: str, number: int) -> dict[str, Any]:
        own = hashlib.sha256(f"{name} {number}".encode()).hexdigest()
        return {"media_hashes": [{"pdq": PDQ, "pdq_quality": 40}, {"sha256": own}, 7]}

    assert found(run, tmp_path, posts(rng, holds))["clusters"] == []


def drawn(seed: int) -> Image.Image:
    rng = random.Random(seed)  # noqa: S311 - a picture, no secret
    small = Image.frombytes("RGB", (12, 12), rng.randbytes(3 * 144))
    return small.resize((96, 96), Image.Resampling.BICUBIC)


def test_files_of_pictures_are_hashed_and_signers_are_shown(
    run: Run, tmp_path: Path, rng: random.Random
) -> None:
    (tmp_path / "media").mkdir()
    for hour in range(4):
        drawn(hour).save(tmp_path / f"media/{hour}.png")
        drawn(hour).resize((80, 80)).save(tmp_path / f"media/{hour}s.jpg", quality=80)
    signed = Path(__file__).parents[2] / "fixtures/signed/ai.jpg"
    shutil.copy(signed, tmp_path / "media/signed.jpg")

    def holds(name: str, number: int) -> dict[str, Any]:
        if name not in GROUP:
            return {"text": "alone"}
        media = f"media/{number}s.jpg" if name > "m2" else f"media/{number}.png"
        return {"media": [media if number < 4 else "media/signed.jpg"]}

    told = found(run, tmp_path, posts(rng, holds))
    (cluster,) = told["clusters"]
    assert cluster["accounts"] == GROUP
    assert cluster["kinds"] == ["same_credential_signer", "same_image", "similar_image"]
    (signer,) = [each for each in cluster["objects"] if each["kind"] == "same_credential_signer"]
    assert (signer["posts"], signer["members"]) == ([], GROUP)


def test_a_medium_outside_the_folder_is_named_and_not_opened(run: Run, tmp_path: Path) -> None:
    rows = [{"post_id": "p", "account_id": "a", "created_at": at(0), "media": ["../secret.png"]}]
    (tmp_path / "posts.jsonl").write_text(json.dumps(rows[0]))
    done = run("coordination", "posts.jsonl", "--format", "json")
    assert done.returncode == 3
    assert "../secret.png" in done.stderr
    assert json.loads(done.stdout)["skipped"]["unreadable_media"] == 1


def test_traits_of_accounts_are_shown_but_make_no_cluster(
    run: Run, tmp_path: Path, rng: random.Random
) -> None:
    def holds(name: str, number: int) -> dict[str, Any]:
        return {"text": words(f"{number}" if name in GROUP else f"{name} {number}")}

    rows = [
        {"account_id": f"s{n}", "created_at": at(-86400 * 7), "handle": f"name{n}"}
        for n in range(700)
    ]
    rows += [
        {"account_id": name, "created_at": at(-86400 * 90 + 60 * n), "handle": f"true_news_{n}"}
        for n, name in enumerate(GROUP)
    ]
    (tmp_path / "accounts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = found(run, tmp_path, posts(rng, holds), "--accounts", "accounts.jsonl")
    (cluster,) = told["clusters"]
    assert cluster["kinds"] == ["account_pattern", "copied_text"]
    shared = [each for each in cluster["objects"] if each["kind"] == "account_pattern"]
    assert [(each["members"], each["posts"]) for each in shared] == [(GROUP, [])] * 2
    assert "aligned_portraits" in {each["kind"] for each in told["not_assessed"]}


def test_portraits_agree_where_both_eyes_do() -> None:
    traits = Traits()
    traits.eyes = {f"m{n}": (0.38 + n / 250, 0.48, 0.62, 0.48) for n in range(5)}
    traits.eyes |= {"s1": (0.38, 0.48, 0.65, 0.48), "s2": (0.2, 0.3, 0.5, 0.3)}
    (shared,) = traits.shared(traits.eyes)
    assert (shared.kind, shared.members) == ("aligned_portraits", GROUP)


def test_avatars_are_looked_at(run: Run, tmp_path: Path) -> None:
    drawn(1).save(tmp_path / "a.png")
    (tmp_path / "accounts.jsonl").write_text('{"account_id": "a", "avatar": "a.png"}\n')
    rows = [{"post_id": "p", "account_id": "a", "created_at": at(0), "text": "alone"}]
    told = found(run, tmp_path, rows, "--accounts", "accounts.jsonl")
    assert "aligned_portraits" not in {each["kind"] for each in told["not_assessed"]}
