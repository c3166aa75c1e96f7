"""CPU of writing a report with pictures, its size, and how fast its page answers in a browser.

    python benchmarks/report.py [ITEMS]

Pictures are JPEGs of 512 x 512 at quality 85, 200 drawn ones, each with other bytes behind its end
so that no two files are equal; their records are those of every detector but the models. CPU is
user + sys of the whole process tree, the best of three; that of the page is the thread of Chromium
that runs it. The page is ready when it says how many items it shows.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cheap import drawn
from playwright.sync_api import sync_playwright

ITEMS = 10_000
DRAWN = 200
ROUNDS = 3
SETTLED_MS = 1200
"""After which the page has done what a click asks for."""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def written(folder: Path, items: int) -> None:
    """Write the pictures."""
    for number in range(min(items, DRAWN)):
        path = folder / f"{number:05}.jpg"
        drawn(number).save(path, quality=85)
        data = path.read_bytes()
        for copy in range(number + DRAWN, items, DRAWN):
            (folder / f"{copy:05}.jpg").write_bytes(data + str(copy).encode())


def cpu(*command: str, folder: Path) -> float:
    """Return the CPU seconds of a call."""
    before = os.times()
    call = [sys.executable, "-m", "provenance", *command]
    subprocess.run(call, cwd=folder, capture_output=True, check=False)
    after = os.times()
    spent = after.children_user + after.children_system
    return spent - before.children_user - before.children_system


def best(*command: str, folder: Path) -> float:
    """Return the least CPU seconds of some calls."""
    return min(cpu(*command, folder=folder) for _ in range(ROUNDS))


class Page:
    """A report in Chromium."""

    def __init__(self, browser: Any, file: Path, items: int) -> None:
        """Open it and wait until it shows all items."""
        self.page = browser.new_page(viewport={"width": 1280, "height": 900})
        self._session = self.page.context.new_cdp_session(self.page)
        self._session.send("Performance.enable")
        self.page.goto(file.as_uri(), timeout=120_000)
        self.page.get_by_role("status").filter(has_text=f"{items:,} of").wait_for(timeout=60_000)
        self.ready = self.spent()

    def spent(self) -> float:
        """Return the CPU seconds of its thread up to now."""
        said = self._session.send("Performance.getMetrics")["metrics"]
        return float({one["name"]: one["value"] for one in said}["ThreadTime"])

    def timed(self, act: Callable[[], object]) -> float:
        """Return the CPU seconds that an action takes."""
        before = self.spent()
        act()
        self.page.wait_for_timeout(SETTLED_MS)
        return self.spent() - before

    def actions(self) -> dict[str, Callable[[], object]]:
        """Return what is timed: filters on and off, a search, and every column sorted both ways."""
        risk = self.page.get_by_role("combobox", name="Risk")
        search = self.page.get_by_role("searchbox")
        acts: dict[str, Callable[[], object]] = {
            "filter by risk": lambda: risk.select_option("inconclusive"),
            "all risks": lambda: risk.select_option(""),
            "search": lambda: search.fill("00042"),
            "no search": lambda: search.fill(""),
        }
        for name in ("Name", "Verdict", "Not assessed", "Group", "Risk"):
            head = self.page.get_by_role("columnheader", name=name).get_by_role("button")
            acts |= {f"sort by {name}": head.click, f"sort by {name}, other way": head.click}
        return acts


def main() -> None:
    """Measure and print."""
    items = int(sys.argv[1]) if len(sys.argv) > 1 else ITEMS
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "in").mkdir()
        written(folder / "in", items)
        scan = ("scan", "in", "--out", "run", "--format", "jsonl")
        spent = cpu(*scan, "--without", "image_model,portrait", folder=folder)
        print(f"scan into a run, {items:,} pictures: {spent:.1f} CPU s")
        kept = best("report", "run", folder=folder)
        print(f"report of the run: {kept:.2f} CPU s")
        print(f"without pictures: {best('report', 'run', '--no-thumbnails', folder=folder):.2f}")
        alone = cpu("report", "run/records.jsonl", "--out", "alone.html", folder=folder)
        print(f"of the records alone, pictures made anew: {alone:.2f}")
        cpu("report", "run", folder=folder)
        file = folder / "run" / "report.html"
        print(f"page: {file.stat().st_size / 1e6:.1f} MB")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            began = time.monotonic()
            page = Page(browser, file, items)
            print(f"ready: {page.ready:.2f} CPU s, {time.monotonic() - began:.1f} s on the clock")
            took = {what: page.timed(act) for what, act in page.actions().items()}
            slowest = max(took, key=lambda what: took[what])
            print(f"slowest of {len(took)} filters and sorts: {took[slowest]:.3f} CPU s, {slowest}")
            browser.close()


if __name__ == "__main__":
    main()
