"""A case of two groups among strangers: built once."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

FIXTURES = Path(__file__).parent.parent.parent / "fixtures"
START = datetime(2023, 11, 14, 22, tzinfo=UTC)
ONE, TWO = [f"one{n}" for n in range(4)], [f"two{n}" for n in range(5)]
STRANGERS = [f"stranger{n}" for n in range(14)]
WORDS = [f"{a}{b}{c}" for a in ("lin", "mar", "tos", "vel", "dor") for b in "aeiou" for c in "ntrs"]


def drawn(rng: random.Random) -> Image.Image:
    """Return a picture like no other: boxes upon boxes."""
    picture = Image.new("RGB", (256, 256), (90, 120, 150))
    draw = ImageDraw.Draw(picture)
    for _ in range(70):
        x, y = rng.randrange(256), rng.randrange(256)
        colour = tuple(rng.randrange(20, 235) for _ in range(3))
        draw.rectangle((x, y, x + rng.randrange(8, 90), y + rng.randrange(8, 90)), colour)
    return picture


def posts(rng: random.Random) -> Iterator[dict[str, Any]]:
    """Yield the posts: of groups the same texts within minutes, of strangers their own."""
    number = iter(range(10_000))

    def post(who: str, minutes: float, text: str, **more: Any) -> dict[str, Any]:
        at = (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"post_id": f"p{next(number)}", "account_id": who, "created_at": at, "text": text,
                **more}  # fmt: skip

    def sentence() -> str:
        return " ".join(rng.sample(WORDS, 12))

    for group, link in ((ONE, "http://shop.example/buy?id=7"), (TWO, None)):
        for hour in range(6):
            text = sentence()
            for who in group:
                urls = {"urls": [link]} if link else {}
                yield post(who, 60 * hour + rng.random() * 4, text, **urls)
    for who in STRANGERS:
        for _ in range(7):
            yield post(who, rng.random() * 480, sentence())
        yield post(who, rng.random() * 15, "Good morning everyone and have a very nice day")


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with posts.jsonl, accounts.jsonl, avatars, a bank, and the case of them."""
    folder, rng = tmp_path_factory.mktemp("scene"), random.Random(7)  # noqa: S311 - a scene
    (folder / "avatars").mkdir()
    (folder / "known").mkdir()
    whole, known = drawn(rng), drawn(rng)
    known.save(folder / "known/kept-a.png")
    pictures = {
        "two0": (whole, {"quality": 90}),
        "two1": (whole.crop((14, 9, 256, 256)), {"quality": 85}),
        "stranger0": (known, {"quality": 80}),
        "stranger1": (drawn(rng), {}),
    }
    accounts = [
        {"account_id": who, "platform": "x", "handle": f"h_{who}",
         "name": f"{who} <script>alert(1)</script>", "bio": "=cmd|' /C calc'!A0"}
        for who in (*ONE, *TWO, *STRANGERS)
    ]  # fmt: skip
    for account in accounts:
        if account["account_id"] in pictures:
            picture, how = pictures[account["account_id"]]
            account["avatar"] = f"avatars/{account['account_id']}.jpg"
            picture.save(folder / account["avatar"], **how)
        elif account["account_id"] == "stranger2":
            account["avatar"] = "avatars/signed.jpg"
            shutil.copyfile(FIXTURES / "signed/ai.jpg", folder / "avatars/signed.jpg")
        elif account["account_id"] == "stranger3":
            account["avatar"] = "../outside.jpg"
    for name, rows in (("posts", list(posts(rng))), ("accounts", accounts)):
        lines = "".join(json.dumps(row) + "\n" for row in rng.sample(rows, len(rows)))
        (folder / f"{name}.jsonl").write_text(lines)
    provenance(folder, "bank", "add", "--bank", "fakes.bank", "--class", "ai_face", "known")
    build(folder, "case")
    return folder


def build(folder: Path, out: str, *more: str) -> None:
    """Build the case of a scene."""
    provenance(
        folder, "case", "build", "posts.jsonl", "--accounts", "accounts.jsonl", "--bank",
        "fakes.bank", "--only", "credentials,metadata,text_marks,known_fakes", "--out", out,
        "--name", "scene", *more,
    )  # fmt: skip


def provenance(folder: Path, *args: str) -> str:
    """Run the command in a scene; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "provenance", *args],
        cwd=folder, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def command(scene: Path) -> Callable[..., str]:
    """Return what runs the command in the scene."""
    return lambda *args: provenance(scene, *args)


@pytest.fixture(scope="session")
def rebuild(scene: Path) -> Callable[..., None]:
    """Return what builds the case again, into another folder."""
    return lambda out, *more: build(scene, out, *more)
