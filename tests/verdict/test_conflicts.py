"""Disagreements follow from the other signals alone."""

import msgspec
import pytest

from detectors.signal import Claim, Outcome, Reason, Signal, Tier
from provenance.verdict import conflicts


def credential(claim: Claim | None = None, state: str = "trusted", **facts: object) -> Signal:
    return Signal(
        detector="credentials",
        tier=Tier.CREDENTIAL,
        outcome=Outcome.FINDING,
        claim=claim,
        reason=Reason("credential.declared"),
        facts={"state": state, **facts},
    )


def other(tier: Tier, claim: Claim, lr: float | None = None) -> Signal:
    return Signal(
        detector="metadata" if tier is Tier.METADATA else "image_model",
        tier=tier,
        outcome=Outcome.FINDING,
        claim=claim,
        log10_lr=lr,
        reason=Reason("a.b"),
        facts={"field": "XMP DigitalSourceType", "value": "trainedAlgorithmicMedia"},
    )


BROKEN = [{"ingredient": "image.png", "codes": ["assertion.dataHash.mismatch"]}]
MARK = other(Tier.METADATA, Claim.AI_GENERATED)
FOUND = {
    "conflict.laundering": [credential(laundering=BROKEN)],
    "conflict.ingredient": [credential(state="invalid", ingredient_failures=BROKEN)],
    "conflict.product": [credential(product_conflict={"product": "Snapseed"})],
    "conflict.thumbnail": [credential(thumbnail={"differs": True, "distance": 96})],
    "conflict.capture_ai": [credential(Claim.CAPTURED, ai="generated")],
    "conflict.capture_mark": [credential(Claim.CAPTURED, "valid"), MARK],
    "conflict.capture_statistic": [
        credential(Claim.CAPTURED),
        other(Tier.STATISTICAL, Claim.AI_GENERATED, 1.0),
    ],
}
SILENT = [
    [credential(Claim.CAPTURED, "valid"), other(Tier.STATISTICAL, Claim.AI_GENERATED, 3.0)],
    [credential(Claim.CAPTURED), other(Tier.STATISTICAL, Claim.AI_GENERATED, 0.99)],
    [credential(Claim.CAPTURED, "invalid", integrity="broken"), MARK],
    [credential(Claim.CAPTURED), other(Tier.METADATA, Claim.EDITED)],
    [credential(Claim.AI_GENERATED, ai="generated"), MARK],
    [credential(laundering=[], ingredient_failures=[], product_conflict=None, thumbnail=None)],
    [credential(thumbnail={"differs": False})],
    [MARK],
]


@pytest.mark.parametrize("code", FOUND)
def test_each_disagreement_is_found_once(code: str) -> None:
    said = FOUND[code]
    (found,) = conflicts(said + said)
    assert (found.detector, found.claim, found.reason.code) == ("item", Claim.CONFLICT, code)
    assert conflicts([*said, found]) == [found]


@pytest.mark.parametrize("said", SILENT)
def test_what_agrees_gives_none(said: list[Signal]) -> None:
    assert conflicts(said) == []


def test_arguments_name_what_disagrees() -> None:
    (found,) = conflicts(FOUND["conflict.laundering"])
    assert found.reason.args == BROKEN[0] | {"count": 1}
    (found,) = conflicts([credential(product_conflict={"product": "Snapseed", "verified": True})])
    assert found.reason.args == {"product": "Snapseed", "verified": True}


def test_several_marks_are_one_disagreement() -> None:
    twice = msgspec.structs.replace(MARK, facts={"field": "PNG parameters"})
    (found,) = conflicts([credential(Claim.CAPTURED), MARK, twice])
    assert found.reason.args["count"] == 2


def test_parts_of_a_post_do_not_contradict_each_other() -> None:
    here, there = FOUND["conflict.capture_mark"]
    here = msgspec.structs.replace(here, part="media/0")
    assert conflicts([here, msgspec.structs.replace(there, part="media/1")]) == []
    (found,) = conflicts([here, msgspec.structs.replace(there, part="media/0")])
    assert found.part == "media/0"
