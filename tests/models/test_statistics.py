import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.models.statistics import auroc, auroc_interval, wilson


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(0, 10, 0, 0.2775), (1, 10, 0.0179, 0.4042), (81, 263, 0.2553, 0.3662), (0, 0, 0, 1)],
)  # the third: Newcombe, Statistics in Medicine 17 (1998), table I, method 3
def test_wilson_agrees_with_print(k: int, n: int, low: float, high: float) -> None:
    assert wilson(k, n) == pytest.approx((low, high), abs=5e-5)


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=30))
def test_auroc_is_the_share_of_pairs_in_order(rows: list[tuple[int, bool]]) -> None:
    ai = [score for score, label in rows if label]
    human = [score for score, label in rows if not label]
    pairs = [(a > h) + (a == h) / 2 for a, h in itertools.product(ai, human)]
    area = auroc([score for score, _ in rows], [label for _, label in rows])
    assert area == (pytest.approx(sum(pairs) / len(pairs)) if pairs else None)


def test_the_interval_holds_the_area_and_is_repeatable() -> None:
    scores, labels = [i * 7 % 13 for i in range(60)], [i % 3 == 0 for i in range(60)]
    interval = auroc_interval(scores, labels, rounds=100)
    assert interval == auroc_interval(scores, labels, rounds=100)
    assert interval is not None
    assert interval[0] < (auroc(scores, labels) or 0) < interval[1]
    assert auroc_interval([1.0], [True]) is None
