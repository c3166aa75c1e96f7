import itertools
import math
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.errors import ConfigError
from detectors.models.calibration import GROUP, Calibration, fit
from detectors.models.statistics import wilson

SCORES = [i / 4 for i in range(-60, 61)]


def sample(seed: int, n: int, shift: float = 2.0) -> list[tuple[float, bool, str, list[str]]]:
    draw = random.Random(seed)  # noqa: S311 - a test sample
    rows = []
    for i in range(n):
        ai, source = bool(i % 2), draw.choice("abc")
        score = draw.gauss(shift if ai else 0, 1.5 if source == "a" else 1)
        rows.append((score, ai, source, [f"domain {source}", draw.choice(["en", "de"])]))
    return rows


def made(rows: list[tuple[float, bool, str, list[str]]]) -> Calibration:
    scores, labels, sources, groups = zip(*rows, strict=True)
    return fit(scores, labels, sources, groups, command="test")


samples = st.builds(
    sample, st.integers(0, 10**6), st.integers(40, 900), st.floats(0, 6, allow_nan=False)
)


@given(samples)
def test_a_higher_score_never_weighs_less_and_nothing_passes_cap_or_floor(rows: list) -> None:
    calibration = made(rows)
    ratios = [calibration.log10_lr(score) for score in SCORES]
    assert ratios == sorted(ratios)
    assert calibration.floor <= ratios[0] <= ratios[-1] <= calibration.cap
    assert ratios == [round(ratio, 2) for ratio in ratios]
    assert calibration.cap <= math.log10(calibration.negatives / 3)
    assert calibration.floor >= -math.log10(calibration.positives / 3)


@given(samples, st.randoms(use_true_random=False))
def test_the_order_of_the_sample_is_nothing(rows: list, shuffler: random.Random) -> None:
    mixed = shuffler.sample(rows, len(rows))
    assert made(mixed) == made(rows)


@given(samples)
def test_ten_is_reached_by_at_most_one_percent_of_any_large_group(rows: list) -> None:
    calibration = made(rows)
    humans = [(score, groups) for score, ai, _, groups in rows if not ai]
    for name, n in calibration.groups.items():
        scores = [score for score, groups in humans if name in {"all", *groups}]
        assert len(scores) == n >= GROUP
        assert sum(calibration.log10_lr(score) >= 1 for score in scores) <= 0.01 * n


@given(samples, st.sampled_from("abc"))
def test_a_further_group_never_raises_a_ratio(rows: list, source: str) -> None:
    fewer = made([(score, ai, at, []) for score, ai, at, _ in rows])
    more = made([(s, ai, at, ["g"] if at == source else []) for s, ai, at, _ in rows])
    knots = {knot[0] for knot in more.knots} & {knot[0] for knot in fewer.knots}
    assert all(more.log10_lr(at) <= fewer.log10_lr(at) for at in knots)


@given(st.integers(0, 10**6), st.floats(0, 6, allow_nan=False))
def test_a_knot_is_at_most_what_some_threshold_shows_of_the_group(seed: int, shift: float) -> None:
    rows = [
        (round(s, 2), ai, str(i), ["g"]) for i, (s, ai, *_) in enumerate(sample(seed, 260, shift))
    ]
    people, models = ([s for s, ai, *_ in rows if ai == label] for label in (False, True))
    shares = [
        (at, sum(s >= at for s in models) / len(models), wilson(above, len(people))[1])
        for at in sorted({step for s, *_ in rows for step in (s, round(s + 0.001, 3))})
        if (above := sum(s >= at for s in people))
    ]
    for at, value in made(rows).knots:
        if at <= max(people):
            best = max((caught / upper for t, caught, upper in shares if t <= at), default=1.0)
            assert value <= math.log10(max(best, 1.0)) + 1e-9


def test_a_source_counts_for_at_most_a_hundred_and_a_scene_once() -> None:
    rows = [(i % 7 - 3.0, i % 2 == 0, "one", []) for i in range(2000)]
    assert (made(rows).negatives, made(rows).positives) == (100, 100)
    scores, labels, sources, groups = zip(*rows, strict=True)
    scenes = [str(i % 20) for i in range(2000)]
    few = fit(scores, labels, sources, groups, command="", scenes=scenes)
    assert (few.negatives, few.positives) == (10, 10)
    assert few.cap == math.floor(math.log10(10 / 3) * 100) / 100


def test_perfect_scores_reach_the_cap_and_no_more() -> None:
    rows = [(5.0 if i % 2 else -5.0, bool(i % 2), f"{i % 20}", []) for i in range(2000)]
    calibration = made(rows)
    assert calibration.negatives == 1000
    assert calibration.log10_lr(5.0) == calibration.cap == 2.52
    assert calibration.log10_lr(-5.0) == calibration.floor == -2.52


def test_one_hard_group_bounds_everybody() -> None:
    easy = [(4.0 if i % 2 else -4.0, bool(i % 2), f"{i % 20}", ["easy"]) for i in range(2000)]
    hard = [(4.0 if i % 10 else -4.0, False, "hard", ["hard"]) for i in range(100)]
    assert made(easy).log10_lr(4.0) > 2
    assert made(easy + hard).log10_lr(4.0) < 0.1


def test_useless_scores_say_nothing() -> None:
    rows = [(float(i // 2 % 5), bool(i % 2), "abcd"[i // 10 % 4], []) for i in range(800)]
    assert {made(rows).log10_lr(score) for score in SCORES} <= {0.0, -0.0}


def test_between_knots_it_is_linear_and_outside_flat() -> None:
    calibration = Calibration(
        knots=((0.0, -1.0), (2.0, 1.0)), cap=0.75, floor=-1.5, negatives=17, positives=95,
        groups={}, command="",
    )  # fmt: skip
    seen = [calibration.log10_lr(at) for at in (-9, 0, 0.5, 1, 1.5, 2, 9)]
    assert seen == [-1.0, -1.0, -0.5, 0.0, 0.5, 0.75, 0.75]
    assert math.copysign(1, calibration.log10_lr(1)) == 1


@pytest.mark.parametrize("labels", [[True, True], [False, False]])
def test_one_label_alone_calibrates_nothing(labels: list[bool]) -> None:
    with pytest.raises(ConfigError, match="both labels"):
        fit([0.0, 1.0], labels, ["a", "b"], [[], []], command="")


@pytest.mark.parametrize("knots", [[], [[0, 1], [1, 0]], [[1, 0], [1, 1]]])
def test_a_stored_map_that_is_empty_or_falls_is_refused(knots: list) -> None:
    stored = {"cap": 1, "floor": -1, "negatives": 9, "positives": 9, "groups": {}, "command": ""}
    with pytest.raises(msgspec.ValidationError, match="knot"):
        msgspec.convert({**stored, "knots": knots}, Calibration)


def test_it_survives_json() -> None:
    calibration = made(sample(1, 600))
    again = msgspec.json.decode(msgspec.json.encode(calibration), type=Calibration)
    assert again == calibration
    assert all(a[1] <= b[1] for a, b in itertools.pairwise(again.knots))
