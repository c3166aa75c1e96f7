"""Cut the portraits of detectors/portrait/training/sources.tsv out of clones: splits to learn from.

    python benchmarks/portrait_sources.py --clones DIR --out DIR

DIR of the clones holds bare clones as OWNER+NAME/repo (or OWNER+NAME). Writes MANIFEST.jsonl and
the pictures of three splits. `portraits/more`: whole frames, because where a face lies in its frame
is what is learnt. `portraits/aligned`: photographs of it, cut from their originals so that the eyes
lie where generators put them; a probe that is to tell a photograph from a generated portrait has to
learn from photographs that the place of the eyes does not tell apart. All are shrunk alike, to a
long side drawn from 224 to 400 px, and stored as WebP of quality 90. Pictures without a face, those
alike (perceptual hashes) and those under 128 px are left out. `portraits/check`: photographs of
repositories that nothing is learnt from. Draws are seeded by the file.
"""

import argparse
import csv
import io
import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image, ImageOps

from detectors.portrait.forward import landmarks, largest_face

TABLE = Path("detectors/portrait/training/sources.tsv")
PICTURE = re.compile(r"\.(jpe?g|png|webp)$", re.IGNORECASE)
LONG_SIDE = 224, 400
"""Pixels of the longer side, drawn for each picture; nothing is enlarged."""
SMALLEST = 128
"""Pixels of the shorter side of a picture, below which it is left out."""
LONGEST = 2
"""Times as long as it is wide, beyond which a picture is no portrait."""
ALIKE = 5
"""Bits of 64 up to which two pictures are the same."""
ALIGNED = "aligned"
"""The split of photographs whose eyes lie in the template, and the kind of rows that hold such."""
CHECK = "check"
"""The split of photographs that nothing is learnt from, and the kind of rows that hold them."""
CLEAR = 200
"""Pixels of the side of what is cut to the template, below which it would be a blur."""
CUT = 10
"""Photographs of a row that are cut to the template at most."""
LEVEL = 0.07
"""Height between the eyes as part of their distance, beyond which a head is turned."""
TEMPLATE = 0.378145, 0.468914, 0.623552, 0.469372
"""Where generated portraits have their eyes, parts of the frame: x, y of the left, of the right."""
JITTER = 0.005
"""Parts of the side by which such cuts miss the template, as landmarks do."""


class Row(msgspec.Struct, frozen=True):
    """A row of the table: some pictures of a repository."""

    repo: str
    commit: str
    include: str
    """Regular expression on the path."""
    exclude: str
    """The same, `-` for none."""
    label: str
    generator: str
    kind: str
    tiles: str
    """COLUMNSxROWS of a picture that shows several square faces side by side, and `:SIDE,STEP_X,
    STEP_Y,LEFT,TOP` in pixels where there are gaps; `-` for one face."""
    n: int
    """Pictures that are drawn at most."""


class Clone:
    """A bare clone, read at one commit."""

    def __init__(self, clones: Path, row: Row) -> None:
        """Find it, and list its pictures.

        Raises:
            FileNotFoundError: there is none.
            subprocess.CalledProcessError: it lacks the commit.
        """
        base = clones / row.repo.replace("/", "+")
        places = [base / "repo/.git", base / "repo", base]
        folder = next((place for place in places if (place / "HEAD").exists()), None)
        if folder is None:
            raise FileNotFoundError(f"{base}: no clone; fetch {row.repo} at {row.commit}")
        self._git = ["git", "-c", "safe.directory=*", "-C", str(folder)]
        listed = self._said("ls-tree", "-r", "-z", row.commit).decode(errors="surrogateescape")
        self.files = [
            (path, meta.split()[2])
            for meta, path in (line.split("\t", 1) for line in listed.split("\0") if line)
            if PICTURE.search(path)
        ]

    def picture(self, blob: str) -> Image.Image | None:
        """Return a picture the right way up, or None where the clone lacks it or it is none."""
        try:
            image = Image.open(io.BytesIO(self._said("cat-file", "blob", blob)))
            return ImageOps.exif_transpose(image).convert("RGB")
        except (OSError, ValueError, subprocess.CalledProcessError, Image.DecompressionBombError):
            return None

    def _said(self, *args: str) -> bytes:
        return subprocess.run([*self._git, *args], capture_output=True, check=True).stdout


def main() -> int:
    """Write the data folder; print what every row gave."""
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    asked.add_argument("--clones", type=Path, required=True)
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--table", type=Path, default=TABLE)
    given = asked.parse_args()
    known: list[int] = []
    lines: list[str] = []
    for row in table(given.table):
        before = len(lines)
        for record, image in cut(row, Clone(given.clones, row), known):
            path = given.out / record["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path, "WEBP", quality=90, method=4)
            lines.append(json.dumps(record, ensure_ascii=False))
        print(f"{row.repo}\t{row.kind}\t{len(lines) - before}", file=sys.stderr, flush=True)
    (given.out / "MANIFEST.jsonl").write_text("\n".join([*lines, ""]), "utf-8")
    return 0


def table(path: Path) -> list[Row]:
    """Return the rows of the table."""
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    rows = csv.DictReader(lines, delimiter="\t")
    return [msgspec.convert(row, Row, strict=False) for row in rows]


def cut(row: Row, clone: Clone, known: list[int]) -> Iterator[tuple[dict[str, Any], Image.Image]]:
    """Yield records of a manifest and their pictures; their hashes are then among those known."""
    taken = squares = 0
    for path, blob in chosen(row, clone):
        whole = clone.picture(blob)
        for at, image in enumerate([] if whole is None else tiles(whole, row.tiles)):
            if taken == row.n:
                return
            if min(image.size) < SMALLEST or max(image.size) > LONGEST * min(image.size):
                continue
            own = hashed(image)
            if any((own ^ other).bit_count() <= ALIKE for other in known):
                continue
            small = shrunk(image, seeded(f"{blob} {at}"))
            face = largest_face(np.asarray(small))
            if face is None:
                continue
            known.append(own)
            taken += 1
            record = {
                "file": f"{row.repo.replace('/', '+')}/{blob[:12]}-{at}.webp",
                "label": row.label,
                "generator": row.generator if row.label == "ai" else None,
                "source": row.kind,
                "repo": row.repo,
                "path": path,
                "tile": at,
                "split": f"portraits/{row.kind if row.kind in (ALIGNED, CHECK) else 'more'}",
            }
            yield record, small
            if record["split"] == "portraits/more" and row.label == "real" and squares < CUT:
                draw = seeded(f"{blob} {ALIGNED}")
                square = aligned(image, landmarks(face)[:4], draw)
                if square is not None:
                    squares += 1
                    file = record["file"].replace(".webp", f"-{ALIGNED}.webp")
                    changed = {"file": file, "split": f"portraits/{ALIGNED}"}
                    yield record | changed, shrunk(square, draw)


def seeded(seed: str) -> random.Random:
    """Return what draws for one file or row, so that it does not depend on the others."""
    return random.Random(seed)  # noqa: S311 - a draw, no secret


def chosen(row: Row, clone: Clone) -> list[tuple[str, str]]:
    """Return (path, blob) of the files that a row asks for, in a drawn order."""
    wanted, barred = re.compile(row.include), re.compile(row.exclude)
    found = [
        (path, blob)
        for path, blob in clone.files
        if wanted.search(path) and (row.exclude == "-" or not barred.search(path))
    ]
    seeded(f"{row.repo} {row.include}").shuffle(found)
    return found


def tiles(image: Image.Image, spec: str) -> list[Image.Image]:
    """Return the faces of a picture that shows several side by side."""
    if spec == "-":
        return [image]
    grid, _, place = spec.partition(":")
    columns, rows = (int(n) for n in grid.split("x"))
    wide, high = image.width / columns, image.height / rows
    side, step_x, step_y, left, top = min(wide, high), wide, high, 0.0, 0.0
    if place:
        side, step_x, step_y, left, top = (float(n) for n in place.split(","))
    corners = [(left + x * step_x, top + y * step_y) for y in range(rows) for x in range(columns)]
    return [image.crop((round(x), round(y), round(x + side), round(y + side))) for x, y in corners]


def shrunk(image: Image.Image, draw: random.Random) -> Image.Image:
    """Return a picture whose long side is drawn, by a kernel that is drawn."""
    scale = min(1.0, draw.randint(*LONG_SIDE) / max(image.size))
    kernel = draw.choice([Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.BOX])
    return image.resize((round(image.width * scale), round(image.height * scale)), kernel)


def aligned(image: Image.Image, eyes: tuple[float, ...], draw: random.Random) -> Image.Image | None:
    """Return the square of a photograph in which the eyes lie in the template, or None.

    Args:
        image: a photograph.
        eyes: where its eyes lie, parts of the frame.
        draw: what the square misses the template by, within what landmarks do.
    """
    left, top, right, bottom = TEMPLATE
    x0, y0, x1, y1 = (
        part * size for part, size in zip(eyes, [*image.size, *image.size], strict=True)
    )
    side = (x1 - x0) / (right - left) * (1 + draw.gauss(0, 2 * JITTER))
    if side < CLEAR or abs(y1 - y0) > LEVEL * (x1 - x0):
        return None
    x = (x0 + x1) / 2 - (left + right) / 2 * side + draw.gauss(0, JITTER) * side
    y = (y0 + y1) / 2 - (top + bottom) / 2 * side + draw.gauss(0, JITTER) * side
    over = 0.02 * side
    if min(x, y) < -over or x + side > image.width + over or y + side > image.height + over:
        return None
    end_x, end_y = min(x + side, image.width), min(y + side, image.height)
    return image.crop((round(max(x, 0)), round(max(y, 0)), round(end_x), round(end_y)))


def hashed(image: Image.Image) -> int:
    """Return 64 bits: where brightness rises from left to right in eight rows."""
    small = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BOX), np.int16)
    rises = (small[:, 1:] > small[:, :-1]).ravel()
    return sum(1 << int(at) for at in np.flatnonzero(rises))


if __name__ == "__main__":
    sys.exit(main())
