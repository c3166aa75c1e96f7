"""Measure the known-fakes detector: one table, beside its peers.

    python benchmarks/known_fakes.py --known-fakes DIR --pictures DIR --peer PYTHON

DIR of `--known-fakes` holds gallery/, queries/, negatives/ and MANIFEST.jsonl (`path`, `role`,
`gallery`); `--pictures` is a folder of other pictures. The peers (pdqhash, faiss-cpu,
threatexchange) live in an environment of their own. Times are CPU milliseconds of one thread, the
least of seven rounds; compare rows of one run only.

Large banks: "uniform" hashes are random bits; "clustered" ones are the hashes of the gallery and
the negatives in all eight turns, each many times over with 18 % of its bits changed. The local
features of the extra entries are those of `--pictures`, each many times over with noise on every
descriptor (.06 a value, unit length), so that their codes lie as far from each other as those of
different pictures of one kind; a candidate is checked against the picture's own features.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from lookup_peers import RADIUS, each, least, resident  # type: ignore[import-not-found]
from PIL import Image

from detectors.bank.enrol import enrolled
from detectors.bank.entry import EVEN, Entry, EntryKind, Hash
from detectors.bank.features import (
    QUERY_FEATURES,
    QUERY_SIDE,
    encode,
    extract,
    from_block,
)
from detectors.bank.folder.store import Bank, Writer, create, writing
from detectors.bank.matching.index import Index
from detectors.bank.matching.search import MIRRORED, UPRIGHT, Searcher
from detectors.bank.matching.verify import ASKED
from detectors.hashing.picture import bits, pdq
from detectors.hashing.views import hash_views
from detectors.item import Item
from detectors.known_fakes.detector import KnownFakes

COMMAND = [sys.executable, "-m", "provenance"]
NOW = "2026-01-01T00:00:00Z"
MILLION = 1_000_000
CHANGED = 0.18
NOISE = 0.06
QUERIES = 40
PART = 20_000
MODELS = 1000
"""Pictures whose features the extra entries are made of."""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--known-fakes", type=Path, required=True)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--peer", help="Python of an environment with the peers")
    parser.add_argument("--entries", type=int, nargs="*", default=[10_000, 100_000])
    options = parser.parse_args()
    print(f"{machine()}\n\n| what | measured | peer | ratio | bar |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        photo(work / "picture.jpg")
        for kind in ("uniform", "clustered"):
            many(kind, options.known_fakes, work)
        theirs = peers(options.peer, work) if options.peer else {}
        pictures(options.known_fakes, work, theirs)
        million(work, theirs)
        if options.pictures:
            growth(options.known_fakes, options.pictures, work, options.entries)


def machine() -> str:
    """Return what this runs on."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    known = [name for name in ("avx2", "avx512f", "avx512_vpopcntdq") if name in flags]
    return (
        f"{platform.machine()} ({', '.join(known) or 'instructions unknown'}), "
        f"Python {platform.python_version()}, numpy {np.__version__}"
    )


def row(what: str, mine: str, peer: float | None, ratio: float | None, bar: str) -> None:
    """Print one row."""
    theirs = "" if peer is None else f"{peer:.2f}"
    print(f"| {what} | {mine} | {theirs} | {'' if ratio is None else f'{ratio:.2f}'} | {bar} |")


def beside(what: str, mine: float, peer: float | None, bar: str) -> None:
    """Print one row of milliseconds beside a peer's."""
    row(what, f"{mine:.2f} ms", peer, mine / peer if peer else None, bar)


def photo(path: Path) -> None:
    """Write a JPEG of 1024 x 1024 with detail at every scale."""
    rng = np.random.default_rng(1)
    layers = [
        np.asarray(
            Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)).resize(
                (1024, 1024), Image.Resampling.BICUBIC
            )
        ).astype(np.float32)
        for side in (4, 16, 64, 256)
    ]
    Image.fromarray(np.mean(layers, axis=0).astype(np.uint8)).save(path, quality=90)


def peers(python: str, work: Path) -> dict[str, Any]:
    """Return what the peers take."""
    here = Path(__file__).with_name("lookup_peers.py")
    env = dict(os.environ, OMP_NUM_THREADS="1")
    done = subprocess.run([python, str(here), str(work)], env=env, capture_output=True, check=True)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def many(kind: str, folder: Path, work: Path) -> None:
    """Write a million hashes, and queries: half near one of them, half as far as any other."""
    rng = np.random.default_rng(2)
    if kind == "uniform":
        rows = rng.integers(0, 256, (MILLION, 32), dtype=np.uint8)
        strangers = rng.integers(0, 256, (QUERIES, 32), dtype=np.uint8)
    else:
        paths = [p for part in ("gallery", "negatives") for p in sorted((folder / part).iterdir())]
        seen = (hash_views(opened(path).picture) for path in paths)
        base = np.concatenate([each.turned for each in seen if not each.low_detail])
        rows = np.concatenate([altered(rng, base, PART, CHANGED) for _ in range(MILLION // PART)])
        strangers = altered(rng, base, QUERIES, CHANGED)
    near = altered(rng, rows, QUERIES, 0.06)
    np.save(work / f"{kind}.npy", rows)
    np.save(
        work / f"{kind}_queries.npy", np.where(np.arange(QUERIES)[:, None] % 2, near, strangers)
    )


def altered(
    rng: np.random.Generator, rows: "np.ndarray[Any, Any]", count: int, share: float
) -> "np.ndarray[Any, Any]":
    """Return so many of the rows, drawn at random, with a share of their bits changed."""
    flips = rng.random((count, 256), dtype=np.float32) < share
    return rows[rng.integers(0, len(rows), count)] ^ np.packbits(flips, axis=1)


def opened(path: Path) -> Item:
    """Return a file as an item."""
    return Item(path.name, path.read_bytes)


def pictures(folder: Path, work: Path, theirs: dict[str, Any]) -> None:
    """Measure what a picture costs: hash, decoding, a whole check, enrolment."""
    data = (work / "picture.jpg").read_bytes()
    grey = opened(work / "picture.jpg").picture.grey.astype(np.float32)
    mine = least(lambda: bits(pdq(grey).waves))
    beside("PDQ of 1024 x 1024, beside pdqhash", mine, theirs.get("pdqhash"), "0.2")

    def whole() -> None:
        bits(pdq(Item("x", lambda: data).picture.grey.astype(np.float32)).waves)

    mine = least(whole)
    beside("decode and PDQ, JPEG, beside pdqhash", mine, theirs.get("decode and pdqhash"), "0.2")
    bank = work / "gallery.bank"
    gallery = list((folder / "gallery").iterdir())
    spent = children([*COMMAND, "bank", "add", "--bank", str(bank), str(folder / "gallery")])
    row(f"bank add, an entry (of {len(gallery)})", f"{spent / len(gallery):.1f} ms", None, None,
        "60 ms")  # fmt: skip
    parts = [folder / "queries", folder / "negatives"]
    count = sum(len(list(part.iterdir())) for part in parts)
    scan = [*COMMAND, "scan", "--only", "known_fakes", "--bank", str(bank), "--format", "jsonl"]
    mine = children([*scan, "--fail-on", "never", *map(str, parts)]) / count
    beside(f"scan, an item (of {count}), beside pdqhash", mine, theirs.get("pdqhash"), "1.9")


def children(command: list[str]) -> float:
    """Return the CPU milliseconds of a command and its children."""
    env = dict(os.environ, OMP_NUM_THREADS="1", HOME=tempfile.gettempdir())
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=env, capture_output=True, check=False)
    if done.returncode not in (0, 1, 3):  # some pictures may be undecodable by intent
        sys.exit(done.stderr.decode())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def million(work: Path, theirs: dict[str, Any]) -> None:
    """Measure banks of a million hashes."""
    for kind in ("uniform", "clustered"):
        rows, queries = (np.load(work / f"{kind}{end}.npy") for end in ("", "_queries"))
        start = time.process_time()
        path = hash_bank(work / f"{kind}.bank", rows)
        built = time.process_time() - start
        start, before = time.process_time(), resident()
        bank = Bank(path)
        opening = (time.process_time() - start) * 1000
        index = Index(bank.entries, lambda _: np.zeros(0, np.uint64))
        words = queries.view(np.uint64)
        group = index._groups["pdq"][-1]  # noqa: SLF001 - what is timed
        mine = each(lambda n, g=group, w=words: g.bands.within(w[n : n + 1], RADIUS), len(words))
        hits = group.bands.within(words, RADIUS)
        names = [int(bank.entries.at(int(place)).id) for place in group.owners[hits.rows]]
        found = [
            sorted(name for name, who in zip(names, hits.queries, strict=True) if who == n)
            for n in range(len(queries))
        ]
        sound = [{n for n in each if ones(rows[n])} for each in theirs.get(f"found {kind}", [])]
        exact = not sound or [set(each) for each in found] == sound
        bar = "0.5" if kind == "uniform" else "0.8"
        named = f"1 M hashes, {kind}, radius {RADIUS}, {'exact' if exact else 'NOT EXACT'}"
        beside(f"{named}, beside faiss flat", mine, theirs.get(f"faiss {kind}"), bar)
        beside("the same, 24 views of a picture at once, a view",
               least(lambda g=group, w=words: g.bands.within(w[:24], RADIUS)) / 24,
               theirs.get(f"faiss {kind}"), bar)  # fmt: skip
        if kind == "uniform":
            beside("the same, beside threatexchange", mine, theirs.get("threatexchange uniform"),
                   "0.4")  # fmt: skip
            row("memory after 360 look-ups", f"{resident() - before:.0f} MB",
                theirs.get("threatexchange MB"), None, "150 MB")  # fmt: skip
            row("opening", f"{opening:.1f} ms", None, None, "100 ms")
            row("written from nothing", f"{built:.1f} s", theirs.get("threatexchange build s"),
                None, "")  # fmt: skip


def ones(value: "np.ndarray[Any, Any]") -> bool:
    """Say whether a bank takes a hash: about half of its bits are set."""
    return int(np.bitwise_count(value).sum()) in EVEN


def hash_bank(path: Path, rows: "np.ndarray[Any, Any]") -> Path:
    """Make a bank of hashes alone, named by their numbers."""
    create(path, NOW)
    with writing(path) as writer:
        for number, value in enumerate(rows):
            if ones(value):
                hashes = {"pdq": (Hash(value.tobytes().hex()),)}
                writer.put(entry(str(number), hashes))
            if len(writer.pending) >= PART:
                writer.commit()
        writer.commit()
    return path


def entry(name: str, hashes: dict[str, tuple[Hash, ...]]) -> Entry:
    """Return an entry."""
    return Entry(id=name, kind=EntryKind.AI_FACE, hashes=hashes, created=NOW, modified=NOW)


class Crowd(Writer):
    """Writes entries whose codes are those of other pictures' descriptors, with noise on them."""

    def _codes(self, entry: Entry) -> "np.ndarray[Any, np.dtype[np.uint64]]":
        if not entry.id.startswith("extra/"):
            return super()._codes(entry)
        rng = np.random.default_rng(int(entry.id.split("/")[1]))
        block = self.bank.features(entry)
        descriptors = from_block(block or b"").descriptors
        noisy = descriptors + rng.normal(0, NOISE, descriptors.shape).astype(np.float32)
        return encode(noisy / np.linalg.norm(noisy, axis=1, keepdims=True))


def growth(folder: Path, extra: Path, work: Path, sizes: list[int]) -> None:
    """Measure whole queries in banks with many local features."""
    truth = [
        json.loads(line) for line in (folder / "MANIFEST.jsonl").read_text("utf-8").splitlines()
    ]
    asked = [(folder / each["path"], each["gallery"]) for each in truth if each["role"] == "query"]
    path = work / "grown.bank"
    create(path, NOW)
    with writing(path) as plain:
        for picture in sorted((folder / "gallery").iterdir()):
            plain.put(*enrolled(opened(picture), entry(picture.stem, {})))
        plain.commit()
        queried(path, asked, 0)
        writer = Crowd(plain.bank)
        blocks = list(crowd(writer, extra))
        rng = np.random.default_rng(7)
        for size in sizes:
            for number in range(len(writer.bank.entries), size):
                model = blocks[number % len(blocks)]
                values = [np.packbits(rng.permutation(np.arange(256) % 2)) for _ in range(2)]
                hashes = {"pdq64.v1": tuple(Hash(each.tobytes().hex()) for each in values)}
                fresh = msgspec.structs.replace(model, id=f"extra/{number}", hashes=hashes)
                writer.put(fresh)
            writer.commit()
            writer.compact()
            queried(path, asked, size)
        writer.close()


def crowd(writer: Writer, folder: Path) -> Iterator[Entry]:
    """Put the pictures of a folder that are not in the bank yet, and give their entries."""
    known = KnownFakes({"banks": [str(writer.bank.path)]})
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix in (".webp", ".jpg", ".png")]
    for number, path in enumerate(paths[:MODELS]):
        item = opened(path)
        made, block = enrolled(item, entry(f"picture/{number}", {}))
        if block and known.inspect(item)[0].outcome == "clear":
            writer.put(made, block)
    yield from (each for each in writer.commit() if each.local)


def queried(path: Path, asked: list[tuple[Path, str]], size: int) -> None:
    """Print time and recall of all queries in a bank."""
    detector = KnownFakes({"banks": [str(path)]})
    searcher = Searcher(Bank(path))
    detector.inspect(opened(asked[0][0]))
    right, brought, looked = 0, 0, []
    for file, wanted in asked:
        item = opened(file)
        start = time.process_time()
        said = detector.inspect(item)
        spent = (time.process_time() - start) * 1000
        facts = [signal.facts for signal in said]
        right += [each.get("entry") for each in facts] == [wanted]
        if facts[0].get("algorithm") not in ("pdq", "pdq64.v1", "sha256"):
            looked.append(spent)
            brought += wanted in candidates(searcher, item)
    name = f"{size:,} local entries" if size else "the gallery alone"
    bar = {10_000: "80 ms", 100_000: "150 ms"}.get(size, "")
    row(f"a query that needs local features, {name}; {brought} of {len(looked)} brought up, "
        f"recall of all {len(asked)} {right / len(asked):.3f}", f"{np.mean(looked):.1f} ms", None,
        None, bar)  # fmt: skip


def candidates(searcher: Searcher, item: Item) -> set[str]:
    """Return the entries that a picture's local features bring up."""
    upright = extract(item.picture.grey, QUERY_SIDE, QUERY_FEATURES)
    ordinals = [
        ordinal
        for way, most in ((upright, UPRIGHT), (upright.mirrored(), MIRRORED))
        for ordinal in searcher.index.sharing(way.codes[:ASKED], most)
    ]
    return {searcher.index.entries.at(ordinal).id for ordinal in ordinals}


if __name__ == "__main__":
    main()
