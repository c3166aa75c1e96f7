"""The seventeen rules, each as the sentence it promises."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.item import Kind
from detectors.signal import Claim, Outcome, Reason, Signal, Tier
from provenance.record import Origin, Risk, Verdict
from provenance.verdict import Policy, conflicts, judge, load, names, wrong_per_thousand
from provenance.verdict.evidence import ACCUSING, EXACT, canonical, strength, strongest_by_source
from provenance.verdict.rules import combined, uncancelled

POLICIES = {name: load(name) for name in names()}
DEFAULT = POLICIES["default"]
STATES = ("trusted", "valid", "invalid", "distrusted")
DECLARATIONS = (Claim.AI_GENERATED, Claim.AI_EDITED, Claim.EDITED, Claim.CAPTURED, None)
LOOKED_AT = {Tier.CREDENTIAL: "credentials", Tier.METADATA: "metadata", Tier.MATCH: "known_fakes"}
KINDS = (Kind.IMAGE, Kind.TEXT, Kind.UNSUPPORTED)


def signal(
    tier: Tier,
    claim: Claim | None = None,
    outcome: Outcome = Outcome.FINDING,
    *,
    detector: str | None = None,
    lr: float | None = None,
    source: str | None = None,
    code: str = "a.b",
    **facts: object,
) -> Signal:
    return Signal(
        detector=detector or LOOKED_AT.get(tier, "image_model"),
        tier=tier,
        outcome=outcome,
        claim=claim,
        log10_lr=lr,
        source=source,
        reason=Reason(code),
        facts=facts,
    )


CAPTURE = signal(Tier.CREDENTIAL, Claim.CAPTURED, state="trusted", ai=None)
NO_MARK = signal(Tier.METADATA, None, Outcome.CLEAR)

credentials = st.builds(
    lambda claim, state, integrity, ai: signal(
        Tier.CREDENTIAL, claim, state=state, integrity=integrity, ai=ai
    ),
    st.sampled_from([*DECLARATIONS, Claim.TAMPERED]),
    st.sampled_from(STATES),
    st.sampled_from(["holds", "broken", "unknown"]),
    st.sampled_from([None, "generated", "edited"]),
)
matches = st.builds(
    lambda claim, algorithm, chance: signal(
        Tier.MATCH, claim, algorithm=algorithm, false_match_probability=chance
    ),
    st.sampled_from([Claim.KNOWN_FAKE, Claim.KNOWN_INNOCENT]),
    st.sampled_from(["sha256", "md5", "pdq", "local"]),
    st.sampled_from([0.0, 4e-6, 1e-3, 1e-2, 0.5, None]),
)
marks = st.builds(
    lambda claim, detector: signal(Tier.METADATA, claim, detector=detector),
    st.sampled_from(
        [Claim.AI_GENERATED, Claim.AI_EDITED, Claim.EDITED, Claim.HIDDEN_CONTENT, Claim.TAMPERED]
    ),
    st.sampled_from(["metadata", "text_marks"]),
)
statistics = st.builds(
    lambda lr, detector, source: signal(
        Tier.STATISTICAL, Claim.AI_GENERATED, detector=detector, lr=lr, source=source, cap=4.0
    ),
    st.sampled_from([0.4, 0.9, 1.4, 2.0, 2.3, 3.9]),
    st.sampled_from(["image_model", "portrait", "text_model", "plug_in"]),
    st.sampled_from(["pixels", "text", "noise", None]),
)
coordinated = st.builds(
    lambda q: signal(Tier.COORDINATION, Claim.COORDINATED, detector="coordination", q=q),
    st.sampled_from([0.001, 0.01, 0.2]),
)
silent = st.builds(
    lambda tier, outcome, state: signal(tier, None, outcome, state=state, lr=None),
    st.sampled_from(list(Tier)),
    st.sampled_from([Outcome.CLEAR, Outcome.NOT_ASSESSED, Outcome.FAILED]),
    st.sampled_from(["absent", "trusted", "unreadable"]),
)
anything = st.lists(
    st.one_of(credentials, matches, marks, statistics, coordinated, silent), max_size=8
)
policies = st.sampled_from(list(POLICIES.values()))
kinds = st.sampled_from(KINDS)


def meant(verdict: Verdict, said: list[Signal]) -> tuple[object, ...]:
    """Return what a verdict says without saying where in the list it stands."""
    return (
        verdict.risk,
        verdict.origin,
        verdict.complete,
        [canonical(said[i]) for i in verdict.reasons],
        {canonical(said[i]) for i in verdict.not_assessed},
    )


@given(anything, policies, kinds, st.data())
def test_rule_1_order_and_duplicates_change_nothing(
    said: list[Signal], policy: Policy, kind: Kind, data: st.DataObject
) -> None:
    again = data.draw(st.permutations(said + said[: len(said) // 2]))
    assert meant(judge(said, policy, kind), said) == meant(judge(again, policy, kind), again)


@given(anything, policies, kinds)
def test_rule_2_without_a_row_nothing_is_worse_than_inconclusive(
    said: list[Signal], policy: Policy, kind: Kind
) -> None:
    bare = msgspec.structs.replace(policy, rows=[])
    assert judge(said, bare, kind).risk is Risk.INCONCLUSIVE


@given(anything, st.one_of(credentials, matches, marks, statistics, coordinated), policies)
def test_rule_3_a_further_accusation_never_lowers_the_risk(
    said: list[Signal], more: Signal, policy: Policy
) -> None:
    more = more if more.claim in ACCUSING else msgspec.structs.replace(more, claim=Claim.TAMPERED)
    before = judge(said, policy, Kind.IMAGE).risk
    assert judge([*said, more], policy, Kind.IMAGE).risk.rank >= before.rank


@given(st.lists(statistics, max_size=6), st.data())
def test_rule_4_one_source_counts_once_by_its_strongest(
    said: list[Signal], data: st.DataObject
) -> None:
    kept = strongest_by_source(said)
    named = [one.source for one in kept if one.source]
    assert len(named) == len(set(named))
    for one in said:
        if one.source:
            assert any(s.source == one.source and strength(s) <= strength(one) for s in kept)
    assert strongest_by_source(data.draw(st.permutations(said))) == kept


@given(st.lists(st.one_of(statistics, coordinated, marks), max_size=12), policies)
def test_rule_5_statistics_marks_and_coordination_are_never_high(
    said: list[Signal], policy: Policy
) -> None:
    everything = [*said, *conflicts(said)]
    assert judge(everything, policy, Kind.IMAGE).risk.rank < Risk.HIGH.rank


@given(st.floats(-2, 4), st.floats(0.001, 0.5), st.floats(0.1, 0.95))
def test_rule_6_a_statistic_needs_ratio_and_right_flags(
    lr: float, prior: float, least: float
) -> None:
    policy = msgspec.structs.replace(DEFAULT, prior=prior, min_ppv=least)
    outcome = Outcome.FINDING if lr > 0 else Outcome.CLEAR
    claim = Claim.AI_GENERATED if lr > 0 else None
    said = [signal(Tier.STATISTICAL, claim, outcome, lr=lr, source="pixels")]
    odds = prior / (1 - prior) * 10**lr
    enough = lr >= 2.0 and odds / (1 + odds) >= least
    assert (judge(said, policy, Kind.IMAGE).risk is Risk.REVIEW) == enough


@given(st.lists(statistics, min_size=1, max_size=8))
def test_rule_6_the_sum_is_capped_at_the_largest_cap(said: list[Signal]) -> None:
    assert max(s.log10_lr or 0 for s in said) <= combined(said) <= 4.0


@given(anything, silent, policies, kinds)
def test_rule_7_silence_asks_for_nothing(
    said: list[Signal], quiet: Signal, policy: Policy, kind: Kind
) -> None:
    # Completeness alone may move, and with it the line between low and inconclusive (rule 9).
    both = {judge(said, policy, kind).risk, judge([*said, quiet], policy, kind).risk}
    assert len(both) == 1 or both == {Risk.LOW, Risk.INCONCLUSIVE}
    assert judge([quiet], policy, kind).risk is Risk.INCONCLUSIVE


@given(anything, policies, st.sampled_from([Kind.IMAGE, Kind.TEXT]))
def test_rule_8_complete_means_required_looked_and_none_failed(
    said: list[Signal], policy: Policy, kind: Kind
) -> None:
    required = policy.required.images if kind is Kind.IMAGE else policy.required.texts
    verdict = judge(said, policy, kind)
    outcomes = {name: {s.outcome for s in said if s.detector == name} for name in required}
    looked = all(got and Outcome.NOT_ASSESSED not in got for got in outcomes.values())
    assert verdict.complete == (looked and Outcome.FAILED not in {s.outcome for s in said})
    assert not judge(said, policy, Kind.UNSUPPORTED).complete


@given(anything, policies, kinds)
def test_rule_9_low_needs_a_trusted_capture_and_nothing_against_it(
    said: list[Signal], policy: Policy, kind: Kind
) -> None:
    said = [*said, CAPTURE, NO_MARK]
    said += conflicts(said)
    verdict = judge(said, policy, kind)
    if verdict.risk is Risk.LOW:
        assert verdict.complete
        assert not any(s.claim is Claim.CONFLICT for s in said)
        assert not any(s.tier is Tier.METADATA and s.claim in ACCUSING for s in said)
    assert judge([CAPTURE, NO_MARK], DEFAULT, Kind.IMAGE).risk is Risk.LOW
    assert judge([CAPTURE], DEFAULT, Kind.IMAGE).risk is Risk.INCONCLUSIVE


@given(anything)
def test_rule_10_the_origin_is_declared_not_measured(said: list[Signal]) -> None:
    declared = [s for s in said if s.tier in (Tier.CREDENTIAL, Tier.METADATA)]
    origin = judge(said, DEFAULT, Kind.IMAGE).origin
    assert origin is judge(declared, DEFAULT, Kind.IMAGE).origin
    if origin is Origin.CAPTURED:
        assert any(s.claim is Claim.CAPTURED and s.facts["state"] == "trusted" for s in said)


def test_rule_10_the_strongest_declaration_speaks() -> None:
    for strong, weak in itertools.combinations(DECLARATIONS[:3], 2):
        said = [signal(Tier.CREDENTIAL, claim, state="valid") for claim in (weak, strong)]
        assert judge(said, DEFAULT, Kind.IMAGE).origin.value == strong
    mark = signal(Tier.METADATA, Claim.EDITED)
    edited = signal(Tier.CREDENTIAL, Claim.EDITED, state="valid")
    assert judge([mark], DEFAULT, Kind.IMAGE).origin is Origin.EDITED
    generated = signal(Tier.METADATA, Claim.AI_GENERATED)
    assert judge([edited, generated], DEFAULT, Kind.IMAGE).origin is Origin.AI_GENERATED
    unlisted = signal(Tier.CREDENTIAL, Claim.CAPTURED, state="valid")
    assert judge([unlisted], DEFAULT, Kind.IMAGE).origin is Origin.UNKNOWN
    assert judge([unlisted, generated], DEFAULT, Kind.IMAGE).origin is Origin.CONFLICTING


@pytest.mark.parametrize(
    "facts", [{"ai": "generated"}, {"product_conflict": {"product": "Snapseed"}}]
)
def test_rule_10_what_excludes_itself_is_conflicting(facts: dict[str, object]) -> None:
    said = [signal(Tier.CREDENTIAL, Claim.CAPTURED, state="trusted", **facts), NO_MARK]
    verdict = judge([*said, *conflicts(said)], DEFAULT, Kind.IMAGE)
    assert verdict.origin is Origin.CONFLICTING
    assert verdict.risk is not Risk.LOW


@given(st.lists(statistics, max_size=4), policies)
def test_rule_11_no_statistic_moves_a_declared_capture(said: list[Signal], policy: Policy) -> None:
    everything = [CAPTURE, NO_MARK, *said]
    everything += conflicts(everything)
    verdict = judge(everything, policy, Kind.IMAGE)
    assert verdict.origin is Origin.CAPTURED
    assert verdict.risk.rank <= Risk.REVIEW.rank


@given(credentials, policies)
def test_rule_12_a_credential_that_does_not_hold_sets_no_origin(
    said: Signal, policy: Policy
) -> None:
    broken = msgspec.structs.replace(
        said, facts=said.facts | {"state": "invalid", "integrity": "broken"}
    )
    verdict = judge([broken], policy, Kind.IMAGE)
    assert (verdict.risk, verdict.origin) == (Risk.REVIEW, Origin.UNKNOWN)
    unlisted = msgspec.structs.replace(said, facts=said.facts | {"state": "valid"})
    assert judge([unlisted, NO_MARK], policy, Kind.IMAGE).risk is not Risk.LOW


@given(matches, matches)
def test_rule_13_only_a_perceptual_innocent_at_least_as_near_cancels(
    one: Signal, other: Signal
) -> None:
    fake = msgspec.structs.replace(one, claim=Claim.KNOWN_FAKE)
    innocent = msgspec.structs.replace(other, claim=Claim.KNOWN_INNOCENT)
    kept = uncancelled([fake, innocent])
    near, far = (s.facts["false_match_probability"] for s in (innocent, fake))
    looks = not EXACT & {fake.facts["algorithm"], innocent.facts["algorithm"]}
    cancelled = looks and near is not None and far is not None and near <= far
    assert kept == ([innocent] if cancelled else [fake, innocent])


@given(matches, st.sampled_from(["sha256", "sha1", "md5"]), policies)
def test_rule_13_beside_the_very_bytes_of_an_innocent_no_match_is_high(
    one: Signal, algorithm: str, policy: Policy
) -> None:
    innocent = signal(
        Tier.MATCH, Claim.KNOWN_INNOCENT, algorithm=algorithm, false_match_probability=0.0
    )
    assert judge([one, innocent], policy, Kind.IMAGE).risk.rank <= Risk.REVIEW.rank


@given(st.floats(0, 1), st.integers(0, 256))
def test_rule_14_a_match_counts_by_its_chance_not_by_its_distance(
    chance: float, distance: int
) -> None:
    said = signal(
        Tier.MATCH,
        Claim.KNOWN_FAKE,
        algorithm="pdq",
        distance=distance,
        false_match_probability=chance,
    )
    expected = Risk.HIGH if chance <= 1e-3 else Risk.REVIEW if chance <= 1e-2 else None
    assert judge([said], DEFAULT, Kind.IMAGE).risk is (expected or Risk.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("algorithm", "risk"),
    [("sha256", Risk.HIGH), ("sha1", Risk.REVIEW), ("md5", Risk.REVIEW)],
)
def test_rule_14_a_digest_that_can_be_forged_gives_review(algorithm: str, risk: Risk) -> None:
    said = signal(Tier.MATCH, Claim.KNOWN_FAKE, algorithm=algorithm, false_match_probability=0.0)
    assert judge([said], DEFAULT, Kind.IMAGE).risk is risk


@given(anything, policies, kinds)
def test_rule_15_reasons_are_findings_and_all_gaps_are_listed(
    said: list[Signal], policy: Policy, kind: Kind
) -> None:
    verdict = judge(said, policy, kind)
    assert all(said[i].outcome is Outcome.FINDING for i in verdict.reasons)
    gaps = [i for i, s in enumerate(said) if s.outcome in (Outcome.NOT_ASSESSED, Outcome.FAILED)]
    assert verdict.not_assessed == gaps
    if verdict.risk is not Risk.INCONCLUSIVE:
        assert verdict.reasons
        harmless = [s for s in said if s.claim is Claim.KNOWN_INNOCENT]  # they lower a match
        alone = [said[i] for i in verdict.reasons] + harmless
        assert verdict.risk is Risk.LOW or judge(alone, policy, kind).risk is verdict.risk


@given(anything, policies, kinds)
def test_rule_17_a_record_replays_to_the_same_verdict(
    said: list[Signal], policy: Policy, kind: Kind
) -> None:
    said = [*said, *conflicts(said)]
    stored = msgspec.json.decode(msgspec.json.encode(said), type=list[Signal])
    fresh = [s for s in stored if s.detector != "item"]
    assert [*fresh, *conflicts(stored)] == said
    assert judge(stored, policy, kind) == judge(said, policy, kind)
    assert judge(stored, policy, kind).policy == policy.stamp


PARTS = {
    "text": Kind.TEXT,
    "media/0": Kind.IMAGE,
    "media/1": Kind.TEXT,
    "media/2": Kind.UNSUPPORTED,
}
"""Parts of a post, whose kinds their names do not tell: a picture, a document, a film."""


@given(st.lists(st.tuples(anything, st.sampled_from(sorted(PARTS)))), policies)
def test_a_post_is_judged_as_its_worst_part(
    parts: list[tuple[list[Signal], str]], policy: Policy
) -> None:
    by_part: dict[str, list[Signal]] = {}
    for said, part in parts:
        by_part.setdefault(part, []).extend(msgspec.structs.replace(s, part=part) for s in said)
    everything = [s for said in by_part.values() for s in said]
    alone = [judge(s, policy, PARTS[p]) for p, s in by_part.items() if s]
    verdict = judge(everything, policy, Kind.POST, PARTS)
    assert verdict.risk.rank == max([v.risk.rank for v in alone], default=Risk.INCONCLUSIVE.rank)
    assert verdict.complete == all(v.complete for v in alone)
    assert len(verdict.not_assessed) == sum(len(v.not_assessed) for v in alone)
    assert all(everything[i].outcome is Outcome.FINDING for i in verdict.reasons)


@pytest.mark.parametrize(
    ("lr", "prior", "wrong"), [(30, 0.02, 620), (100, 0.02, 329), (100, 0.2, 38), (333, 0.01, 229)]
)
def test_wrong_flags_in_a_thousand(lr: float, prior: float, wrong: int) -> None:
    import math

    assert wrong_per_thousand(math.log10(lr), prior) == wrong
