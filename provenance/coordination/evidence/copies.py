"""Copies of pictures by their hashes: which stand for one picture."""

import numpy as np
from numpy.typing import NDArray

from detectors.bank.grouping import same_pictures


def copies(names: list[str]) -> NDArray[np.int64]:
    """Return for each picture the number of the one that stands for its group.

    Equal SHA-256 or PDQ are one picture; so are PDQ hashes so near that chance gives such a pair
    among all pictures in at most 1 of 100 inputs.

    Args:
        names: SHA-256 and PDQ with `|` between them, either may be empty; sorted.
    """
    split = [name.partition("|")[::2] for name in names]
    hashed = {sha256: pdq for sha256, pdq in reversed(split) if sha256 and pdq}
    keys = [pdq or hashed.get(sha256, f"sha256:{sha256}") for sha256, pdq in split]
    perceptual = sorted({key for key in keys if ":" not in key})
    stands = {key: key for key in keys}
    for group in same_pictures([bytes.fromhex(pdq) for pdq in perceptual], "pdq"):
        for member in group.members:
            stands[perceptual[member]] = perceptual[group.members[0]]
    first = dict[str, int]()
    for number, key in enumerate(keys):
        first.setdefault(stands[key], number)
    return np.array([first[stands[key]] for key in keys], np.int64)
