"""A stated chance holds: tails recover what they were drawn from, and near is never less sure."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.bank.chance.tables import Tables, shipped, table
from detectors.bank.chance.tail_fit import TooFew, fit_tail, upper_count
from detectors.bank.entry import PERCEPTUAL, EntryKind
from detectors.bank.matching.verify import Verification, scaled

BINS = 257


def sample(seed: int, ratio: float, near: int, pictures: int) -> tuple["np.ndarray", "np.ndarray"]:  # type: ignore[type-arg]
    """Draw near pairs whose shares fall by a ratio below 60, among a million farther ones."""
    rng = np.random.default_rng(seed)
    places = np.maximum(0, 60 - (rng.geometric(1 - ratio, near) - 1))
    who = rng.integers(0, pictures, (near, 2))
    counts = np.bincount(places, minlength=BINS)
    counts[120] += 1_000_000
    return np.column_stack([who, places]), counts


def laid(correlation: float, tight: int, tiles: int = 90) -> Verification:
    return Verification(
        inliers=tight, correlation=correlation, tiles=tiles, covered=1, filled=1, angle=0
    )


@pytest.mark.parametrize("ratio", [0.6, 0.75, 0.85])
@pytest.mark.parametrize("seed", range(4))  # chance breaks it for some of many seeds
def test_a_tail_recovers_the_line_it_was_drawn_from(seed: int, ratio: float) -> None:
    near, counts = sample(seed, ratio, 150, 4000)
    tail = fit_tail(near, counts, "drawn")
    assert tail.ratio == pytest.approx(ratio, abs=0.08)
    assert tail.threshold == 60
    true = 150 / counts.sum() * ratio**20
    point, upper = tail.share(40)
    assert true / 6 < point < true * 6
    assert upper >= point
    assert upper > true / 2


def test_the_bound_covers_the_truth_as_often_as_it_says() -> None:
    true = [150 * 0.75**20 for _ in range(40)]
    bounds = []
    for seed in range(40):
        near, counts = sample(seed, 0.75, 150, 4000)
        bounds.append(fit_tail(near, counts, "drawn").share(40)[1] * counts.sum())
    assert sum(bound >= each for bound, each in zip(bounds, true, strict=True)) >= 36


def test_pairs_of_one_picture_widen_the_bound() -> None:
    many, counts = sample(1, 0.7, 150, 4000)
    few = many.copy()
    few[:, 0] %= 16
    narrow, wide = (fit_tail(each, counts, "drawn").share(60)[1] for each in (many, few))
    assert wide > 1.1 * narrow


def test_a_sample_without_a_tail_is_refused() -> None:
    near, counts = sample(1, 0.7, 20, 4000)
    with pytest.raises(TooFew, match="20 near pairs"):
        fit_tail(near, counts, "drawn")
    near[:, 0] = 3
    with pytest.raises(TooFew):
        fit_tail(np.tile(near, (3, 1)), 3 * counts, "drawn")


@given(st.integers(0, 256), st.integers(0, 256), st.integers(1, 10**9), st.sampled_from(EntryKind))
def test_nearer_is_never_less_sure(one: int, other: int, comparisons: int, kind: EntryKind) -> None:
    tables, name = shipped(), "pdq64.v1"
    near, far = (
        tables.by_hash(bits, kind, name).bank_wide(comparisons) for bits in sorted((one, other))
    )
    assert 0 <= near.point <= far.point <= 1
    assert near.upper <= far.upper + 1e-12
    assert near.point <= near.upper <= 1
    assert (
        tables.by_hash(one, kind, name).point
        <= tables.by_hash(one, kind, name).bank_wide(9).point + 1e-12
    )


@given(st.floats(-1, 1), st.floats(-1, 1), st.integers(0, 400), st.integers(0, 400))
def test_more_agreement_is_never_less_sure(c: float, d: float, p: int, q: int) -> None:
    low, high = sorted((c, d))
    few, many = sorted((p, q))
    better, worse = (
        shipped().by_features(scaled(laid(*each), 450)) for each in ((high, many), (low, few))
    )
    assert better.point <= worse.point <= 1


@pytest.mark.parametrize("algorithm", PERCEPTUAL)
@pytest.mark.parametrize("kind", EntryKind)
def test_the_shipped_tails_say_what_was_counted(kind: EntryKind, algorithm: str) -> None:
    tail = shipped().kinds[table(kind, algorithm)]
    for at, seen, point, upper in zip(tail.at, tail.seen, tail.point, tail.upper, strict=True):
        if at >= tail.threshold:
            assert point == pytest.approx(math.log10(seen / tail.pairs), abs=0.002)
        if seen == 0:
            assert upper >= math.log10(upper_count(0) / tail.pairs) - 0.001
    assert tail.share(256)[0] == pytest.approx(1, abs=0.01)


def test_a_kind_without_a_table_is_read_by_the_hardest() -> None:
    bare = Tables(kinds={})
    assert bare.by_hash(30, "unheard_of", "pdq") == shipped().by_hash(30, "ai_face", "pdq")
    assert bare.measured_entries() == shipped().measured_entries()


def test_a_poisson_count_has_its_textbook_bounds() -> None:
    assert upper_count(0) == pytest.approx(2.9957, rel=1e-3)
    assert upper_count(7) == pytest.approx(13.148, rel=1e-3)
    assert upper_count(10_000) == pytest.approx(10_165, rel=1e-3)


def test_agreement_is_scaled_without_leaving_the_numbers() -> None:
    assert all(math.isfinite(value) for value in scaled(laid(1.0, 0, 0), 0).values())
