"""CPU and memory of grouping the pictures of a large run, their hashes aside.

    python benchmarks/groups.py [PICTURES]

Half of the pictures are strangers with random hashes. The others are families of copies: of 2 to
40, each copy up to 10 bits from its original, and one family of 2,000. Says how many families were
found whole, and whether strangers were joined.
"""

import resource
import sys
import time
from collections.abc import Iterator

import numpy as np

from detectors.bank.grouping import same_pictures

LARGE = 2000
MOST_BITS = 10
SEED = 7


def families(pictures: int, rng: np.random.Generator) -> Iterator[list[bytes]]:
    """Yield families of likenesses, so many pictures in all."""
    left = pictures
    while left > 0:
        size = 1 if left <= pictures // 2 else int(rng.integers(2, 41))
        size = min(left, LARGE if left == pictures else size)
        bits = np.zeros(256, np.uint8)
        bits[rng.permutation(256)[:128]] = 1
        yield [copied(bits, rng) for _ in range(size)]
        left -= size


def copied(bits: np.ndarray, rng: np.random.Generator) -> bytes:
    """Return a hash with a few bits changed, as many ones as zeros among them."""
    copy = bits.copy()
    for value in (0, 1):
        where = rng.permutation(np.flatnonzero(bits == value))[: rng.integers(MOST_BITS // 2 + 1)]
        copy[where] ^= 1
    return np.packbits(copy).tobytes()


def main() -> None:
    """Group them and say what it took."""
    pictures = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    made = list(families(pictures, np.random.default_rng(SEED)))
    family = [number for number, each in enumerate(made) for _ in each]
    likenesses = [like for each in made for like in each]
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    groups = same_pictures(likenesses)
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    whole = {number for number, each in enumerate(made) if len(each) > 1}
    mixed = sum(len({family[place] for place in group.members}) > 1 for group in groups)
    found = sum(len(group.members) == len(made[family[group.members[0]]]) for group in groups)
    print(f"{pictures} pictures: {seconds:.1f} CPU s, {(peak - before) / 1024:.0f} MB more")
    print(f"{found} of {len(whole)} families found whole, {mixed} groups of strangers")
    print(f"farthest {max(group.max_distance for group in groups)} bits from the middle")


if __name__ == "__main__":
    main()
