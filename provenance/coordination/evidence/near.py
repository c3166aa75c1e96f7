"""Near copies: which texts stand for one text.

Two texts are near copies where their word 3-grams have a Jaccard index of 0.6, where one has been
cut and the other holds it, or where they begin or end alike and differ in a few words (a template
with another name in it). Candidates come from MinHash bands (Broder 1997) and from first and last
words; each is verified against the text that stands for the group, so that groups never chain.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from provenance.coordination.evidence.sketch import Sketches, distinct

ROUNDS: Final = 8
"""Times that a text is compared with another representative."""


def groups(texts: list[str]) -> NDArray[np.int64]:
    """Return for each text the number of the text that stands for its group.

    Args:
        texts: normalised, distinct, each `is_evidence`; in an order that does not depend on the
            order of the input: the earlier ones stand for groups.
    """
    root = np.arange(len(texts))
    if len(texts) < 2:
        return root
    sketches = Sketches(texts)
    bucket, text = sketches.buckets()
    taken = np.zeros(len(texts), bool)  # stands for others, or has joined
    for _ in range(ROUNDS):
        bucket, text, first = _shared(bucket, text)
        if not len(text):
            break
        later = first != text
        pairs = distinct(first[later] * len(texts) + text[later])
        old, new = np.divmod(pairs, len(texts))
        free = ~taken[new] & (root[old] == old)
        old, new = old[free], new[free]
        alike = sketches.alike(old, new)
        old, new = old[alike], new[alike]
        target = np.full(len(texts), len(texts))
        np.minimum.at(target, new, old)
        steady = target[old] == len(texts)  # stays a representative in this round
        old, new = old[steady], new[steady]
        joined = np.full(len(texts), len(texts))
        np.minimum.at(joined, new, old)
        moved = joined < len(texts)
        root[moved] = joined[moved]
        taken[moved] = taken[joined[moved]] = True
        left = later & ~moved[text]
        bucket, text = bucket[left], text[left]
    return root


def _shared(bucket: Any, text: Any) -> tuple[Any, Any, Any]:
    """Return the entries of buckets with two texts and more, and the first text of each bucket."""
    order = np.lexsort((text, bucket))
    bucket, text = bucket[order], text[order]
    start = np.r_[True, bucket[1:] != bucket[:-1]] if len(bucket) else np.zeros(0, bool)
    number = np.cumsum(start) - 1
    size = np.bincount(number)
    first = text[start][number] if len(text) else text
    kept = size[number] > 1 if len(text) else np.zeros(0, bool)
    return bucket[kept], text[kept], first[kept]
