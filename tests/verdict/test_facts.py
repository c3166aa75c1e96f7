"""What the verdict reads of a signal's facts has a name and a type."""

import ast
from pathlib import Path

import msgspec
import pytest

import provenance
from detectors.signal import (
    FACTS,
    CredentialFacts,
    MatchFacts,
    Outcome,
    Reason,
    Signal,
    Tier,
    facts_of,
)

READERS = ("verdict", "render", "cli", "banking")


def signal(tier: Tier, **facts: object) -> Signal:
    return Signal(
        detector="a", tier=tier, outcome=Outcome.FINDING, reason=Reason("a.b"), facts=facts
    )


def test_facts_are_those_of_the_tier() -> None:
    match = signal(Tier.MATCH, **{"class": "ai_face", "state": "trusted", "more": [1]})
    assert facts_of(match, MatchFacts).entry_class == "ai_face"
    assert facts_of(match, CredentialFacts) == CredentialFacts()
    assert set(FACTS) == set(Tier)


@pytest.mark.parametrize(
    "wrong",
    [
        signal(Tier.MATCH, false_match_probability="low"),
        signal(Tier.CREDENTIAL, state="fine"),
        signal(Tier.STATISTICAL, spans=[{"found": True}]),
        signal(Tier.METADATA, value=3),
    ],
)
def test_a_fact_of_a_wrong_type_is_refused(wrong: Signal) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong.facts, FACTS[wrong.tier])


def test_nobody_upstairs_reads_a_fact_of_a_signal_by_a_string() -> None:
    read = []
    for path in (p for name in READERS for p in Path(provenance.__path__[0], name).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            inner = node.value if isinstance(node, ast.Subscript | ast.Attribute) else None
            if isinstance(inner, ast.Attribute) and inner.attr == "facts":
                read.append(f"{path}:{inner.lineno}")
    assert not read
