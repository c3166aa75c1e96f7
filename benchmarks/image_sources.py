"""Cut the pictures of benchmarks/image_pictures.tsv.gz out of clones.

    python benchmarks/image_sources.py --clones DIR --out DIR [--every N] [--table FILE]

The last attempts of docs/image-model.md learnt from them.

DIR of the clones holds bare clones as OWNER+NAME/repo (or OWNER+NAME). Every line of the list is a
picture that was kept by eye: repository, commit, path, label, generator, kind, split, and the first
12 hex digits of the SHA-256 of its bytes and a zero byte, which name the file and seed its draws.
All are cut alike, and byte for byte as they were: a short side over 1,400 px is first brought to
768 to 1,400; then shrunk by .5 to 1 (no short side below 192, nothing enlarged), cut to 384 px at
most, in the middle or anywhere, and stored as WebP of quality 90. Writes MANIFEST.jsonl too, as
`provenance train image_model` takes it. A picture that a clone lacks or that is another one is
named, and left out.
"""

import argparse
import csv
import gzip
import hashlib
import io
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from PIL import Image, ImageOps
from PIL.Image import Resampling

TABLE = Path("benchmarks/image_pictures.tsv.gz")
SEED = 7
LARGE, BROUGHT = 1400, (768, 1400)
"""Pixels of a short side over which it is first brought to some of these."""
LEAST, MOST = 192, 384
"""Pixels: no short side is shrunk below the first, no side kept beyond the second."""
AS_IT_IS = 0.995
"""A factor from which on a picture is not resampled."""
Row = dict[str, str]


def listed(path: Path) -> list[Row]:
    """Return the lines of the list, by repository."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return sorted(rows, key=lambda row: row["repo"])


def contents(clones: Path, repo: str, rows: list[Row]) -> Iterator[tuple[Row, bytes]]:
    """Yield the bytes of a repository's pictures, empty where the clone lacks one."""
    base = clones / repo.replace("/", "+")
    places = (base / "repo/.git", base / "repo", base)
    folder = next((place for place in places if (place / "HEAD").exists()), None)
    for row in rows if folder is not None else ():
        command = ["git", "-c", "safe.directory=*", "-C", str(folder), "show"]
        said = subprocess.run(
            [*command, f"{row['commit']}:{row['path']}"], capture_output=True, check=False
        )
        yield row, said.stdout
    if folder is None:
        yield from ((row, b"") for row in rows)


def cut(content: bytes, name: str) -> bytes:
    """Return a picture as it is learnt from; its name seeds the draws.

    Raises:
        OSError: it is no picture.
    """
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    draws = random.Random(int(name, 16) ^ SEED)  # noqa: S311 - a draw, no secret
    short = min(image.size)
    if short > LARGE:
        factor = draws.randint(*BROUGHT) / short
        kernel = Resampling.BOX if draws.random() < 0.5 else Resampling.BICUBIC
        image = _shrunk(image, factor, kernel)
    factor = max(draws.uniform(0.5, 1), min(1, LEAST / min(image.size)))
    if factor < AS_IT_IS:
        kernels = [Resampling.BICUBIC, Resampling.LANCZOS, Resampling.BOX]
        image = _shrunk(image, factor, draws.choice(kernels))
    width, height = image.size
    wide, high = min(width, MOST), min(height, MOST)
    left, top = (width - wide) // 2, (height - high) // 2
    if draws.random() >= 0.5:
        left, top = draws.randint(0, width - wide), draws.randint(0, height - high)
    out = io.BytesIO()
    image.crop((left, top, left + wide, top + high)).save(out, "WEBP", quality=90, method=4)
    return out.getvalue()


def _shrunk(image: Image.Image, factor: float, kernel: Resampling) -> Image.Image:
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, kernel)


def record(row: Row) -> dict[str, object]:
    """Return a picture's line of the manifest."""
    return {
        "file": f"{row['split']}/{row['name']}.webp",
        "label": row["label"],
        "generator": row["generator"] or None,
        "source": row["kind"],
        "repo": row["repo"],
        "path": row["path"],
        "face": False,
        "split": row["split"],
    }


def main() -> int:
    """Write the data folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--clones", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every Nth picture alone")
    asked = parser.parse_args()
    lines = []
    for repo, rows in groupby(listed(asked.table)[:: asked.every], key=lambda row: row["repo"]):
        for row, content in contents(asked.clones, repo, list(rows)):
            if hashlib.sha256(content + b"\0").hexdigest()[:12] != row["name"]:
                print(f"not there: {repo} {row['commit']} {row['path']}", file=sys.stderr)
                continue
            entry = record(row)
            path = asked.out / str(entry["file"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(cut(content, row["name"]))
            lines.append(json.dumps(entry, ensure_ascii=False))
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "MANIFEST.jsonl").write_text("\n".join([*lines, ""]), "utf-8")
    print(f"{len(lines)} pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
