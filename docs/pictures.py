"""The pictures of the docs: pages as a browser shows them, of scenes that are made here.

    python docs/pictures.py [report|case|page]…

writes `report.webp` (the report of the walk in `docs/runs.md`), `case.webp` (a case of accounts
that post together, drawn by lot) and `page.webp` (the page of `serve`) beside this file. It needs
the system's Chromium ($CHROMIUM).
"""

import io
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import takedown
from PIL import Image
from playwright.sync_api import sync_playwright

HERE: Final = Path(__file__).parent
FAKES: Final = takedown.FIXTURES / "fakes"
WINDOW: Final = {"width": 1280, "height": 900}
QUALITY: Final = 70
LISTENS: Final = re.compile(r"listening at (http://[^/]+/)")
MODELS: Final = "image_model,portrait,text_model"
"""Left out: what they say of drawn pictures is of no interest."""


def run(folder: Path, *args: str) -> None:
    """Run the command in a folder; findings are expected."""
    command = [sys.executable, "-m", "provenance", *args]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(args)}: {done.stderr}")


def case(folder: Path) -> Path:
    """Make a case, with avatars of which a bank knows one; return its page."""
    (folder / "posts.jsonl").write_text(takedown.feed())
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


def ask(folder: Path, page: Any) -> None:
    """Put a file on the page of `serve`, and wait for its verdict."""
    command = [sys.executable, "-m", "provenance", "serve", "--port", "0", "--without", MODELS]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as service:
        assert service.stderr is not None  # noqa: S101 - it was asked for
        lines = (LISTENS.search(line) for line in service.stderr)
        page.goto(next(found[1] for found in lines if found))
        chosen = takedown.FIXTURES / "signed/laundered.jpg"
        page.locator("input[type=file]").set_input_files(chosen)
        page.locator("article:not([aria-busy])").wait_for()
        keep(page, "page")
        service.terminate()


def keep(page: Any, name: str) -> None:
    """Write what is seen as a picture."""
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.save(HERE / f"{name}.webp", "WEBP", quality=QUALITY, method=6)


def main() -> None:
    """Make the scenes that are named (or all), open their pages, and keep what is seen."""
    chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    wanted = sys.argv[1:] or ["report", "case", "page"]
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=WINDOW)
        for name, make, shown in (("report", report, None), ("case", case, "#network-title")):
            if name in wanted:
                (folder := Path(scratch) / name).mkdir()
                page.goto(make(folder).as_uri())
                page.wait_for_timeout(1000)
                if shown:
                    page.locator(shown).evaluate("element => element.scrollIntoView()")
                    page.wait_for_timeout(500)
                keep(page, name)
        if "page" in wanted:
            ask(Path(scratch), page)
        browser.close()


if __name__ == "__main__":
    main()
