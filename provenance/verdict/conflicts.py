"""Disagreements between signals, as signals of their own."""

from collections.abc import Iterator, Sequence
from typing import Any

from detectors.signal import (
    Claim,
    CredentialFacts,
    MarkFacts,
    MatchFacts,
    Outcome,
    Reason,
    Signal,
    Tier,
    facts_of,
)
from provenance.verdict.evidence import (
    canonical,
    declares,
    exact_matches,
    findings,
    marked,
    state,
    strength,
    trusted_capture,
)

CONTRADICTS = 1.0
"""log10 likelihood ratio from which a statistic contradicts a trusted capture."""


def conflicts(signals: Sequence[Signal]) -> list[Signal]:
    """Return the conflicts that follow from the other signals alone, in a fixed order.

    Signals of different parts of a post never contradict each other. What is already there as a
    conflict is not read, so that a replay derives the same.
    """
    parts: dict[str, list[Signal]] = {}
    for signal in {canonical(one): one for one in findings(signals)}.values():
        if signal.detector != "item":
            parts.setdefault(signal.part or "", []).append(signal)
    unique = {
        canonical(conflict): conflict for said in parts.values() for conflict in _within(said)
    }
    return sorted(unique.values(), key=lambda one: (one.part or "", strength(one)))


def _within(said: Sequence[Signal]) -> Iterator[Signal]:
    """Yield the conflicts among the findings of one item or part."""
    yield from _banks(said)
    for signal in said:
        if signal.tier is not Tier.CREDENTIAL:
            continue
        yield from _measured(signal, said)
        yield from _marked(signal, said)
        yield from _own(signal)


def _banks(said: Sequence[Signal]) -> Iterator[Signal]:
    """Yield a conflict where banks say both fake and harmless of the very bytes."""
    fakes = exact_matches(said, Claim.KNOWN_FAKE)
    innocents = exact_matches(said, Claim.KNOWN_INNOCENT)
    if fakes and innocents:
        fake, innocent = (facts_of(said[0], MatchFacts) for said in (fakes, innocents))
        args = {"fake_entry": fake.entry, "fake_bank": fake.bank}
        args |= {"innocent_entry": innocent.entry, "innocent_bank": innocent.bank}
        yield _conflict(fakes[0], "conflict.bank", args, Tier.METADATA)


def _measured(capture: Signal, said: Sequence[Signal]) -> Iterator[Signal]:
    """Yield a conflict for each statistic that contradicts a trusted capture."""
    if not trusted_capture(capture):
        return
    for other in said:
        if other.tier is Tier.STATISTICAL and (other.log10_lr or 0.0) >= CONTRADICTS:
            args = {"detector": other.detector, "log10_lr": other.log10_lr}
            yield _conflict(capture, "conflict.capture_statistic", args, Tier.METADATA)


def _marked(capture: Signal, said: Sequence[Signal]) -> Iterator[Signal]:
    """Yield a conflict where a declared capture stands beside metadata marks of AI."""
    marks = sorted(filter(marked, said), key=strength)
    if declares(capture) is Claim.CAPTURED and marks:
        mark = facts_of(marks[0], MarkFacts)
        args: dict[str, Any] = {"field": mark.field, "value": mark.value}
        args |= {"count": len(marks), "state": state(capture)}
        yield _conflict(capture, "conflict.capture_mark", args, Tier.METADATA)


def _own(signal: Signal) -> Iterator[Signal]:
    """Yield the conflicts that a credential carries in itself."""
    facts = facts_of(signal, CredentialFacts)
    if declares(signal) is Claim.CAPTURED and facts.ai:
        yield _conflict(signal, "conflict.capture_ai", {"ai": facts.ai})
    if laundered := facts.laundering:
        args = laundered[0] | {"count": len(laundered)}
        yield _conflict(signal, "conflict.laundering", args)
    if failures := facts.ingredient_failures:
        args = failures[0] | {"count": len(failures)}
        yield _conflict(signal, "conflict.ingredient", args)
    if facts.product_conflict is not None:
        yield _conflict(signal, "conflict.product", facts.product_conflict)
    if facts.thumbnail and facts.thumbnail.differs:
        yield _conflict(signal, "conflict.thumbnail", {"distance": facts.thumbnail.distance})


def _conflict(of: Signal, code: str, args: dict[str, Any], tier: Tier = Tier.CREDENTIAL) -> Signal:
    """Return the signal. Where two tiers disagree it is weighed as metadata, so never as `high`."""
    return Signal(
        detector="item",
        tier=tier,
        outcome=Outcome.FINDING,
        claim=Claim.CONFLICT,
        source=of.source,
        reason=Reason(code, args),
        part=of.part,
    )
