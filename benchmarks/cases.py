"""What the page of a case costs: CPU of building it, and of a browser that opens and pans it.

    python benchmarks/cases.py [--accounts 500] [--posts 20000]

The scene is drawn by lot (seed 1): four fifths of the accounts stand in clusters of 40 that post
the same texts within 200 s each, the rest post texts of their own, all over 20 days. The browser is
the system's Chromium, in a window of 1280 x 900; its CPU is user + sys of all its processes. A step
is one press of an arrow key in the drawing with every cluster opened.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page, sync_playwright

CHROMIUM: Final = os.environ.get("CHROMIUM", "/usr/bin/chromium")
START: Final = datetime(2024, 3, 1, tzinfo=UTC)
DAYS: Final = 20
CLUSTER: Final = 40
WITHIN: Final = 200
STEPS: Final = 20
WORDS: Final = [a + b + c + d for a in "blmprt" for b in "aeiou" for c in "nstk" for d in "aeo"]


def scene(accounts: int, posts: int) -> Iterator[dict[str, Any]]:
    """Yield the posts."""
    rng = random.Random(1)  # noqa: S311 - a scene
    each = posts // accounts
    clusters = accounts * 4 // 5 // CLUSTER

    def post(number: int, who: str, seconds: float, text: str) -> dict[str, Any]:
        at = (START + timedelta(seconds=seconds)).isoformat(timespec="seconds")
        return {"post_id": f"p{number}", "account_id": who, "created_at": at, "text": text}

    numbers = iter(range(posts + accounts))
    for cluster in range(clusters):
        for _ in range(each):
            text, begin = " ".join(rng.sample(WORDS, 12)), rng.random() * 86400 * DAYS
            for member in range(CLUSTER):
                when = begin + rng.random() * WITHIN
                yield post(next(numbers), f"c{cluster}_{member}", when, text)
    for stranger in range(accounts - clusters * CLUSTER):
        for _ in range(each):
            text, when = " ".join(rng.sample(WORDS, 12)), rng.random() * 86400 * DAYS
            yield post(next(numbers), f"s{stranger}", when, text)


def browser_cpu() -> float:
    """Return the CPU seconds that all processes of browsers have used."""
    used = 0.0
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError, IndexError):
            name, _, rest = (folder / "stat").read_text().rpartition(")")
            if "chrom" in name:
                used += sum(map(int, rest.split()[11:13])) / os.sysconf("SC_CLK_TCK")
    return used


def opened(page: Page, path: Path) -> tuple[float, float]:
    """Return the CPU seconds of opening a page, and of a step in its drawing."""
    before = browser_cpu()
    page.goto(path.as_uri())
    page.wait_for_timeout(1500)
    ready = browser_cpu() - before
    drawing = page.locator("#network")
    drawing.scroll_into_view_if_needed()
    drawing.focus()
    while page.evaluate("opened.size < clusters.length"):
        page.keyboard.press("Enter")
    page.wait_for_timeout(1000)
    before = browser_cpu()
    for _ in range(STEPS):
        page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(100)
    return ready, (browser_cpu() - before) / STEPS


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=500)
    parser.add_argument("--posts", type=int, default=20_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        rows = scene(given.accounts, given.posts)
        (folder / "posts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        command = ["case", "build", "posts.jsonl", "--only", "text_marks", "--out", "case"]
        subprocess.run([sys.executable, "-m", "provenance", *command], cwd=folder, check=True)
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        path = folder / "case/case.html"
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            ready, step = opened(browser.new_page(viewport={"width": 1280, "height": 900}), path)
            browser.close()
        print(f"| accounts, posts | {given.accounts:,}, {given.posts:,} |\n|---|---|")
        print(f"| case build, text marks alone | {spent.ru_utime + spent.ru_stime:.1f} CPU s |")
        print(f"| the page | {path.stat().st_size / 1e6:.1f} MB |")
        print(f"| opened | {ready:.1f} CPU s |\n| a step | {1000 * step:.0f} ms |")


if __name__ == "__main__":
    main()
