"""Rates with intervals, thresholds that a sample can carry, and sources left out."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.errors import ConfigError
from detectors.models.calibration import Calibration, independent
from detectors.models.labelled import UNSTATED
from detectors.models.report import (
    AssessedItem,
    PathReport,
    left_out,
    limit,
    precision,
    rate,
    report,
    supported,
)

COUNTS = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def row(
    ratio: float | None, *, ai: bool = False, source: str = "a", group: str = "x"
) -> AssessedItem:
    return AssessedItem(
        ai=ai,
        assessed=ratio is not None,
        log10_lr=ratio,
        source=source,
        scene=None,
        groups=(("kind", group),),
    )


def figures(rows: list[AssessedItem], threshold: float = 10.0) -> dict[str, object]:
    way = PathReport(path="full", limits=(), rows=tuple(rows))
    made = report(
        [way], detector="d", model="m", data="x", threshold=threshold, prevalences=(0.01, 0.5)
    )
    return {f"{group.by} {group.name}": group for group in made.ways[0].groups}


def test_a_group_counts_what_is_judged_flagged_and_flagged_strongly() -> None:
    people = [row(0.0), row(0.01), row(1.0), row(None)]
    models = [row(1.2, ai=True, group="y"), row(-0.5, ai=True, group="y")]
    groups = figures([*people, *models])
    assert list(groups) == ["all all", "source a", "kind x", "kind y"]
    whole = groups["all all"]
    assert (whole.negatives, whole.positives) == (4, 2)
    assert (whole.coverage.k, whole.coverage.n) == (5, 6)
    above, strong = whole.flagged
    assert (above.lr, above.above, strong.lr, strong.above) == (1.0, True, 10.0, False)
    assert (above.false_positives.k, above.false_positives.n) == (2, 3)
    assert (strong.false_positives.k, strong.true_positives.k) == (1, 1)
    assert groups["kind x"].flagged[0].true_positives.share is None
    assert groups["kind x"].flagged[0].precision == ()


def test_a_threshold_is_met_as_the_record_rounds_it() -> None:
    (strong,) = figures([row(1.51)], threshold=33.0)["all all"].flagged[1:]
    assert strong.false_positives.k == 1  # log10 33 = 1.518, and records have two decimals


@given(COUNTS, COUNTS, st.floats(0.001, 0.999))
def test_the_share_of_right_flags_lies_in_its_interval_and_rises_with_prevalence(
    caught: tuple[int, int], accused: tuple[int, int], prevalence: float
) -> None:
    right, wrong = rate(*caught), rate(*accused)
    found, rarer = (precision(right, wrong, p) for p in (prevalence, prevalence / 2))
    assert found.n == right.n + wrong.n
    assert 0 <= found.low <= found.high <= 1
    if found.share is None or rarer.share is None:
        assert not right.k + wrong.k
        return
    assert found.low <= found.share <= found.high
    assert rarer.share <= found.share
    odds = prevalence / (1 - prevalence) * (right.k / right.n)
    expected = odds / (odds + wrong.k / wrong.n) if right.k else 0.0
    assert found.share == pytest.approx(expected, abs=1e-4)


def test_precision_agrees_with_arithmetic() -> None:
    # 80 of 100 caught, 1 of 100 accused, 1 in 100 is AI: .008 right flags for .0099 wrong ones
    found = precision(rate(80, 100), rate(1, 100), 0.01)
    assert found.share == pytest.approx(0.008 / (0.008 + 0.0099), abs=1e-4)


@given(st.floats(1, 1000), st.lists(st.integers(0, 3000), min_size=1, max_size=3))
def test_a_threshold_passes_exactly_where_some_part_has_three_times_as_many(
    threshold: float, counts: list[int]
) -> None:
    parts = {f"part {at}": n for at, n in enumerate(counts)}
    if max(counts) >= 3 * threshold:
        supported(threshold, parts)
        return
    with pytest.raises(ConfigError, match=f"needs {math.ceil(3 * threshold)} independent"):
        supported(threshold, parts)


def test_a_refusal_says_what_would_be_supported() -> None:
    with pytest.raises(ConfigError, match=r"has 150 \(en\), 20 \(ru\): use --threshold 50 or less"):
        supported(100, {"ru": 20, "en": 150})
    with pytest.raises(ConfigError, match="this sample has none: more are needed"):
        supported(10, {})


def flat(negatives: int) -> Calibration:
    return Calibration(
        knots=((0.0, 0.5),), cap=1.0, floor=-1.0, negatives=negatives, positives=9, groups={},
        command="",
    )  # fmt: skip


def test_whole_sources_are_left_out_where_each_label_has_two() -> None:
    labels = [True, True, False, False, False]
    homes = ["a", "b", "c", "d", "d"]
    asked: list[list[int]] = []
    ratios, how = left_out(
        labels, [0.0] * 5, homes, list("vwxyz"), lambda rest: (asked.append(rest), flat(9))[1]
    )
    assert how == "source"
    assert ratios == [0.5] * 5
    assert asked == [[1, 2, 3, 4], [0, 2, 3, 4], [0, 1, 3, 4], [0, 1, 2]]


def test_fifths_are_left_out_where_a_label_has_one_source_and_scenes_stay_whole() -> None:
    labels = [at % 2 == 0 for at in range(60)]
    scenes = [f"scene {at // 4}" for at in range(60)]
    asked: list[list[int]] = []
    ratios, how = left_out(
        labels, [0.0] * 60, ["one"] * 60, scenes, lambda rest: (asked.append(rest), flat(9))[1]
    )
    assert how == "fifth"
    assert ratios == [0.5] * 60
    assert len(asked) == 5
    for rest in asked:
        assert not {scenes[at] for at in rest} & {scenes[at] for at in range(60) if at not in rest}


def test_what_cannot_be_calibrated_without_it_has_no_ratio() -> None:
    ratios, how = left_out([True, False], [1.0, 2.0], ["a", "a"], ["s", "s"], lambda _: flat(9))
    assert (ratios, how) == ([None, None], "fifth")


def test_what_the_data_do_not_say_is_said() -> None:
    way = PathReport(path="full", limits=(), rows=(row(0.0, source=UNSTATED), row(0.0)))
    said = report([way], detector="d", model="m", data="x", prevalences=()).assumed
    assert [(reason.code, reason.args["without"], reason.args["items"]) for reason in said] == [
        ("calibration.no_source", 1, 2),
        ("calibration.no_scene", 2, 2),
    ]
    stated = AssessedItem(ai=True, assessed=True, log10_lr=1.0, source="a", scene="b")
    way = PathReport(path="full", limits=(), rows=(stated,))
    assert report([way], detector="d", model="m", data="x", prevalences=()).assumed == ()


def test_a_limit_says_what_is_supported_and_what_is_reached() -> None:
    found = limit("en", flat(30), "source")
    assert (found.largest_lr, found.reached_lr, found.negatives) == (10.0, 3.16, 30)


def test_lengths_stand_in_their_order() -> None:
    names = ("over 300 words", "up to 50 words", "151 to 300 words", "51 to 150 words")
    rows = [
        AssessedItem(
            ai=False, assessed=False, log10_lr=None, source="a", scene=None, groups=(("length", n),)
        )
        for n in names
    ]
    shown = [key for key in figures(rows) if key.startswith("length")]
    assert [key.split()[1] for key in shown] == ["up", "51", "151", "over"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 150)), max_size=400))
def test_a_scene_counts_once_and_a_source_for_a_hundred(items: list[tuple[str, int]]) -> None:
    distinct = [{scene for source, scene in items if source == name} for name in "ab"]
    found = independent([s for s, _ in items], [str(scene) for _, scene in items])
    assert found == sum(min(len(scenes), 100) for scenes in distinct)
