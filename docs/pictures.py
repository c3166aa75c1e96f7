"""The pictures of the docs: pages as a browser shows them, of scenes that are made here.

    python docs/pictures.py

writes `report.webp` (the report of the walk in `docs/runs.md`) and `case.webp` (a case of accounts
that post together, drawn by lot) beside this file. It needs the system's Chromium ($CHROMIUM).
"""

import io
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import takedown
from PIL import Image
from playwright.sync_api import sync_playwright

HERE: Final = Path(__file__).parent
FAKES: Final = takedown.FIXTURES / "fakes"
WINDOW: Final = {"width": 1280, "height": 900}
QUALITY: Final = 70
MODELS: Final = "image_model,portrait,text_model"
"""Left out: what they say of drawn pictures is of no interest."""
START: Final = datetime(2026, 3, 1, 8, tzinfo=UTC)
RINGS: Final = {"linden": 14, "harbour": 9}
"""Name of a group → how many accounts it has."""
STRANGERS: Final = 30
WORDS: Final = [
    *("the", "bridge", "council", "numbers", "harbour", "closed", "nobody", "says", "why", "again"),
    *("morning", "people", "market", "water", "school", "road", "vote", "night", "money", "plan"),
    *("letter", "station", "river", "doctor", "street", "winter", "answer", "question", "train"),
]


def run(folder: Path, *args: str) -> None:
    """Run the command in a folder; findings are expected."""
    command = [sys.executable, "-m", "provenance", *args]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(args)}: {done.stderr}")


def posts(rng: random.Random) -> Iterator[dict[str, Any]]:
    """Yield posts: of groups the same texts within minutes, of strangers their own."""
    numbers = iter(range(10_000))

    def post(who: str, minutes: float, text: str) -> dict[str, Any]:
        at = (START + timedelta(minutes=minutes)).isoformat(timespec="seconds")
        return {"post_id": f"p{next(numbers)}", "account_id": who, "created_at": at, "text": text}

    for ring, count in RINGS.items():
        for _ in range(9):
            text, begin = " ".join(rng.sample(WORDS, 11)), rng.random() * 60 * 30
            for member in rng.sample(range(count), count - rng.randrange(3)):
                yield post(f"{ring}-{member}", begin + rng.random() * 5, text)
    for stranger in range(STRANGERS):
        for _ in range(8):
            yield post(
                f"person-{stranger}", rng.random() * 60 * 30, " ".join(rng.sample(WORDS, 11))
            )


def case(folder: Path) -> Path:
    """Make a case, with avatars of which a bank knows one; return its page."""
    rng = random.Random(4)  # noqa: S311 - a scene
    rows = "".join(json.dumps(post) + "\n" for post in posts(rng))
    (folder / "posts.jsonl").write_text(rows)
    pictures = sorted((FAKES / "queries").glob("*.jpg"))[:2] + sorted(
        (FAKES / "negatives").glob("*.jpg")
    )
    accounts = []
    for number, who in enumerate(["linden-0", "harbour-3", "person-1", "person-2", "person-3"]):
        (folder / f"{who}.jpg").write_bytes(pictures[number].read_bytes())
        accounts.append({"account_id": who, "platform": "x", "avatar": f"{who}.jpg"})
    (folder / "accounts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in accounts))
    run(folder, "bank", "add", "--bank", "known.bank", str(FAKES / "known"))
    run(
        folder, "case", "build", "posts.jsonl", "--accounts", "accounts.jsonl", "--bank",
        "known.bank", "--without", MODELS, "--out", "linden",
    )  # fmt: skip
    return folder / "linden/case.html"


def report(folder: Path) -> Path:
    """Make the run of the walk through `takedown.zip`; return its report."""
    takedown.write(folder)
    run(folder, "bank", "add", "--bank", "known.bank", "known")
    run(
        folder, "scan", "takedown.zip", "--out", "takedown.run", "--bank", "known.bank",
        "--without", MODELS,
    )  # fmt: skip
    run(folder, "report", "takedown.run")
    return folder / "takedown.run/report.html"


def main() -> None:
    """Make the scenes, open their pages, and keep what is seen."""
    chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=WINDOW)
        for name, make, shown in (("report", report, None), ("case", case, "#network-title")):
            folder = Path(scratch) / name
            folder.mkdir()
            page.goto(make(folder).as_uri())
            page.wait_for_timeout(1000)
            if shown:
                page.locator(shown).evaluate("element => element.scrollIntoView()")
                page.wait_for_timeout(500)
            picture = Image.open(io.BytesIO(page.screenshot()))
            picture.save(HERE / f"{name}.webp", "WEBP", quality=QUALITY, method=6)
        browser.close()


if __name__ == "__main__":
    main()
