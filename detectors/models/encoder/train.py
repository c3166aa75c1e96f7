"""Probes on tokens: logistic regression with a strong prior, sources balanced, repeatable."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

STEPS = 30
"""Newton steps at most; six to ten are usual."""
ENOUGH = 1e-8
"""Largest change of a coefficient at which the fit ends."""


class Probe(msgspec.Struct, frozen=True):
    """A linear map from features to natural log odds."""

    weight: "Floats"
    """(features,)"""
    bias: float

    def __call__(self, features: "NDArray[np.floating]") -> "Floats":
        """Return the log odds of rows of features (n, features)."""
        scores: Floats = features.astype(np.float64) @ self.weight + self.bias
        return scores


def balanced(labels: Sequence[bool], sources: Sequence[str]) -> "Floats":
    """Return weights by which a source of n items of a class counts like sqrt(n) of them.

    Each class sums to half the number of items, so that neither a large source nor the larger class
    sets the answer.
    """
    sizes = Counter(zip(labels, sources, strict=True))
    weights = np.array([sizes[key] ** -0.5 for key in zip(labels, sources, strict=True)])
    ai = np.asarray(labels, bool)
    for side in (ai, ~ai):
        weights[side] *= ai.size / 2 / max(weights[side].sum(), 1e-12)
    return weights


def fit(
    features: "NDArray[np.floating]",
    labels: Sequence[bool],
    weights: "Floats",
    strength: float,
    start: Probe | None = None,
) -> Probe:
    """Return the probe that minimises |w|^2 / 2 + strength x the weighted logistic loss.

    Args:
        features: (n, features); standardised inside, so that one strength fits all of them.
        labels: True for AI.
        weights: of the rows.
        strength: how much the data count against the prior (sklearn's C).
        start: a probe near the one sought: the way from it is shorter, its end the same.
    """
    rows = features.astype(np.float64)
    share = weights / weights.sum()
    mean = share @ rows
    scale = np.sqrt(np.maximum(share @ (rows - mean) ** 2, 1e-12))
    axes, turned = _turned((rows - mean) / scale)
    design = np.concatenate([turned, np.ones((len(rows), 1))], 1)
    truth = np.asarray(labels, np.float64)
    prior = np.ones(design.shape[1])
    prior[-1] = 1e-6  # the intercept is free
    at = np.zeros(design.shape[1])
    if start is not None:
        weight = start.weight * scale
        at[:-1] = weight if axes is None else weight @ axes
        at[-1] = start.bias + mean @ start.weight
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ at, -30, 30)))
        slope = strength * design.T @ (weights * (chance - truth)) + prior * at
        curve = strength * (design.T * (weights * chance * (1 - chance))) @ design
        step = np.linalg.solve(curve + np.diag(prior), slope)
        at -= step
        if np.abs(step).max() < ENOUGH:
            break
    weight = (at[:-1] if axes is None else axes @ at[:-1]) / scale
    return Probe(weight, float(at[-1] - weight @ mean))


def _turned(rows: "Floats") -> "tuple[Floats | None, Floats]":
    """Return axes that span the rows, and the rows along them, where these are fewer than features.

    The prior is the same in all directions, so the solution lies in what the rows span: with few
    pictures it is found there at a fraction of the cost. Otherwise: no axes, and the rows.
    """
    if len(rows) >= rows.shape[1]:
        return None, rows
    axes, along = np.linalg.qr(rows.T)
    return axes, along.T


def out_of_source(
    sources: Sequence[str], scored: "Callable[[NDArray[np.bool_], NDArray[np.bool_]], Floats]"
) -> "Floats":
    """Return the score of each item by a probe that never saw its source.

    Args:
        sources: of the items.
        scored: given which items to learn from and which to score, gives the latter's scores.
    """
    names = np.asarray(sources)
    out = np.empty(len(names))
    for name in sorted(set(sources)):
        held = names == name
        out[held] = scored(~held, held)
    return out
