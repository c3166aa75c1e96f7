"""CPU an item of the cheap detectors, as a multiple of decoding the same pictures with Pillow.

    python benchmarks/cheap.py [FOLDER]

Pictures are JPEGs of 512 x 512 at quality 85, from those of FOLDER or drawn. CPU is user + sys of
the whole process tree; start-up is taken off by a run over one picture. Best of three.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

PICTURES = 400
ROUNDS = 3
RUNS = {
    "credentials,metadata": ["--only", "credentials,metadata"],
    "the same into a run": ["--only", "credentials,metadata", "--out", "RUN"],
    "with hashes, into a run": ["--only", "credentials,metadata,known_fakes", "--out", "RUN"],
}
"""What is run: known_fakes without a bank stands for a detector of pixels, for which a run hashes
every picture."""


def drawn(number: int) -> Image.Image:
    """Return shapes under noise."""
    picture = Image.effect_noise((512, 512), 40).filter(ImageFilter.GaussianBlur(1)).convert("RGB")
    draw = ImageDraw.Draw(picture, "RGBA")
    for step in range(0, 512, 48):
        fill = (step // 2, number % 256, 200, 120)
        draw.ellipse((step, step // 2, step + 150, step // 2 + 200), fill=fill)
    return picture


def written(folder: Path, source: Path | None) -> list[Path]:
    """Write the pictures and return their paths."""
    found = sorted(source.rglob("*.*")) if source else []
    found = [path for path in found if path.suffix in (".jpg", ".jpeg", ".png", ".webp")]
    paths = []
    for number in range(PICTURES):
        picture = Image.open(found[number % len(found)]) if found else drawn(number)
        paths.append(folder / f"{number:04}.jpg")
        picture.convert("RGB").resize((512, 512)).save(paths[-1], quality=85)
    return paths


def decoding(paths: list[Path]) -> float:
    """Return the CPU seconds of decoding a picture."""
    began = time.process_time()
    for path in paths:
        with Image.open(path) as picture:
            picture.convert("RGB").load()
    return (time.process_time() - began) / len(paths)


def cost(folder: Path, options: list[str]) -> float:
    """Return the CPU seconds of a scan."""
    with tempfile.TemporaryDirectory() as scratch:
        run = [str(Path(scratch) / "run") if each == "RUN" else each for each in options]
        command = [sys.executable, "-m", "provenance", "scan", str(folder), "--format", "jsonl"]
        before = os.times()
        subprocess.run([*command, "-j", "1", *run], stdout=subprocess.DEVNULL, check=False)
        after = os.times()
    spent = (after.children_user, after.children_system)
    return sum(spent) - before.children_user - before.children_system


def main() -> None:
    """Measure and print."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory() as scratch:
        many, one = Path(scratch) / "many", Path(scratch) / "one"
        many.mkdir(), one.mkdir()
        paths = written(many, source)
        (one / "0.jpg").write_bytes(paths[0].read_bytes())
        alone = min(decoding(paths) for _ in range(ROUNDS))
        print(f"decoding: {1000 * alone:.2f} ms, n = {len(paths)}, {ROUNDS} rounds")
        for name, options in RUNS.items():
            whole, start = (min(cost(each, options) for _ in range(ROUNDS)) for each in (many, one))
            each = (whole - start) / (len(paths) - 1)
            print(f"{name}: {1000 * each:.2f} ms, {each / alone:.2f} of decoding")


if __name__ == "__main__":
    main()
