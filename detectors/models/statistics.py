"""Figures that cards and calibrations rest on, with confidence intervals."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Z = 1.959963984540054
"""Two-sided 95 % point of the normal distribution."""


def wilson(k: float, n: float) -> tuple[float, float]:
    """Return the 95 % interval of a share.

    Args:
        k: how many, 0..n (weighted counts need not be whole).
        n: of how many.

    Returns:
        Lower and upper end, 0..1; (0, 1) where n is 0.

    Source: E. B. Wilson, JASA 22 (1927), the score interval without continuity correction.
    """
    if not n:
        return 0.0, 1.0
    share, scale = k / n, 1 + Z * Z / n
    middle = (share + Z * Z / (2 * n)) / scale
    half = Z / scale * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def auroc(scores: Sequence[float], labels: Sequence[bool]) -> float | None:
    """Return the chance that an AI item scores above a human one, ties counted half.

    Args:
        scores: any finite numbers, higher for AI.
        labels: True for AI, same length.

    Returns:
        0..1, or None where a class is empty.

    Source: Mann and Whitney 1947; Hanley and McNeil 1982.
    """
    import numpy as np

    value = _area(np.asarray(scores, np.float64), np.asarray(labels, bool))
    return None if math.isnan(value) else value


def auroc_interval(
    scores: Sequence[float], labels: Sequence[bool], *, rounds: int = 500, seed: int = 0
) -> tuple[float, float] | None:
    """Return the 95 % bootstrap interval of `auroc`, both classes resampled apart.

    Args:
        scores: as for `auroc`.
        labels: as for `auroc`.
        rounds: resamplings.
        seed: of the random generator; the same seed gives the same interval.

    Returns:
        Lower and upper end, or None where a class is empty.

    Source: Efron's percentile interval.
    """
    import numpy as np

    values, ai = np.asarray(scores, np.float64), np.asarray(labels, bool)
    high, low = values[ai], values[~ai]
    if not (high.size and low.size):
        return None
    draw = np.random.default_rng(seed)
    truth = np.arange(values.size) < high.size
    areas = []
    for _ in range(rounds):
        sample = np.concatenate([draw.choice(high, high.size), draw.choice(low, low.size)])
        areas.append(_area(sample, truth))
    lower, upper = np.quantile(areas, [0.025, 0.975])
    return float(lower), float(upper)


def _area(scores: "NDArray[np.float64]", ai: "NDArray[np.bool_]") -> float:
    """Return the area by mid-ranks, NaN where a class is empty."""
    import numpy as np

    n_ai = int(ai.sum())
    n_human = ai.size - n_ai
    if not (n_ai and n_human):
        return math.nan
    _, rank, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[rank][ai].sum() - n_ai * (n_ai + 1) / 2) / (n_ai * n_human))
