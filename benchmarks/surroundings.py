"""Measure how known faces are found inside screens, memes and collages; write docs/known-fakes.md.

    python benchmarks/surroundings.py --known-fakes DIR [--clones DIR] [--entries N]
        [--beside COMMAND] [--write]

DIR of `--known-fakes` holds gallery/, negatives/ and MANIFEST.jsonl (`path`, `role`, `kind`).
`--clones` is a folder with bare clones of the repositories named below, as OWNER+NAME; without it
the bank is the gallery, the strangers are the negatives that show a face, and flags are left out.
`--entries` fills the bank up with hashes that lie around those of its pictures (18 % of the bits
changed). `--beside` is the command of another version, whose CPU time stands beside. The font is
that of the Debian package fonts-dejavu-core. All is drawn from one seed.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from known_fakes import PART, altered, entry, ones  # type: ignore[import-not-found]
from PIL import Image, ImageDraw, ImageFont

from detectors.bank.entry import Hash
from detectors.bank.folder.store import writing
from detectors.hashing.views import hash_views
from detectors.item import Item
from detectors.models.statistics import wilson

FACES = ("hmdghoul+generated-faces", "59ccdc22f394311d9eda526e1d3d29db3ef2e3ec", "images")
FLAGS = ("pronouns+pride-flags-png", "9735e7ad81147e1dfb920da3c0533d6ec8fd26d6", "flags")
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
SEED = 20261129
BANKED = 2000
STRANGERS = 300
"""Faces that are in no bank; the first 100 of them are put into screens as well."""
SCREENS = (
    (400, 800, 128), (600, 1200, 160), (750, 1334, 160), (800, 600, 150), (1080, 2400, 220),
    (1080, 2400, 300), (1170, 2532, 330), (1440, 900, 134), (1920, 1080, 134), (1920, 1080, 200),
)  # fmt: skip
"""Width, height and avatar, in pixels."""
GRIDS = ((2, 200), (3, 200), (3, 128), (5, 128), (5, 96))
"""Cells on a side of a collage, and pixels of a cell."""
WORDS = (
    "Market day again, bring a bag.",
    "They closed the bridge without a word.",
    "Who else has no water this morning?",
    "Thread: what the council does not tell you",
    "Good luck to all who sit exams today!",
)
PAGE = Path(__file__).parents[1] / "docs" / "known-fakes.md"
DOUBLE = 16
"""Bits of PDQ within which two faces are one: the generator gave some twice."""
OTHER_COLOUR = 24
OTHER_SHARE = 0.05
"""Levels, and share of the area that differs by more, from which two flags are two."""
COMMAND = [sys.executable, "-m", "provenance"]


def screen(face: Image.Image, size: tuple[int, int, int], rng: np.random.Generator) -> Image.Image:
    """Draw a profile page: a banner, an avatar in a circle or square, posts beside it."""
    width, height, side = size
    dark = rng.random() < 0.3
    back, ink = ((21, 32, 43), (225, 232, 237)) if dark else ((255, 255, 255), (20, 23, 26))
    page = Image.new("RGB", (width, height), back)
    pen = ImageDraw.Draw(page)
    banner = int(side * rng.uniform(0.9, 1.6))
    first, last = (rng.integers(40, 200, 3) for _ in range(2))
    for row in range(banner):
        colour = first + (last - first) * row // banner
        pen.line((0, row, width, row), tuple(int(each) for each in colour))
    left, top = int(side * rng.uniform(0.1, 0.4)), banner - int(side * rng.uniform(0.4, 0.7))
    ring = int(rng.choice([0, 2, 4]))
    shape = Image.new("L", (4 * side, 4 * side), 0)
    if rng.random() < 0.8:
        ImageDraw.Draw(shape).ellipse((0, 0, 4 * side - 1, 4 * side - 1), 255)
    else:
        ImageDraw.Draw(shape).rounded_rectangle((0, 0, 4 * side - 1, 4 * side - 1), side // 2, 255)
    edge = side + 2 * ring
    page.paste(Image.new("RGB", (edge, edge), back), (left - ring, top - ring),
               shape.resize((edge, edge), Image.Resampling.LANCZOS))  # fmt: skip
    page.paste(face.resize((side, side), Image.Resampling.LANCZOS), (left, top),
               shape.resize((side, side), Image.Resampling.LANCZOS))  # fmt: skip
    large, small = (ImageFont.truetype(FONT, max(11, side // part)) for part in (8, 10))
    row = banner + side // 4
    while row < height - side // 2:
        pen.text((left + side * 5 // 4, row), "Example Person  2h", ink, large)
        pen.text((left + side * 5 // 4, row + side // 6), str(rng.choice(WORDS)), ink, small)
        row += int(side * 0.62)
    return page


def meme(face: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Draw a picture between two captions on a plain ground."""
    ground, ink = [("black", "white"), ("white", "black")][int(rng.integers(2))]
    large = ImageFont.truetype(FONT, 56)
    page = Image.new("RGB", (800, 1000), ground)
    left, top = int(rng.integers(80, 220)), int(rng.integers(170, 260))
    page.paste(face.resize((500, 500), Image.Resampling.LANCZOS), (left, top))
    pen = ImageDraw.Draw(page)
    pen.text((60, 40), "WHEN THE POLLS CLOSE", ink, large)
    pen.text((60, 800), "AND NOBODY CALLED", ink, large)
    return page


def captioned(face: Image.Image, number: int) -> Image.Image:
    """Draw captions over a picture, in bars or as letters with an outline."""
    page = face.convert("RGB").resize((600, 600), Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(page)
    large = ImageFont.truetype(FONT, 42)
    for row, words in ((0, "WHEN THE POLLS CLOSE"), (500, "AND NOBODY CALLED")):
        if number % 2:
            pen.rectangle((0, row, 600, row + 100), "white")
            pen.text((40, row + 25), words, "black", large)
        else:
            pen.text((40, row + 25), words, "white", large, stroke_width=4, stroke_fill="black")
    return page


def collage(faces: list[Image.Image], side: int, rng: np.random.Generator) -> Image.Image:
    """Draw a square sheet of faces with a gutter between them."""
    across, gutter = round(len(faces) ** 0.5), int(rng.integers(3, 9))
    grey = int(rng.choice([0, 240, 255]))
    edge = across * side + (across + 1) * gutter
    page = Image.new("RGB", (edge, edge), (grey, grey, grey))
    for number, face in enumerate(faces):
        row, column = divmod(number, across)
        corner = gutter + column * (side + gutter), gutter + row * (side + gutter)
        page.paste(face.resize((side, side), Image.Resampling.LANCZOS), corner)
    return page


def drawn(
    banked: list[Path], strangers: list[Path]
) -> Iterator[tuple[str, list[str], Image.Image]]:
    """Yield the kind, the entries that are in it and the picture, of all that is asked."""
    rng = np.random.default_rng(SEED)
    chosen = iter(rng.permutation(len(banked)).tolist() * 2)

    def take(count: int) -> list[Path]:
        return [banked[next(chosen)] for _ in range(count)]

    for size in SCREENS:
        for path in take(4):
            yield "screens", [path.stem], screen(Image.open(path), size, rng)
    for path in take(10):
        yield "memes", [path.stem], meme(Image.open(path), rng)
    for number, path in enumerate(take(10)):
        yield "captions over it", [path.stem], captioned(Image.open(path), number)
    for across, side in GRIDS:
        for _ in range(2):
            some = take(across * across)
            page = collage([Image.open(path) for path in some], side, rng)
            yield f"collages {across} x {across}, {side} px", [each.stem for each in some], page
    for path in strangers:
        yield "strangers", [], Image.open(path)
    for number, path in enumerate(strangers[:100]):
        yield "screens of strangers", [], screen(Image.open(path), SCREENS[number % 10], rng)


def faces(clones: Path | None, data: Path, work: Path) -> tuple[list[Path], list[Path], str]:
    """Return pictures for the bank, strangers, and what they are."""
    if clones is None:
        rows = [json.loads(x) for x in (data / "MANIFEST.jsonl").read_text("utf-8").splitlines()]
        strange = [data / row["path"] for row in rows if "face" in (row.get("kind") or "")]
        known = sorted((data / "gallery").iterdir())
        return known, strange[:STRANGERS], "the gallery of the known-fakes data"
    every = sorted(unpacked(clones, FACES, work).rglob("*.jpg"))
    order = [every[n] for n in np.random.default_rng(SEED).permutation(len(every))]
    known, others = order[:BANKED], order[BANKED:]
    banked = np.stack([print_of(path) for path in known])
    strange = []
    for path in others:
        apart = np.bitwise_count(banked ^ print_of(path)).sum(axis=1, dtype=np.int64)
        strange += [path] if apart.min() > DOUBLE else []
        if len(strange) == STRANGERS:
            break
    return known, strange, f"faces of {FACES[0].replace('+', '/')} at {FACES[1][:12]}"


def print_of(path: Path) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """Return the PDQ of a picture."""
    return hash_views(Item(path.name, path.read_bytes).picture, gallery=True).pdq


def unpacked(clones: Path, source: tuple[str, str, str], work: Path) -> Path:
    """Return a folder with the files of a repository's commit."""
    name, commit, part = source
    into = work / name
    into.mkdir()
    found = [path for path in (clones / name, clones / name / "repo") if (path / "HEAD").exists()]
    packed = subprocess.run(
        ["git", "-C", str(found[0]), "archive", commit, part], capture_output=True, check=True
    )
    subprocess.run(["tar", "x", "-C", str(into)], input=packed.stdout, check=True)
    return into


def run(command: list[str], *args: str) -> tuple[list[dict[str, Any]], float]:
    """Return the records that a command printed, and its CPU milliseconds, start-up included."""
    env = dict(os.environ, OMP_NUM_THREADS="1")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([*command, *args], env=env, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    lines = [line for line in done.stdout.splitlines() if line.startswith(b"{")]
    return [json.loads(line) for line in lines], 1000 * spent


def scanned(command: list[str], bank: Path, folder: Path) -> tuple[list[dict[str, Any]], float]:
    """Return the records of a folder, and CPU milliseconds an item."""
    options = ("--only", "known_fakes", "--format", "jsonl", "--fail-on", "never")
    records, spent = run(command, "scan", *options, "--bank", str(bank), str(folder))
    return records, spent / max(1, len(records))


def matched(record: dict[str, Any]) -> set[str]:
    """Return the entries that a record names as known fakes."""
    said = record["signals"]
    return {each["facts"]["entry"] for each in said if each["claim"] == "known_fake"}


def filled(bank: Path, known: list[Path], size: int) -> None:
    """Fill a bank up with hashes around those of its pictures."""
    rng = np.random.default_rng(SEED)
    base = np.stack([print_of(path) for path in known])
    with writing(bank) as writer:
        while (missing := size - len(writer.bank.entries)) > 0:
            rows = [row for row in altered(rng, base, min(PART, missing), 0.18) if ones(row)]
            first = len(writer.bank.entries)
            for number, row in enumerate(rows, first):
                writer.put(entry(f"extra/{number}", {"pdq": (Hash(row.tobytes().hex()),)}))
            writer.commit()


def measured(options: argparse.Namespace, work: Path) -> Iterator[str]:
    """Yield the lines of the page."""
    known, strangers, what = faces(options.clones, options.known_fakes, work)
    truth: dict[str, tuple[str, list[str]]] = {}
    for number, (kind, entries, picture) in enumerate(drawn(known, strangers)):
        folder = work / "asked" / kind
        folder.mkdir(parents=True, exist_ok=True)
        picture.convert("RGB").save(folder / f"{number:04}.jpg", quality=85)
        truth[f"{number:04}.jpg"] = kind, entries
    banked, bank = work / "banked", work / "faces.bank"
    banked.mkdir()
    for path in known:
        (banked / path.name).write_bytes(path.read_bytes())
    run(COMMAND, "bank", "add", "--bank", str(bank), "--class", "ai_face", str(banked))
    filled(bank, known, options.entries)
    size = max(len(known), options.entries)
    extra = f", filled up to {size:,} with hashes around theirs" if size > len(known) else ""
    yield f"Bank: {len(known):,} {what}{extra}.\n"
    beside = " of the version before |" if options.beside else ""
    yield f"| what | faces in them | named | 95 % | wrong names | CPU ms a picture |{beside}"
    yield "|---|---|---|---|---|---|" + "---|" * bool(options.beside)
    for folder in sorted((work / "asked").iterdir()):
        records, spent = scanned(COMMAND, bank, folder)
        wanted = [(set(truth[Path(r["item"]["uri"]).name][1]), matched(r)) for r in records]
        count = sum(len(entries) for entries, _ in wanted)
        right = sum(len(entries & found) for entries, found in wanted)
        wrong = sum(bool(found - entries) for entries, found in wanted)
        share = between(right, count) if count else f"wrong {between(wrong, len(wanted))}"
        other = f" {scanned(options.beside.split(), bank, folder)[1]:.0f} |" * bool(options.beside)
        yield (
            f"| {folder.name} ({len(wanted)}) | {count} | {right if count else ''} | {share} | "
            f"{wrong} of {len(wanted)} | {spent:.0f} |{other}"
        )
    if options.clones:
        yield from flags(options.clones, work)


def between(count: int, of: int) -> str:
    """Return the interval of a share."""
    low, high = wilson(count, of)
    return f"{low:.3f} to {high:.3f}"


def flags(clones: Path, work: Path) -> Iterator[str]:
    """Yield how flags are told apart."""
    every = sorted(unpacked(clones, FLAGS, work).rglob("*.png"))
    order = [every[n] for n in np.random.default_rng(SEED).permutation(len(every))]
    known, asked = work / "flags", work / "asked flags"
    for folder, some in ((known, order[:300]), (asked, order[300:565])):
        folder.mkdir()
        for path in some:
            (folder / path.name).write_bytes(path.read_bytes())
    bank = work / "flags.bank"
    run(COMMAND, "bank", "add", "--bank", str(bank), str(known))
    records, _ = scanned(COMMAND, bank, asked)
    found = [(Path(r["item"]["uri"]).name, name) for r in records for name in matched(r)]
    other = [pair for pair in found if differ(asked / pair[0], known / f"{pair[1]}.png")]
    yield (
        f"\nFlags: of {len(records)} flags of {FLAGS[0].replace('+', '/')} at {FLAGS[1][:12]}, "
        f"asked of a bank of 300 others, {len(other)} match another flag "
        f"({between(len(other), len(records))}), and {len(found) - len(other)} one that is the "
        "same but for 5 % of its area at most."
    )


def differ(one: Path, other: Path) -> bool:
    """Tell whether two flags are two."""
    shown = [
        np.asarray(Image.fromarray(Item(path.name, path.read_bytes).picture.rgb).resize((64, 64)))
        for path in (one, other)
    ]
    apart = np.abs(shown[0].astype(int) - shown[1].astype(int)).max(axis=2)
    return bool((apart > OTHER_COLOUR).mean() > OTHER_SHARE)


INTRO = """
# Known fakes inside other pictures

Written by `benchmarks/surroundings.py`, which draws screens (a round or square avatar of 128 to
330 pixels over the edge of a banner, posts beside it), memes (a picture between two captions,
or with captions over it) and collages (2, 3 or 5 cells a side), and asks a bank of the faces in
them. Strangers are in no bank.
Each known face of a picture has to be named; a wrong name is a picture that names any other.
The pictures are drawn and saved as JPEG of quality 85: screens in the wild may be harder.
"""


def main() -> None:
    """Measure, print, and write the page where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--known-fakes", type=Path, required=True)
    parser.add_argument("--clones", type=Path)
    parser.add_argument("--entries", type=int, default=0)
    parser.add_argument("--beside", help="command of another version")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = []
        for line in measured(options, Path(folder)):
            print(line, flush=True)
            lines.append(line)
    if options.write:
        PAGE.write_text(f"{INTRO.strip()}\n\n" + "\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
