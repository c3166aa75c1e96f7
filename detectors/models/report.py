"""What a calibration is worth on labelled items: rates with intervals, group by group.

Every ratio here is one by a calibration that never saw the item's source; where a label has one
source alone, by one that never saw the fifth of the sample that the item is in.
"""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec

from detectors.errors import ConfigError
from detectors.models.calibration import PER_SOURCE, Calibration
from detectors.models.labelled import UNSTATED
from detectors.models.statistics import wilson
from detectors.signal import Reason

THRESHOLD = 10.0
"""Likelihood ratio from which on users act where they do not say."""
RULE = 3
"""Rule of three: n items and none beyond bound a rate by 3 / n, with 95 % confidence (Hanley and
Lippman-Hand 1983), so that a ratio of LR needs 3 x LR of them."""
PARTS = 5
"""Parts of a sample that cannot be left out by source."""
EVERYTHING = "all"


class AssessedItem(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled item as it was judged."""

    ai: bool
    assessed: bool
    """Whether the calibration that is written judges it: it is long enough, inside the gate …"""
    log10_lr: float | None
    """Its ratio by a calibration that never saw its source; None where there is none."""
    source: str
    scene: str | None
    """Its scene or author, None where not stated."""
    groups: tuple[tuple[str, str], ...] = ()
    """Further groups it belongs to: (kind of group, name)."""


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """What a calibration may claim, and does."""

    of: str
    """The language, or `all`."""
    negatives: int
    """Independent items that are not AI."""
    positives: int
    largest_lr: float
    """The largest likelihood ratio that so many negatives support."""
    reached_lr: float
    """The largest that the calibration gives."""
    left_out: str
    """`source`, or `fifth` where a label has one source alone."""


class PathReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured on one path of a detector."""

    path: str
    """`full` or `fast`."""
    limits: tuple[Limit, ...]
    rows: tuple[AssessedItem, ...]


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """How many of how many, with the 95 % interval of the share (Wilson)."""

    k: int
    n: int
    share: float | None
    """None where n is 0."""
    low: float
    high: float


class Precision(msgspec.Struct, frozen=True, kw_only=True):
    """The share of flags that are right where a share of all items is AI."""

    prevalence: float
    share: float | None
    """None where nothing is flagged."""
    low: float
    """From the lower end of the true positives' and the upper end of the false positives' rate."""
    high: float
    n: int
    """Assessed items of both labels."""


class Flagged(msgspec.Struct, frozen=True, kw_only=True):
    """What is flagged from a likelihood ratio on."""

    lr: float
    above: bool
    """True: above `lr`; False: at `lr` or above."""
    false_positives: Rate
    """Rate among the assessed items that are not AI."""
    true_positives: Rate
    """Rate among the assessed items that are AI."""
    precision: tuple[Precision, ...]
    """A value for each prevalence; none where a label is missing."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one group of items."""

    by: str
    name: str
    negatives: int
    positives: int
    coverage: Rate
    """Items that are assessed, of both labels."""
    flagged: tuple[Flagged, ...]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one path."""

    path: str
    limits: tuple[Limit, ...]
    groups: tuple[Group, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of a calibration."""

    schema: str = "provenance.calibration/1"
    detector: str
    model: str
    data: str
    threshold: float
    assumed: tuple[Reason, ...]
    """What the figures take for granted, since the data do not say."""
    ways: tuple[Figures, ...]


def report(
    ways: Sequence[PathReport],
    *,
    detector: str,
    model: str,
    data: str,
    threshold: float = THRESHOLD,
    prevalences: Sequence[float],
) -> Report:
    """Return all figures of a calibration.

    Args:
        ways: what `calibrate` gave.
        detector: its name.
        model: as the user named it.
        data: as the user named them.
        threshold: the likelihood ratio from which on the user acts.
        prevalences: shares of AI among all items, 0..1, that precision is given for.
    """
    return Report(
        detector=detector,
        model=model,
        data=data,
        threshold=threshold,
        assumed=tuple(_assumed(ways[0].rows)),
        ways=tuple(
            Figures(
                path=each.path,
                limits=each.limits,
                groups=tuple(_groups(each.rows, threshold, prevalences)),
            )
            for each in ways
        ),
    )


def _assumed(rows: Sequence[AssessedItem]) -> list[Reason]:
    """Return what is taken for granted."""
    n = len(rows)
    said = []
    if without := sum(row.source == UNSTATED for row in rows):
        args = {"without": without, "items": n, "most": PER_SOURCE}
        said.append(Reason("calibration.no_source", args))
    if alone := sum(row.scene is None for row in rows):
        said.append(Reason("calibration.no_scene", {"without": alone, "items": n}))
    return said


def _groups(
    rows: Sequence[AssessedItem], threshold: float, prevalences: Sequence[float]
) -> "list[Group]":
    """Return the figures of everything, then of each group by kind and name."""
    groups: dict[tuple[str, str], list[AssessedItem]] = {(EVERYTHING, EVERYTHING): list(rows)}
    for row in rows:
        for key in (("source", row.source), *row.groups):
            groups.setdefault(key, []).append(row)
    kinds = list(dict.fromkeys(by for by, _ in groups))
    order = sorted(groups, key=lambda key: (kinds.index(key[0]), _place(key), key[1]))
    return [_group(key, groups[key], threshold, prevalences) for key in order]


def _place(key: tuple[str, str]) -> int:
    """Return the rank of a length among others: the number that its name begins with or holds."""
    number = re.search(r"\d+", key[1]) if key[0] == "length" else None
    return int(number[0]) if number else 0


def _group(
    key: tuple[str, str],
    rows: Sequence[AssessedItem],
    threshold: float,
    prevalences: Sequence[float],
) -> Group:
    """Return the figures of one group."""
    ratios = {
        label: [row.log10_lr for row in rows if row.ai == label and row.log10_lr is not None]
        for label in (False, True)
    }
    positives = sum(row.ai for row in rows)
    limits = ((1.0, True), (threshold, False))
    return Group(
        by=key[0],
        name=key[1],
        negatives=len(rows) - positives,
        positives=positives,
        coverage=rate(sum(row.assessed for row in rows), len(rows)),
        flagged=tuple(_flagged(lr, above, ratios, prevalences) for lr, above in limits),
    )


def _flagged(
    lr: float,
    above: bool,
    ratios: Mapping[bool, Sequence[float]],
    prevalences: Sequence[float],
) -> Flagged:
    """Return what is flagged from a likelihood ratio on."""
    least = in_record(lr)
    wrong, right = (
        rate(sum(r > least if above else r >= least for r in ratios[label]), len(ratios[label]))
        for label in (False, True)
    )
    both = wrong.n and right.n
    return Flagged(
        lr=lr,
        above=above,
        false_positives=wrong,
        true_positives=right,
        precision=tuple(precision(right, wrong, each) for each in prevalences) if both else (),
    )


def rate(k: int, n: int) -> Rate:
    """Return a share with its interval, 4 decimals."""
    low, high = wilson(k, n)
    share = round(k / n, 4) if n else None
    return Rate(k=k, n=n, share=share, low=round(low, 4), high=round(high, 4))


def precision(right: Rate, wrong: Rate, prevalence: float) -> Precision:
    """Return the share of flags that are right (positive predictive value).

    Args:
        right: true positives of the AI items.
        wrong: false positives of the others.
        prevalence: share of AI among all items.

    The interval's ends take the less and the more favourable ends of both rates, so that it is
    wider than either rate alone would make it.
    """

    def share(caught: float, accused: float) -> float | None:
        flags = prevalence * caught + (1 - prevalence) * accused
        return round(prevalence * caught / flags, 4) if flags else None

    return Precision(
        prevalence=prevalence,
        share=share(right.k / right.n, wrong.k / wrong.n),
        low=share(right.low, wrong.high) or 0.0,
        high=1.0 if (most := share(right.high, wrong.low)) is None else most,
        n=right.n + wrong.n,
    )


def in_record(lr: float) -> float:
    """Return a likelihood ratio as records write it: log10, rounded down to 2 decimals."""
    return math.floor(round(math.log10(lr) * 100, 9)) / 100


def supported(threshold: float, negatives: Mapping[str, int]) -> None:
    """Refuse a threshold that no part of the sample supports.

    Args:
        threshold: the likelihood ratio from which on the user wants to act.
        negatives: independent items that are not AI, by language or other part.

    Raises:
        ConfigError: says how many are needed, and what the sample supports.
    """
    most = max(negatives.values(), default=0)
    if most >= RULE * threshold:
        return
    has = ", ".join(f"{n} ({name})" for name, n in sorted(negatives.items())) or "none"
    least = f"use --threshold {most // RULE} or less" if most > RULE else "more are needed"
    raise ConfigError(
        f"a likelihood ratio of {threshold:g} needs {math.ceil(RULE * threshold)} independent items"
        f" that are not AI ({RULE} x {threshold:g}; of one source at most {PER_SOURCE} count); this"
        f" sample has {has}: {least}. Nothing was written"
    )


def left_out(
    labels: Sequence[bool],
    scores: Sequence[float],
    homes: Sequence[str],
    scenes: Sequence[str],
    fitted: Callable[[list[int]], Calibration],
) -> tuple[list[float | None], str]:
    """Return the log10 LR of each item by a calibration that never saw its source.

    Args:
        labels: True for AI.
        scores: of the items.
        homes: the source, or family of sources, that is left out as a whole.
        scenes: what is left out as a whole where a label has one home alone: then the sample is
            parted into fifths, by a hash of the scene.
        fitted: given the indices of those to calibrate on, gives the calibration.

    Returns:
        The ratios, None where the rest is of one label, and what was left out: `source`, `fifth`.
    """
    per_label = Counter(ai for ai, _ in set(zip(labels, homes, strict=True)))
    whole = min(per_label[True], per_label[False]) > 1
    folds = list(homes) if whole else _parts(scenes)
    ratios: list[float | None] = [None] * len(scores)
    for fold in sorted(set(folds)):
        rest = [at for at, own in enumerate(folds) if own != fold]
        if len({labels[at] for at in rest}) < 2:  # both labels
            continue
        known = fitted(rest)
        for at, own in enumerate(folds):
            if own == fold:
                ratios[at] = known.log10_lr(scores[at])
    return ratios, "source" if whole else "fifth"


def _parts(scenes: Sequence[str]) -> list[str]:
    """Return the part of each item, the same for all of a scene."""
    order = sorted(set(scenes), key=lambda scene: hashlib.sha256(scene.encode()).digest())
    part = {scene: str(at % PARTS) for at, scene in enumerate(order)}
    return [part[scene] for scene in scenes]


def limit(of: str, made: Calibration, how: str) -> Limit:
    """Return what a calibration may claim, and does.

    Args:
        of: the language, or `all`.
        made: the calibration that is written.
        how: what was left out, as `left_out` says.
    """
    return Limit(
        of=of,
        negatives=made.negatives,
        positives=made.positives,
        largest_lr=_figures(10**made.cap),
        reached_lr=_figures(10 ** min(made.knots[-1][1], made.cap)),
        left_out=how,
    )


def _figures(value: float) -> float:
    """Return three significant figures."""
    return float(f"{value:.3g}")
