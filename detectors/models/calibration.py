"""From a model's score to a capped log10 likelihood ratio, and how that map is made.

Seven steps make it; the functions name the one they do.

(1) Every score is an out-of-source score: the model that gave it never saw the item's source.
(2) Sources are balanced: a source weighs as many items as it has, at most 100 a class; items of
    one scene or author count once. The same numbers make the cap.
(3) Isotonic density ratio: pool adjacent violators on the weighted labels gives P(AI | score),
    hence LR(score) = p / (1 - p) x negatives / positives.
(4) Worst group: for every group of 100 and more negatives, and for all of them together,
    LR(score) <= max over t <= score of TPR(t) / U(t), TPR the weighted share of AI items at or
    above t, U the upper 95 % Wilson end of the group's share at or above t. Being at or above t is
    evidence of its own, so the best such t may speak; U falls just above each of the group's own
    scores and TPR never rises, so that only these t are tried, and a bound does not depend on what
    other groups there are. Where a group has nobody at or above t it sets no bound; all together
    then count 3 / n (rule of three).
(5) A ratio of 10 is for the far tail: where more than 1 % of a group of 100 and more lie at or
    above a score, log10 LR stays below 1.
(6) Cap: log10 LR <= log10(n_neg / 3) and >= -log10(n_pos / 3): with n independent items and none
    beyond, the 95 % bound of the rate is 3 / n (Hanley and Lippman-Hand 1983; the idea of the ELUB
    bound, Vergeer et al. 2016).
(7) The map is kept as knots, linear between them and flat outside.
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import accumulate, pairwise

import msgspec

from detectors.errors import ConfigError
from detectors.models.statistics import wilson

PER_SOURCE = 100
"""Items of one class that a source may count for."""
GROUP = 100
"""Negatives from which on a group bounds the ratio."""
TAIL = 0.01
"""Largest share of any group that may reach log10 LR 1."""
BELOW_TEN = 0.99
STEP = 0.001
"""Scores are rounded to this before they are assessed."""
LEAST = 6
"""Independent items of each label under which no calibration is made: with fewer the cap,
log10(n / 3), lies below the ratio of 2 from which on a statistic is a finding."""
EVERYONE = "all"


class Calibration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A monotone map from score to log10 likelihood ratio, with what it rests on."""

    knots: tuple[tuple[float, float], ...]
    """(score, log10 LR), both rising; linear between, flat outside."""
    cap: float
    """Highest log10 LR: log10(negatives / 3)."""
    floor: float
    """Lowest log10 LR: -log10(positives / 3)."""
    negatives: int
    """Independent items that are not AI, at most 100 of one source."""
    positives: int
    """Independent AI items, at most 100 of one source."""
    groups: dict[str, int]
    """Groups that bounded the map, with their numbers of negatives."""
    command: str
    """What made it."""

    def __post_init__(self) -> None:
        """Refuse a map that is empty or falls.

        Raises:
            ValueError: msgspec turns it into a ValidationError with the path.
        """
        if not self.knots:
            raise ValueError("a calibration needs at least one knot")
        if any(a[0] >= b[0] or a[1] > b[1] for a, b in pairwise(self.knots)):
            raise ValueError("the knots of a calibration must rise")

    def log10_lr(self, score: float) -> float:
        """Return the log10 likelihood ratio of AI against not AI, `floor`..`cap`, 2 decimals.

        Args:
            score: the model's natural log odds; rounded to 3 decimals here.
        """
        at = round(score, 3)
        right = bisect_right(self.knots, at, key=lambda knot: knot[0])
        if right == 0 or right == len(self.knots):
            value = self.knots[max(right - 1, 0)][1]
        else:
            (x0, y0), (x1, y1) = self.knots[right - 1], self.knots[right]
            value = y0 + (y1 - y0) * (at - x0) / (x1 - x0)
        return round(min(max(value, self.floor), self.cap), 2) + 0.0  # + 0.0: never -0.0


def fit(
    scores: Sequence[float],
    labels: Sequence[bool],
    sources: Sequence[str],
    groups: Sequence[Sequence[str]],
    *,
    command: str,
    scenes: Sequence[str] | None = None,
) -> Calibration:
    """Return the calibration of out-of-source scores, as the seven steps above say.

    Args:
        scores: natural log odds from models that never saw the item's source.
        labels: True for AI.
        sources: where each item comes from.
        groups: the groups each item belongs to (domain, language, length, camera …).
        command: what makes this calibration, for the record.
        scenes: scene or author of each item, where items share one; None: all differ.

    Raises:
        ConfigError: a class is missing.
    """
    if all(labels) or not any(labels):
        raise ConfigError("a calibration needs items of both labels, AI and not AI")
    sample = _Sample(scores, labels, sources, scenes)
    tails = _tails(sample.scores, labels, groups)
    cap, floor = _limit(sample.negatives), -_limit(sample.positives)
    ten = max((_above_one_percent(tail) for tail in tails.values()), default=-math.inf)
    ratio = sample.isotonic()
    bounds = _bounds(sample, tails)
    values: list[tuple[float, float]] = []
    for at in _thresholds(sample, tails, ten):
        most = min(bound(at) for bound in bounds)
        value = min(ratio(at), most, cap, BELOW_TEN if at < ten else math.inf)
        values.append((at, math.floor(max(value, floor) * 1000) / 1000))
    return Calibration(
        knots=_thin(values),
        cap=cap,
        floor=floor,
        negatives=sample.negatives,
        positives=sample.positives,
        groups={name: len(tails[name]) for name in sorted(tails)},
        command=command,
    )


def large_enough(made: Calibration) -> None:
    """Check that a calibration rests on enough independent items to find anything.

    Raises:
        ConfigError: a label has fewer than 6.
    """
    if min(made.negatives, made.positives) < LEAST:
        raise ConfigError(
            f"a calibration needs {LEAST} independent items of each label; this sample has"
            f" {made.positives} (AI) and {made.negatives} (not AI). Nothing was written"
        )


def independent(sources: Sequence[str], scenes: Sequence[str]) -> int:
    """Count independent items: a scene is one, and a source at most 100 (step 2).

    Args:
        sources: where each item comes from.
        scenes: scene or author of each.
    """
    per_source = Counter(source for source, _ in set(zip(sources, scenes, strict=True)))
    return sum(min(n, PER_SOURCE) for n in per_source.values())


class _Sample:
    """Scores with the weight each may claim: steps 2, 3 and the pooled half of 4."""

    def __init__(
        self,
        scores: Sequence[float],
        labels: Sequence[bool],
        sources: Sequence[str],
        scenes: Sequence[str] | None,
    ) -> None:
        """Weigh the items and sort them by score."""
        self.scores = [round(score, 3) for score in scores]
        own = scenes if scenes is not None else [str(i) for i in range(len(scores))]
        keys = list(zip(labels, sources, strict=True))
        items = Counter(zip(keys, own, strict=True))
        distinct = Counter(key for key, _ in items)
        weights = [
            min(distinct[key], PER_SOURCE) / distinct[key] / items[key, scene]
            for key, scene in zip(keys, own, strict=True)
        ]
        self.negatives, self.positives = (
            independent(
                [s for (a, s), _ in items if a == ai], [o for (a, _), o in items if a == ai]
            )
            for ai in (False, True)
        )
        columns = list(zip(self.scores, labels, weights, strict=True))
        self.negative, self._negative_above = _above((s, w) for s, ai, w in columns if not ai)
        self.positive, self._positive_above = _above((s, w) for s, ai, w in columns if ai)
        self._masses = defaultdict[float, list[float]](lambda: [0.0, 0.0])
        for score, ai, weight in sorted(columns):  # sorted: sums do not depend on the order
            self._masses[score][ai] += weight

    def caught(self, at: float) -> float:
        """Return the weighted share of AI items at or above a score."""
        return self._positive_above[bisect_left(self.positive, at)] / self.positives

    def accused(self, at: float) -> float:
        """Return the upper end of the weighted share of negatives at or above a score."""
        above = self._negative_above[bisect_left(self.negative, at)]
        if not above:
            return 3 / self.negatives
        return wilson(min(above, self.negatives), self.negatives)[1]

    def isotonic(self) -> Callable[[float], float]:
        """Return the log10 density ratio as a rising step function of the score."""
        blocks: list[tuple[float, float, float]] = []
        for score, (low, high) in sorted(self._masses.items()):
            block = (score, low, high)
            while blocks and blocks[-1][2] * block[1] >= block[2] * blocks[-1][1]:
                start, low_before, high_before = blocks.pop()
                block = (start, low_before + block[1], high_before + block[2])
            blocks.append(block)
        starts = [start for start, _, _ in blocks]
        ratios = [_log10(h / self.positives, n / self.negatives) for _, n, h in blocks]
        return lambda at: ratios[max(bisect_right(starts, at) - 1, 0)]


def _above(pairs: Iterable[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Return the scores, rising, and the weight at or above each index of the list."""
    ordered = sorted(pairs)
    sums = [0.0]
    for _, weight in reversed(ordered):
        sums.append(sums[-1] + weight)
    return [score for score, _ in ordered], sums[::-1]


def _tails(
    scores: Sequence[float], labels: Sequence[bool], groups: Sequence[Sequence[str]]
) -> dict[str, list[float]]:
    """Return the rising scores of the negatives of every group that is large enough."""
    tails: defaultdict[str, list[float]] = defaultdict(list)
    for score, ai, names in zip(scores, labels, groups, strict=True):
        for name in {EVERYONE, *names} if not ai else ():
            tails[name].append(score)
    return {name: sorted(tail) for name, tail in tails.items() if len(tail) >= GROUP}


def _bounds(
    sample: _Sample, tails: Mapping[str, Sequence[float]]
) -> list[Callable[[float], float]]:
    """Return the bound of all negatives together, then of each group (step 4)."""
    groups = [tail for name, tail in tails.items() if name != EVERYONE]
    everyone = _bound(sample, sample.negative, sample.accused)
    return [everyone, *(_bound(sample, tail, partial(_accused, tail)) for tail in groups)]


def _bound(
    sample: _Sample, tail: Sequence[float], accused: Callable[[float], float]
) -> Callable[[float], float]:
    """Return what a group lets log10 LR be at most, as a rising step function (step 4)."""
    starts = sorted({round(score + STEP, 3) for score in tail})
    found = (_log10(sample.caught(at), accused(at)) for at in starts)
    most = list(accumulate(found, max, initial=0.0))  # below all of them everybody counts: 1 / 1
    return lambda at: most[bisect_right(starts, at)]


def _accused(tail: Sequence[float], at: float) -> float:
    """Return the upper end of a group's share at or above a score; 0, no bound, where nobody is."""
    above = len(tail) - bisect_left(tail, at)
    return wilson(above, len(tail))[1] if above else 0.0


def _above_one_percent(tail: Sequence[float]) -> float:
    """Return the lowest score that at most 1 % of a group reach (step 5)."""
    return round(tail[-1 - math.floor(TAIL * len(tail))] + STEP, 3)


def _limit(n: int) -> float:
    """Return log10(n / 3), never below 0, rounded down to the 2 decimals of the record (step 6)."""
    return math.floor(math.log10(max(n, 3) / 3) * 100) / 100


def _log10(high: float, low: float) -> float:
    """Return the log10 ratio of two shares, infinite where the lower is 0."""
    if not high:
        return -math.inf if low else math.inf
    return math.log10(high / low) if low else math.inf


def _thresholds(sample: _Sample, tails: Mapping[str, Sequence[float]], ten: float) -> list[float]:
    """Return the scores at which the map is computed: quantiles, and both sides of each jump."""
    ends = {sample.negative[0], sample.positive[0], sample.negative[-1], sample.positive[-1]}
    shares = [i / 50 for i in range(50)] + [1 - 0.5**i / 50 for i in range(1, 6)]
    for scores in (sample.negative, sample.positive):
        ends |= {scores[math.floor(share * len(scores))] for share in shares}
    for tail in (sample.negative, *tails.values()):
        ends |= {tail[-1], tail[-1] + STEP}
    if math.isfinite(ten):
        ends |= {ten - STEP, ten}
    return sorted({round(at, 3) for at in ends})


def _thin(knots: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Leave out the knots inside level stretches (step 7)."""
    return tuple(
        knot
        for i, knot in enumerate(knots)
        if i in (0, len(knots) - 1) or not knots[i - 1][1] == knot[1] == knots[i + 1][1]
    )
