"""CPU time of a look-up by PDQ in a large bank.

    python benchmarks/lookup.py [--entries 1000000] [--questions 2000]

Entries and questions are made up: a fifth of the hashes lie round 1,000 centres, as those of alike
pictures do, the others anywhere; half of the questions are an entry with up to 20 bits changed.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from detectors.bank.entry import Entry, EntryKind, Hash
from detectors.bank.folder.store import create, writing
from provenance.banking.lookup import LookUp

BATCH = 250_000
CENTRES, SPREAD, SHARE = 1000, 0.12, 0.2
"""Centres, share of bits in which a hash differs from its centre, share of such hashes."""
NOW = "2026-01-02T03:04:05Z"


def hashes(rng: np.random.Generator, count: int) -> "np.typing.NDArray[np.uint8]":
    """Return so many hashes with 128 bits set, (count, 32)."""
    scores = rng.random((count, 256), np.float32)
    near = np.flatnonzero(rng.random(count) < SHARE)
    centres = np.random.default_rng(7).random((CENTRES, 256), np.float32)
    mixed = centres[rng.integers(0, CENTRES, len(near))]
    fresh = rng.random((len(near), 256), np.float32) < SPREAD
    scores[near] = np.where(fresh, scores[near], mixed)
    ranks = np.argpartition(scores, 128, axis=1)[:, :128]
    bits = np.zeros((count, 256), np.uint8)
    np.put_along_axis(bits, ranks, 1, axis=1)
    return np.packbits(bits, axis=1)


def filled(
    bank: Path, entries: int, rng: np.random.Generator
) -> Iterator["np.typing.NDArray[np.uint8]"]:
    """Make a bank with so many entries; yield their hashes, some at a time."""
    create(bank, NOW)
    with writing(bank) as writer:
        for start in range(0, entries, BATCH):
            rows = hashes(rng, min(BATCH, entries - start))
            for number, row in enumerate(rows, start):
                put = {"pdq": (Hash(row.tobytes().hex()),)}
                writer.put(
                    Entry(
                        id=f"{number}", kind=EntryKind.AI_FACE, hashes=put, created=NOW,
                        modified=NOW,
                    )
                )  # fmt: skip
            writer.commit()
            yield rows


def main() -> None:
    """Make the bank, ask, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--questions", type=int, default=2_000)
    given = parser.parse_args()
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        bank = Path(folder) / "large.bank"
        made = filled(bank, given.entries, rng)
        asked = [rows[:: max(1, len(rows) // given.questions)] for rows in made]
        began = time.process_time()
        lookup = LookUp([str(bank)])
        print(f"entries {given.entries}, in order after {time.process_time() - began:.2f} CPU s")
        known = np.concatenate(asked)
        half = known[rng.integers(0, len(known), given.questions // 2)]
        flips = rng.random((len(half), 256)) < 10 / 256
        questions = [*(half ^ np.packbits(flips, axis=1)), *hashes(rng, given.questions // 2)]
        rng.shuffle(questions)
        taken, found = [], 0
        for question in questions:
            began = time.process_time()
            found += bool(lookup.by_pdq(question.tobytes().hex()))
            taken.append(time.process_time() - began)
        low, high = np.percentile(np.array(taken) * 1000, [50, 95])
        print(f"questions {len(questions)}, of which {found} found an entry")
        rate = len(taken) / sum(taken)
        print(f"CPU ms a look-up: median {low:.3f}, p95 {high:.3f}; {rate:.0f} a CPU second")


if __name__ == "__main__":
    main()
