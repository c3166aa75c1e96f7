"""What a scan costs: CPU beside decoding the same pictures with Pillow, in the same rounds.

    python benchmarks/cheap.py [--pictures FOLDER] [--known-fakes DIR] [--into docs/runs.md]

Pictures are JPEGs of 512 x 512 at quality 85, from those of FOLDER or drawn. CPU is user + sys of
the whole process tree on one worker; a run over one item is taken off where a cost is an item's.
DIR holds gallery/ and negatives/: pictures of a bank with local features, and others. Each row is
the median of the rounds, with the least and the most; a round decodes first. `--into` replaces the
section Costs, the last one, of a page.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median
from subprocess import DEVNULL
from typing import Final

from PIL import Image, ImageDraw, ImageFilter

PICTURES: Final = 400
"""How many at most; each is another one, since equal bytes are looked at once."""
TEXTS: Final = 100_000
STORED: Final = 20_000
UNMATCHED: Final = 80
ROUNDS: Final = 5
A_FOLDER: Final = 200
"""Texts of one folder."""
LOOK: Final = 0.05
"""Seconds between two looks at how much memory a process has held."""
CHEAP: Final = {
    "`--only credentials,metadata`": (["--only", "credentials,metadata"], 0.25),
    "the same into a run": (["--only", "credentials,metadata", "--out", "RUN"], 0.25),
    "credentials, metadata, SHA-256 and PDQ (`--fingerprints`)": (
        ["--only", "credentials,metadata", "--fingerprints"],
        2.2,
    ),
    "all cheap detectors and hashes, into a run": (
        ["--only", "credentials,metadata,text_marks,known_fakes", "--fingerprints", "--out", "RUN"],
        2.2,
    ),
}
"""What is done with pictures → how, and the most it may cost as a multiple of decoding. known_fakes
without a bank stands for a detector of pixels, for which a run hashes every picture."""


def drawn(number: int) -> Image.Image:
    """Return shapes under noise."""
    picture = Image.effect_noise((512, 512), 40).filter(ImageFilter.GaussianBlur(1)).convert("RGB")
    draw = ImageDraw.Draw(picture, "RGBA")
    for step in range(0, 512, 48):
        fill = (step // 2, number % 256, 200, 120)
        draw.ellipse((step, step // 2, step + 150, step // 2 + 200), fill=fill)
    return picture


def pictures(folder: Path, source: Path | None) -> list[Path]:
    """Write the pictures and return their paths."""
    found = sorted(source.rglob("*.*")) if source else []
    found = [path for path in found if path.suffix in (".jpg", ".jpeg", ".png", ".webp")]
    paths = []
    for number in range(min(PICTURES, len(found)) if source else PICTURES):
        picture = Image.open(found[number]) if source else drawn(number)
        paths.append(folder / f"{number:04}.jpg")
        picture.convert("RGB").resize((512, 512)).save(paths[-1], quality=85)
    return paths


def texts(folder: Path, count: int) -> Path:
    """Write tiny texts, a few hundred a folder."""
    for number in range(count):
        inner = folder / f"{number // A_FOLDER:04}"
        if number % A_FOLDER == 0:
            inner.mkdir(parents=True)
        (inner / f"{number:06}.txt").write_text(f"tiny text {number}\n")
    return folder


def decoding(paths: list[Path]) -> float:
    """Return the CPU seconds of decoding a picture."""
    began = time.process_time()
    for path in paths:
        with Image.open(path) as picture:
            picture.convert("RGB").load()
    return (time.process_time() - began) / len(paths)


def cost(folder: Path, options: list[str]) -> tuple[float, float]:
    """Return the CPU seconds of a scan, and how many MB its first process held at most.

    Args:
        folder: what is scanned.
        options: of the scan; RUN stands for a fresh folder.
    """
    with tempfile.TemporaryDirectory() as scratch:
        given = [str(Path(scratch) / "run") if each == "RUN" else each for each in options]
        command = [sys.executable, "-m", "provenance", "scan", str(folder), "--format", "jsonl"]
        before, held = os.times(), 0.0
        process = subprocess.Popen([*command, "-j", "1", *given], stdout=DEVNULL)
        while process.poll() is None:
            with suppress(OSError, StopIteration):
                status = Path(f"/proc/{process.pid}/status").read_text()
                peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
                held = max(held, int(peak.split()[1]) / 1024)
            time.sleep(LOOK)
        after = os.times()
    spent = after.children_user + after.children_system
    return spent - before.children_user - before.children_system, held


def spread(values: list[float], form: str) -> str:
    """Return the median, the least and the most."""
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def of_pictures(many: Path, one: Path, paths: list[Path]) -> Iterator[str]:
    """Yield the rows of pictures: costs as multiples of decoding."""
    alone, ratios = list[float](), {name: list[float]() for name in CHEAP}
    for _ in range(ROUNDS):
        alone.append(decoding(paths))
        for name, (options, _) in CHEAP.items():
            whole, start = (cost(each, options)[0] for each in (many, one))
            ratios[name].append((whole - start) / (len(paths) - 1) / alone[-1])
    n, shown = len(paths), spread([1000 * each for each in alone], ".2f")
    yield f"| decoding a picture of 512 px | {n} | {shown} ms | |"
    for name, (_, bar) in CHEAP.items():
        yield f"| {name} | {n} | {spread(ratios[name], '.2f')} of decoding | {bar} |"


def of_texts(scratch: Path) -> Iterator[str]:
    """Yield the rows of tiny texts: an item's cost, and what is not done again."""
    look = ["--only", "text_marks", "--out"]
    one, some, many = (
        texts(scratch / name, n) for name, n in (("one", 1), ("some", STORED), ("many", TEXTS))
    )
    start = cost(one, [*look, "RUN"])[0]
    spent, held = cost(many, [*look, "RUN"])
    each = 1000 * (spent - start) / (TEXTS - 1)
    yield f"| tiny texts into a run, each | {TEXTS:,} | {each:.2f} ms | 0.3 |"
    yield f"| memory of the first process meanwhile | {TEXTS:,} | {held:.0f} MB | 100 |"
    run = str(scratch / "run")
    cost(some, [*look, run])
    resumed = [cost(some, [*look, run])[0] for _ in range(ROUNDS)]
    policies = ("newsroom", "default") * ROUNDS
    judged = [cost(some, [*look, run, "--policy", name])[0] for name in policies[:ROUNDS]]
    yield f"| the same command again, whole | {STORED:,} | {spread(resumed, '.1f')} s | 3 |"
    yield f"| another policy, whole | {STORED:,} | {spread(judged, '.1f')} s | 3 |"


def of_banks(scratch: Path, known: Path) -> Iterator[str]:
    """Yield the row of pictures that a bank with local features does not know."""
    from detectors.catalog import catalog
    from provenance.engine.check import Engine
    from provenance.engine.config import configure
    from provenance.intake import files

    bank, command = str(scratch / "fakes"), [sys.executable, "-m", "provenance", "bank", "add"]
    subprocess.run([*command, str(known / "gallery"), "--bank", bank], check=True, stdout=DEVNULL)
    engine = Engine(configure(catalog(), today="2026-01-01", only=["known_fakes"], banks=[bank]))
    spent = list[float]()
    for path in sorted((known / "negatives").iterdir())[:UNMATCHED]:
        item = files.item(str(path), follow=False)
        picture = item.picture  # decoded before the clock starts
        began = time.process_time()
        (signal,) = engine.check(item).signals
        if picture and not signal.reason.args.get("parts"):
            spent.append(1000 * (time.process_time() - began))
    del spent[0]  # it loads the index
    name = (
        "a picture without pictures in it, unknown to a bank with local features, beyond decoding"
    )
    yield f"| {name} | {len(spent)} | {spread(spent, '.0f')} ms | 30 |"


def table(source: Path | None, known: Path | None) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| what | n | measured: median (least to most) | aim |"
    yield "|---|---|---|---|"
    with tempfile.TemporaryDirectory() as scratch:
        many, one = Path(scratch) / "pictures", Path(scratch) / "picture"
        many.mkdir(), one.mkdir()
        paths = pictures(many, source)
        (one / "0.jpg").write_bytes(paths[0].read_bytes())
        yield from of_pictures(many, one, paths)
        yield from of_texts(Path(scratch) / "texts")
        if known is not None:
            yield from of_banks(Path(scratch), known)


def written(page: Path, lines: list[str], of: str) -> None:
    """Put the table at the end of a page, in the place of the last one."""
    body = page.read_text("utf-8").partition("\n## Costs\n")[0].rstrip("\n")
    said = (
        f"CPU (user and system, all processes, one worker) on one machine, {ROUNDS} rounds; {of}.\n"
        "`python benchmarks/cheap.py` measures it.\n"
    )
    page.write_text("\n".join([body, "", "## Costs", "", said, *lines, ""]), "utf-8")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, help="folder of pictures; default: drawn ones")
    parser.add_argument("--known-fakes", type=Path, help="folder with gallery/ and negatives/")
    parser.add_argument("--into", type=Path, help="page whose last section is replaced")
    given = parser.parse_args()
    lines = []
    for line in table(given.pictures, given.known_fakes):
        print(line, flush=True)
        lines.append(line)
    if given.into:
        written(given.into, lines, "photographs" if given.pictures else "drawn pictures")


if __name__ == "__main__":
    main()
