"""Fits the shipped tails of chance matches, and writes them down.

    python benchmarks/impostors.py --ai-faces FOLDER --photographs FOLDER --graphics FOLDER
        --known-fakes FOLDER

FOLDER of AI faces: any pictures of different faces, of one generator. Of photographs:
MANIFEST.jsonl with `file`, `label`, `face`, `repo`, `path`. Of graphics: any flat ones, PNG. Of
known fakes: MANIFEST.jsonl with `path`, `role`, `gallery`. What no folder is given for stays as it
is shipped. Writes `impostors.toml` of `detectors/bank/chance` and
`card.md` of `detectors/known_fakes`.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

import detectors.known_fakes
from detectors.bank.calibration import BITS, EVEN, Compared, Rows
from detectors.bank.chance.tables import (
    BINS,
    FARTHEST,
    GRAPHIC,
    Local,
    graphic_bin,
    shipped,
    table,
)
from detectors.bank.chance.tail_fit import TailFit
from detectors.bank.enrol import enrolled
from detectors.bank.entry import PERCEPTUAL, Entry, EntryKind, Hash
from detectors.bank.features import block_colours
from detectors.bank.folder.store import Bank, create, writing
from detectors.bank.matching.graphics import differing, entry_look, view_cells
from detectors.bank.matching.index import REACH
from detectors.bank.matching.search import UPRIGHT, Checked, Searcher
from detectors.bank.matching.verify import scaled
from detectors.errors import CannotAssess
from detectors.hashing.picture import ORIENTATIONS
from detectors.hashing.views import PictureHashes, hash_views
from detectors.item import Item

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.decode.picture import Picture

HOME = Path(detectors.known_fakes.__file__).parent
TABLES = HOME.parent / "bank" / "chance"
NOW = "2026-01-01T00:00:00Z"
DOUBLE = 16
"""Bits within which two pictures of a collection are one: 21 of the AI faces are, nearly all within
4 bits, and the next nearest pairs lie at 26."""
ONE = 8
"""Levels of colour up to which two graphics within a hash's reach are one: 212 of 1,036 pairs of
flags are, nearly all to the bit, and the next pairs lie at 20."""
RIDGE = 1e-3
FOUND = 6
"""Places of close agreement from which the right candidate was laid over its picture at all; under
it, it was looked at as a mirror image that it is not, or hashes have to find it."""


def main() -> None:
    """Measure, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("ai-faces", "photographs", "graphics", "known-fakes"):
        parser.add_argument(f"--{name}", type=Path)
    given = parser.parse_args()
    tails = dict(shipped().kinds)
    if given.ai_faces:
        faces = [seen for path in sorted(given.ai_faces.rglob("*.jpg")) for seen in _looks(path)]
        tails |= _kind(EntryKind.AI_FACE, faces, "aligned AI faces of one generator")
    if given.photographs:
        shown = list(_photographs(given.photographs))
        with_face = [seen for seen, face in shown if face]
        tails |= _kind(EntryKind.STOLEN_PHOTO, with_face, "photographs with a face, many sources")
        tails |= _kind(EntryKind.OTHER, [seen for seen, _ in shown], "photographs, many sources")
    if given.graphics:
        tails |= _graphics(given.graphics)
    local = _local(given.known_fakes) if given.known_fakes else shipped().local
    if local is None:
        parser.error("no folder of known fakes, and no shipped table of local features")
    (TABLES / "impostors.toml").write_text(_toml(tails, local), "utf-8")
    (HOME / "card.md").write_text(_card(tails, local), "utf-8")


def _kind(
    kind: EntryKind, pictures: list[tuple[PictureHashes, PictureHashes]], what: str
) -> dict[str, TailFit]:
    """Fit both hashes of a class."""
    return {table(kind, name): _pairs(pictures, name, what) for name in PERCEPTUAL}


def _graphics(folder: Path) -> dict[str, TailFit]:
    """Fit hash and colour of flat graphics: what is within reach of the hash, by both together."""
    every: list[tuple[Picture, PictureHashes, PictureHashes, NDArray[np.uint8]]] = []
    for path in sorted(folder.rglob("*.png")):
        picture = Item(path.name, path.read_bytes).picture
        seen, block = hash_views(picture), entry_look(picture)
        colours = block_colours(block)
        if not seen.low_detail and colours is not None and len(colours):
            every.append((picture, seen, hash_views(picture, gallery=True), colours))
    banked = [_entry(str(number), shown) for number, (_, _, shown, _) in enumerate(every)]
    found = {}
    for name in PERCEPTUAL:
        rows, total = Rows(banked, name), Compared(FARTHEST + 1)
        for number, (picture, seen, _, _) in enumerate(every):
            owners, bits = rows.compared(seen)
            places, same = np.full(len(bits), FARTHEST), owners == number
            names = seen.names if name == "pdq64.v1" else ("whole",)
            for at in np.flatnonzero((bits <= REACH[name]) & ~same):
                view, turn = divmod(int(at) * 8 * len(names) // len(bits), 8)
                shown = view_cells(picture, seen, names[view], ORIENTATIONS[turn])
                levels = differing(shown, every[owners[at]][3])
                same |= (owners == owners[at]) & (levels <= ONE)
                places[at] = graphic_bin(int(bits[at]), levels)
            total.add(number, owners[~same], places[~same])
        found[table(GRAPHIC, name)] = total.tail(f"{len(every):,} flags")
    return found


def _looks(path: Path) -> Iterator[tuple[PictureHashes, PictureHashes]]:
    """Yield the views of a picture as a question and as an entry, if there is enough in it."""
    try:
        picture = Item(path.name, path.read_bytes).picture
    except CannotAssess:
        return
    seen = hash_views(picture)
    if not seen.low_detail:
        yield seen, hash_views(picture, gallery=True)


def _photographs(folder: Path) -> Iterator[tuple[tuple[PictureHashes, PictureHashes], bool]]:
    """Yield the real photographs, each once, and whether it has a face."""
    taken = set()
    for line in (folder / "MANIFEST.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        origin = row["repo"], row["path"]
        if row["label"] == "real" and origin not in taken:
            taken.add(origin)
            for seen in _looks(folder / row["file"]):
                yield seen, bool(row["face"])


def _pairs(
    pictures: list[tuple[PictureHashes, PictureHashes]], algorithm: str, what: str
) -> TailFit:
    """Fit the hashes of all pairs of a collection, each picture once the question."""
    entries = [_entry(str(number), shown) for number, (_, shown) in enumerate(pictures)]
    every = Rows(entries, algorithm)
    double: set[int] = set()
    for number, (seen, _) in enumerate(pictures):
        owners, bins = every.compared(seen)
        double |= {int(other) for other in owners[bins <= DOUBLE] if other > number}
    total = Compared(BITS + 1, EVEN)
    for number, (seen, _) in enumerate(pictures):
        if number not in double:
            owners, bins = every.compared(seen)
            kept = (owners != number) & ~np.isin(owners, list(double))
            total.add(number, owners[kept], bins[kept])
    return total.tail(f"{len(pictures) - len(double):,} {what}")


def _entry(name: str, shown: PictureHashes) -> Entry:
    hashes = tuple(
        Hash(row[0].tobytes().hex(), view)
        for view, row in zip(shown.names, shown.stable, strict=True)
    )
    own = (Hash(shown.turned[0].tobytes().hex()),)
    return Entry(id=name, hashes={"pdq": own, "pdq64.v1": hashes}, created=NOW, modified=NOW)


def _local(folder: Path) -> Local:
    """Fit the fused score of features and pixels, and its tail over wrong candidates."""
    rows = [
        json.loads(line) for line in (folder / "MANIFEST.jsonl").read_text("utf-8").splitlines()
    ]
    searcher = _banked(folder, [row for row in rows if row["role"] == "gallery"])
    right: list[Checked] = []
    wrong: list[tuple[int, Checked]] = []
    for number, row in enumerate(rows):
        if row["role"] == "gallery":
            continue
        path = folder / row["path"]
        picture = Item(path.name, path.read_bytes).picture
        seen = hash_views(picture)
        if seen.low_detail:
            continue
        for check in searcher.checks(picture, searcher.index.nearest(seen, UPRIGHT)):
            if check.entry.id == row["gallery"]:
                right += [check] if check.verified.inliers >= FOUND else []
            else:
                wrong.append((number, check))
    intercept, weights = _weighed(right, [check for _, check in wrong])
    bare = TailFit(what="", pairs=0, pictures=0, threshold=0, tail=0, ratio=0, fit=0, at=(),
                   seen=(), point=(), upper=())  # fmt: skip
    judge = Local(
        entries=len(searcher.index),
        intercept=intercept,
        weights=weights,
        tail=bare,
        copies=len(right),
    )
    total = Compared(BINS)
    for number, check in wrong:
        place = np.array([judge.bin(scaled(check.verified, check.asked))], np.int64)
        total.add(number, np.array([check.ordinal], np.int64), place)
    tail = total.tail("candidates that the features of pictures of other people brought up")
    return msgspec.structs.replace(judge, tail=tail)


def _banked(folder: Path, rows: list[dict[str, Any]]) -> Searcher:
    """Return a bank of the gallery, in a folder of its own."""
    path = Path(tempfile.mkdtemp()) / "gallery.bank"
    create(path, NOW)
    with writing(path) as writer:
        for row in rows:
            picture = folder / row["path"]
            template = Entry(id=row["gallery"], hashes={}, created=NOW, modified=NOW)
            writer.put(*enrolled(Item(picture.name, picture.read_bytes), template))
        writer.commit()
    return Searcher(Bank(path))


def _weighed(right: list[Checked], wrong: list[Checked]) -> tuple[float, dict[str, float]]:
    """Fit a logistic, each side of the same total weight; agreement may only speak for a match."""
    values = [scaled(check.verified, check.asked) for check in [*right, *wrong]]
    names = list(values[0])
    table = np.array([[row[name] for name in names] for row in values])
    middle, spread = table.mean(axis=0), table.std(axis=0)
    inputs = np.column_stack([(table - middle) / spread, np.ones(len(table))])
    truth = np.repeat([1.0, 0.0], [len(right), len(wrong)])
    share = np.where(truth > 0, 0.5 / len(right), 0.5 / len(wrong))
    beta = np.zeros(inputs.shape[1])
    ridge = RIDGE * np.diag([1.0] * len(names) + [0.0])
    for _ in range(100):
        odds = 1 / (1 + np.exp(-np.clip(inputs @ beta, -30, 30)))
        slope = inputs.T @ (share * (truth - odds)) - ridge @ beta
        bend = (inputs * (share * odds * (1 - odds))[:, None]).T @ inputs + ridge
        beta += np.linalg.solve(bend, slope)
    scale = beta[:-1] / spread
    if scale[names.index("places")] <= 0 or scale[names.index("correlation")] <= 0:
        raise SystemExit(
            f"agreement speaks against a match: {dict(zip(names, scale, strict=True))}"
        )
    weights = {name: round(float(each), 4) for name, each in zip(names, scale, strict=True)}
    return round(float(beta[-1] - scale @ middle), 4), weights


def _toml(tails: dict[str, TailFit], local: Local) -> str:
    """Return the tables as the program reads them."""
    lines = [
        "# How near unrelated pictures come by chance; `card.md` says how it was measured.",
        "# Written by benchmarks/impostors.py: shares as log10, places in bits of 256, of `local`",
        "# in tenths of a natural log odds from certain agreement.",
    ]
    for name, tail in tails.items():
        lines += ["", f'[kinds."{name}"]', *_fields(tail)]
    weights = ", ".join(f"{name} = {value}" for name, value in local.weights.items())
    lines += [
        "",
        "[local]",
        f"entries = {local.entries}",
        f"copies = {local.copies}",
        f"intercept = {local.intercept}",
        f"weights = {{ {weights} }}",
        "",
        "[local.tail]",
        *_fields(local.tail),
    ]
    return "\n".join(lines) + "\n"


def _fields(tail: TailFit) -> list[str]:
    plain = ("what", "pairs", "pictures", "threshold", "tail", "ratio", "fit")
    lists = ("at", "seen", "point", "upper")
    return [f"{name} = {json.dumps(getattr(tail, name))}" for name in plain] + [
        f"{name} = [{', '.join(map(str, getattr(tail, name)))}]" for name in lists
    ]


def _card(tails: dict[str, TailFit], local: Local) -> str:
    """Return the card: what was measured, how it fits, what it does not say."""
    weights = ", ".join(f"{name} {value:+.2f}" for name, value in local.weights.items())
    parts = [
        CARD.strip(),
        *(
            f"## Hashes: {name}\n\n{_told(tail, 'place' if GRAPHIC in name else 'bits')}"
            for name, tail in tails.items()
        ),
        f"## Local features\n\n{LOCAL.strip()}",
        (
            f"Weights of the logistic, fitted on {local.copies} right candidates (altered copies "
            f"of {local.entries} entries) and the wrong ones: {weights}; intercept "
            f"{local.intercept:+.2f}."
        ),
        _told(local.tail, "place"),
        LIMITS.strip(),
    ]
    return "\n\n".join(parts) + "\n"


def _told(tail: TailFit, unit: str) -> str:
    head = (
        f"{tail.what[0].upper()}{tail.what[1:]}; {tail.pairs:,} comparisons. The line is fitted on "
        f"the {tail.tail} comparisons up to {tail.threshold}, which belong to {tail.pictures} "
        f"different asking pictures: each unit less is {1 / tail.ratio:.2f} times rarer. "
        f"Test of fit: "
        f"{tail.fit:.2f} of samples drawn from the line lie as far from it.\n\n"
        f"| {unit} | comparisons as near | share, fitted | upper end of 95 % |\n|---|---|---|---|\n"
    )
    rows = zip(tail.at, tail.seen, tail.point, tail.upper, strict=True)
    return head + "\n".join(
        f"| {at} | {seen:,} | {10**point:.1e} | {10**upper:.1e} |"
        for at, seen, point, upper in rows
    )


CARD = """
# known_fakes: what a match means

`facts.false_match_probability` is the chance that a picture that has nothing to do with the bank
matches something in it as near as this one did: 1 - (1 - p)^n, where p is the share of
comparisons of unrelated pictures that come as near, and n the number of comparisons (rows of the
bank times views of the picture times eight turns; for local features, the candidates checked,
times the size of the bank over that of the one measured). `facts.false_match_upper` is the same
of the upper end of p's 95 % interval.

Each table below is for one class of entry and one hash, over all views and turns that a search
compares, pictures of one collection against each other, doubles left out. Under the threshold p
is a fitted line: the excess of near pairs is taken as geometric (the discrete form of the
exponential tail); it is trusted to two decades below one pair of the sample, and is level from
there. Above the threshold shares are as counted. The interval is the larger of a bootstrap that
draws the pictures of both sides anew (pairs that share a picture are not independent) and the
exact Poisson bound of the count. `provenance bank calibrate` fits the same on your bank and your
pictures.

Flat graphics (flags, letters, logos) are told apart by their colours as well: the tables
`graphic` stand for entries of any class that are such graphics. A place is 40 ln(1 + d), with d
twice the differing bits and the levels, of 255, within which all but 4 of 256 cells agree in
colour; what lies beyond the reach of the hash is at place 300. Two flags within 8 levels are one.
"""

LOCAL = """
A candidate is judged by one number, the log odds of a logistic over four measurements: distinct
places where features agree closely, median correlation of the tiles, tiles compared, features of
the picture. A place in the table is ten times the distance of these odds from 60, so that small
is near.
"""

LIMITS = """
## What this does not say

- The AI faces are of one generator with plain backgrounds, the hardest kind we know for hashes;
  other generators come less near. The photographs come from public collections; near doubles of
  one session may be among them, which makes the table more cautious.
- Photographs never came nearer than the first row with a count, so the chance of a stolen photo or
  other picture matched under 32 bits is level and rests on the size of the sample alone, as
  `false_match_upper` always does there.
- Local features were measured with aligned AI faces. Photographs with a face, or without, borrow
  that table; they share less geometry, so it is cautious for them.
- Someone who makes a picture to collide with an entry is not chance.
"""

if __name__ == "__main__":
    main()
