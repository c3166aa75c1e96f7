"""How near unrelated pictures come to each other: the low end of a distribution, fitted.

Below a threshold the shares of near pairs fall off by a constant ratio a unit (a geometric
distribution of the excess, the discrete form of the exponential tail of extreme value theory);
above it they are as counted. Pairs that share a picture are not independent, so the interval comes
from drawing the pictures, not the pairs, anew.
"""

import math
from bisect import bisect_right
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SURE: Final = 0.95
"""Level of the upper bound."""
TAIL_PAIRS: Final = 150
"""Near pairs that a tail is fitted on: they give its slope to 8 %."""
LEAST_PAIRS: Final = 30
"""Near pairs under which no slope is fitted."""
LEAST_PICTURES: Final = 15
"""Different pictures that the near pairs have to come from."""
REDRAWN: Final = 300
"""Draws of the interval, and of the test of fit."""
BEYOND: Final = 2
"""Decades below one pair in the sample to which the line is trusted; it is level from there."""
STEPS: Final = 8
"""Bins that are kept on either side of the threshold."""
SEED: Final = 20261124


class TooFew(Exception):  # noqa: N818 - no error of the program: the sample is too small
    """A sample carries no tail; the message says what is there."""


class TailFit(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of the comparisons of unrelated pictures that came so near."""

    what: str
    """What was compared, in words."""
    pairs: int
    """Comparisons."""
    pictures: int
    """Different pictures that were compared with others."""
    threshold: int
    """Units up to which the line is fitted."""
    tail: int
    """Comparisons up to there."""
    ratio: float
    """Ratio by which their share falls with each unit, 0..1."""
    fit: float
    """Share of samples drawn from the line that lie at least as far from it: small is bad."""
    at: tuple[int, ...]
    """Places, rising: bits, or other whole units of farness."""
    seen: tuple[int, ...]
    """Comparisons as near or nearer."""
    point: tuple[float, ...]
    """log10 of their fitted share."""
    upper: tuple[float, ...]
    """log10 of the upper end of its 95 % interval."""

    def share(self, distance: float) -> tuple[float, float]:
        """Return the share of comparisons as near as this, and its upper bound.

        Straight between the bins in log10, and level beyond the first and the last.
        """
        right = min(max(bisect_right(self.at, distance), 1), len(self.at) - 1)
        low, high = self.at[right - 1], self.at[right]
        part = min(1.0, max(0.0, (distance - low) / (high - low)))
        here, there = (logs[right - 1] + part * (logs[right] - logs[right - 1])
                       for logs in (self.point, self.upper))  # fmt: skip
        return min(1.0, 10**here), min(1.0, 10**there)


def fit_tail(
    near: "NDArray[np.int64]", counts: "NDArray[np.int64]", what: str, step: int = 1
) -> TailFit:
    """Fit the tail of a sample.

    Args:
        near: (n, 3): asking picture, picture it was compared with, bin; every comparison up to
            some bin, at least TAIL_PAIRS of them where there are as many.
        counts: (bins,): comparisons of the whole sample in each bin.
        what: was compared.
        step: 2 where bins are even, as differences of hashes with as many ones as zeros are.

    Raises:
        TooFew: under LEAST_PAIRS near comparisons, or of under LEAST_PICTURES pictures.
    """
    import numpy as np

    below = np.cumsum(counts)
    threshold = int(min(np.searchsorted(below, TAIL_PAIRS), near[:, 2].max(initial=0)))
    near = near[near[:, 2] <= threshold]
    pictures = len(np.unique(near[:, 0]))
    if len(near) < LEAST_PAIRS or pictures < LEAST_PICTURES:
        raise TooFew(f"{len(near)} near pairs of {pictures} pictures")
    excess = threshold - near[:, 2]
    pairs, ratio = int(below[-1]), _ratio(float(excess.mean()), step)
    bins = _bins(threshold, below)
    line = [max(10.0**-BEYOND, len(near) * ratio ** max(0, threshold - at)) for at in bins]
    highest = _redrawn(near, threshold, bins, step)
    stretch = highest[bins.index(threshold)] / len(near)
    point, upper = [], []
    for at, expected, redrawn in zip(bins, line, highest, strict=True):
        seen = int(below[at])
        most = max(redrawn, upper_count(seen)) if at <= threshold else seen * stretch
        point.append(math.log10((expected if at <= threshold else seen) / pairs))
        upper.append(max(point[-1], min(0.0, math.log10(most / pairs))))
    return TailFit(
        what=what,
        pairs=pairs,
        pictures=pictures,
        threshold=threshold,
        tail=len(near),
        ratio=round(ratio, 4),
        fit=_goodness(excess // step, ratio**step),
        at=tuple(bins),
        seen=tuple(int(below[at]) for at in bins),
        point=tuple(round(each, 3) for each in point),
        upper=tuple(round(each, 3) for each in np.maximum.accumulate(upper).tolist()),
    )


def _bins(threshold: int, below: "NDArray[np.int64]") -> list[int]:
    """Return the bins to keep: from 0 to the threshold, and on to where everything is."""
    import numpy as np

    end = int(np.searchsorted(below, below[-1]))
    low = np.linspace(0, threshold, STEPS + 1).astype(int)
    high = np.linspace(threshold, max(end, threshold + 1), STEPS + 1).astype(int)
    return sorted({*low.tolist(), *np.minimum(high, len(below) - 1).tolist()})


def _ratio(mean: float, step: int) -> float:
    """Return the ratio a unit of a geometric distribution from its mean (maximum likelihood)."""
    steps = max(mean / step, 1e-3)
    return float((steps / (1 + steps)) ** (1 / step))


def _redrawn(near: "NDArray[np.int64]", threshold: int, bins: list[int], step: int) -> list[float]:
    """Return the upper end of the expected count at each bin, pictures drawn anew."""
    import numpy as np

    rng = np.random.default_rng(SEED)
    sides = [np.unique(near[:, side], return_inverse=True) for side in (0, 1)]
    drawn = []
    for _ in range(REDRAWN):
        weights = np.ones(len(near))
        for names, which in sides:
            weights *= rng.poisson(1.0, len(names))[which]
        total = float(weights.sum())
        if total > 0:
            ratio = _ratio(float((weights * (threshold - near[:, 2])).sum() / total), step)
            drawn.append([total * ratio ** max(0, threshold - at) for at in bins])
    high: list[float] = np.quantile(drawn, SURE, axis=0).tolist()
    return high


def _goodness(excess: "NDArray[np.int64]", ratio: float) -> float:
    """Return the share of samples of the line whose largest gap to their own line is as large."""
    import numpy as np

    rng = np.random.default_rng(SEED)

    def gap(sample: "NDArray[np.int64]") -> float:
        counted = np.cumsum(np.bincount(sample)) / len(sample)
        own = _ratio(float(sample.mean()), 1)
        return float(np.abs(counted - (1 - own ** np.arange(1, len(counted) + 1))).max())

    drawn = [gap(rng.geometric(1 - ratio, len(excess)) - 1) for _ in range(REDRAWN)]
    return round(sum(each >= gap(excess) for each in drawn) / REDRAWN, 2)


@cache
def upper_count(seen: int) -> float:
    """Return the largest mean of a Poisson count that is this low in 1 of 20 cases (exact)."""
    if seen > 500:  # the normal limit is within 1 % from here
        return seen + 1.645 * math.sqrt(seen) + 1
    low, high = float(seen), seen + 10 * math.sqrt(seen + 1) + 10
    for _ in range(60):
        middle = (low + high) / 2
        logs = (n * math.log(middle) - middle - math.lgamma(n + 1) for n in range(seen + 1))
        low, high = (middle, high) if sum(map(math.exp, logs)) > 1 - SURE else (low, middle)
    return high
