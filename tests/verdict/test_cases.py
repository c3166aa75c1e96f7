"""The worked cases A to J: what a reader may expect of the default policy."""

import msgspec
import pytest

from detectors.item import Kind
from detectors.signal import Claim, Outcome, Reason, Signal, Tier
from provenance.record import Origin, Risk
from provenance.verdict import conflicts, judge, load, wrong_per_thousand
from provenance.verdict.rules import combined

DEFAULT = load("default")


def credential(claim: Claim | None, state: str, **facts: object) -> Signal:
    return Signal(
        detector="credentials",
        tier=Tier.CREDENTIAL,
        outcome=Outcome.FINDING,
        claim=claim,
        source="c2pa:urn:a",
        reason=Reason("credential.declared"),
        facts={"state": state, **facts},
    )


def measured(lr: float, detector: str, source: str, cap: float = 2.0) -> Signal:
    return Signal(
        detector=detector,
        tier=Tier.STATISTICAL,
        outcome=Outcome.FINDING if lr > 0 else Outcome.CLEAR,
        claim=Claim.AI_GENERATED if lr > 0 else None,
        log10_lr=lr,
        source=source,
        reason=Reason(f"{detector}.supports"),
        facts={"cap": cap},
    )


def match(claim: Claim, chance: float) -> Signal:
    return Signal(
        detector="known_fakes",
        tier=Tier.MATCH,
        outcome=Outcome.FINDING,
        claim=claim,
        source=f"bank:b/{claim}",
        reason=Reason("known_fakes.match"),
        facts={"algorithm": "pdq", "false_match_probability": chance},
    )


def quiet(detector: str, tier: Tier, outcome: Outcome = Outcome.CLEAR) -> Signal:
    return Signal(detector=detector, tier=tier, outcome=outcome, reason=Reason(f"{detector}.none"))


UNSIGNED = quiet("credentials", Tier.CREDENTIAL)
UNMARKED = quiet("metadata", Tier.METADATA)
CAPTURE = credential(Claim.CAPTURED, "trusted", integrity="holds", ai=None)
PIXELS = measured(1.4, "image_model", "pixels")
DECLARED = credential(Claim.AI_GENERATED, "valid", ai="generated")
BROKEN = credential(Claim.TAMPERED, "invalid", integrity="broken", ai="generated")
FAKE, INNOCENT = match(Claim.KNOWN_FAKE, 4e-6), match(Claim.KNOWN_INNOCENT, 1e-6)
AGAINST = measured(2.3, "image_model", "pixels", cap=2.52)
CASES = {
    "A": ([DECLARED, PIXELS], "high", "ai_generated", ["credentials"]),
    "B": ([UNSIGNED, measured(2.0, "image_model", "pixels")], "review", "unknown", ["image_model"]),
    "D": ([PIXELS, measured(1.4, "portrait", "pixels")], "inconclusive", "unknown", []),
    "E": ([PIXELS, measured(0.9, "b", "noise")], "review", "unknown", ["image_model", "b"]),
    "F": ([CAPTURE, AGAINST], "review", "captured", ["image_model"]),
    "G": ([CAPTURE, measured(-0.5, "image_model", "pixels")], "low", "captured", ["credentials"]),
    "H": ([BROKEN], "review", "unknown", ["credentials"]),
    "I": ([FAKE, INNOCENT], "inconclusive", "unknown", []),
}


@pytest.mark.parametrize("case", CASES)
def test_worked_case(case: str) -> None:
    said, risk, origin, decided = CASES[case]
    said = [*said, UNMARKED]
    said += conflicts(said)
    verdict = judge(said, DEFAULT, Kind.IMAGE)
    assert (verdict.risk, verdict.origin) == (risk, origin)
    assert [said[i].detector for i in verdict.reasons] == decided


def test_case_b_names_the_wrong_flags() -> None:
    assert wrong_per_thousand(2.0, DEFAULT.prior) == 83


def test_case_c_a_rare_evil_needs_more_support() -> None:
    said = [measured(2.0, "image_model", "pixels")]
    rare = msgspec.structs.replace(DEFAULT, prior=0.01)
    assert judge(said, rare, Kind.IMAGE).risk is Risk.REVIEW
    assert wrong_per_thousand(2.0, 0.01) == 497
    rarer = msgspec.structs.replace(DEFAULT, prior=0.009)
    assert judge(said, rarer, Kind.IMAGE).risk is Risk.INCONCLUSIVE


def test_case_e_adds_two_sources_up_to_the_cap() -> None:
    assert combined(CASES["E"][0]) == 2.0
    strong = msgspec.structs.replace(PIXELS, facts={}, reason=Reason("a", {"cap": 2.2}))
    assert combined([strong, measured(0.9, "b", "noise")]) == 2.2
    uncapped = [msgspec.structs.replace(signal, facts={}) for signal in CASES["E"][0]]
    assert combined(uncapped) == 1.4, "without a known cap a sum claims no more than its strongest"


def test_case_f_shows_the_conflict() -> None:
    (conflict,) = conflicts(CASES["F"][0])
    assert conflict.claim is Claim.CONFLICT
    assert conflict.reason.args == {"detector": "image_model", "log10_lr": 2.3}


def test_case_j_a_short_text_is_inconclusive_and_complete() -> None:
    said = [
        quiet("text_credentials", Tier.CREDENTIAL),
        quiet("text_marks", Tier.METADATA),
        quiet("text_model", Tier.STATISTICAL, Outcome.NOT_ASSESSED),
    ]
    verdict = judge(said, DEFAULT, Kind.TEXT)
    assert (verdict.risk, verdict.complete, verdict.not_assessed) == (Risk.INCONCLUSIVE, True, [2])


def test_an_expired_but_intact_credential_weighs_like_an_unlisted_one() -> None:
    said = [credential(Claim.AI_GENERATED, "invalid", integrity="holds", ai="generated")]
    verdict = judge(said, DEFAULT, Kind.IMAGE)
    assert (verdict.risk, verdict.origin) == (Risk.HIGH, Origin.AI_GENERATED)


def test_a_post_is_captured_only_where_every_part_is() -> None:
    parts = [
        msgspec.structs.replace(CAPTURE, part="media/0"),
        msgspec.structs.replace(UNMARKED, part="media/0"),
    ]
    assert judge(parts, DEFAULT, Kind.POST).origin is Origin.CAPTURED
    text = msgspec.structs.replace(quiet("text_marks", Tier.METADATA), part="text")
    verdict = judge([*parts, text], DEFAULT, Kind.POST)
    assert (verdict.risk, verdict.origin) == (Risk.INCONCLUSIVE, Origin.UNKNOWN)


COLUMNS = ("default", "profile-photos", "newsroom", "posts")
FLOORS = {
    "trusted AI": (credential(Claim.AI_GENERATED, "trusted"), "high review high review"),
    "unlisted AI": (credential(Claim.AI_GENERATED, "valid"), "high review review review"),
    "AI over a failed ingredient": (
        credential(Claim.AI_GENERATED, "trusted", laundering=[{"ingredient": "a", "codes": ["b"]}]),
        "high review review review",
    ),
    "AI edited": (credential(Claim.AI_EDITED, "valid"), "review - review -"),
    "invalid": (credential(None, "invalid", integrity="unknown"), "review review review review"),
    "distrusted": (credential(None, "distrusted"), "review review review review"),
    "product conflict": (
        credential(Claim.EDITED, "valid", product_conflict={"product": "Snapseed"}),
        "review review review review",
    ),
    "fake, 1e-3": (match(Claim.KNOWN_FAKE, 1e-3), "high high review high"),
    "fake, 1e-2": (match(Claim.KNOWN_FAKE, 1e-2), "review review - review"),
    "pixels 1.5": (measured(1.5, "image_model", "pixels"), "- review - -"),
    "pixels 2.0": (measured(2.0, "portrait", "pixels"), "review review - -"),
    "pixels 2.3": (measured(2.3, "image_model", "pixels"), "review review review -"),
    "text 2.0": (measured(2.0, "text_model", "text"), "review - review review"),
}  # fmt: skip


@pytest.mark.parametrize("evidence", FLOORS)
def test_the_policies_are_the_table(evidence: str) -> None:
    said, floors = FLOORS[evidence]
    for name, floor in zip(COLUMNS, floors.split(), strict=True):
        policy = load(name)
        verdict = judge([said, *conflicts([said])], policy, Kind.IMAGE)
        assert verdict.risk.value == ("inconclusive" if floor == "-" else floor), name
