"""What a signal amounts to, before any policy: the facts that rules and conflicts both ask for."""

from collections.abc import Iterable, Sequence

import msgspec

from detectors.signal import (
    Claim,
    CoordinationFacts,
    CredentialFacts,
    MatchFacts,
    Outcome,
    ScoreFacts,
    Signal,
    Tier,
    facts_of,
)

AI = frozenset({Claim.AI_GENERATED, Claim.AI_EDITED})
ACCUSING = AI | {
    Claim.TAMPERED,
    Claim.KNOWN_FAKE,
    Claim.HIDDEN_CONTENT,
    Claim.CONFLICT,
    Claim.COORDINATED,
}
"""Claims that a further finding may only add to (rule 3)."""
STANDING = frozenset({"trusted", "valid"})
"""States of a credential whose declarations count (rule 10)."""
FORGEABLE = frozenset({"md5", "sha1"})
"""Digests for which two files of the same value can be made by one who makes both."""
EXACT = FORGEABLE | {"sha256"}
TIERS = {tier: rank for rank, tier in enumerate(Tier)}


def canonical(signal: Signal) -> bytes:
    """Return the signal as JSON with sorted keys: equal for equal signals, and a last tie-break."""
    return msgspec.json.encode(signal, order="sorted")


def strength(signal: Signal) -> tuple[int, float, str, str, bytes]:
    """Return a sort key, strongest first (rule 4)."""
    support = abs(signal.log10_lr or 0.0)
    return (
        TIERS[signal.tier],
        -support,
        signal.detector,
        signal.reason.code,
        canonical(signal),
    )


def findings(signals: Iterable[Signal]) -> list[Signal]:
    """Return the signals that found something; only these carry weight (rule 7)."""
    return [signal for signal in signals if signal.outcome is Outcome.FINDING]


def state(signal: Signal) -> str | None:
    """Return the state of a credential as it counts: expired but intact counts as `valid`."""
    facts = facts_of(signal, CredentialFacts)
    intact = facts.state == "invalid" and facts.integrity == "holds"
    return "valid" if intact else facts.state


def declares(signal: Signal) -> Claim | None:
    """Return what a standing credential declares, None where its word does not count."""
    if signal.tier is not Tier.CREDENTIAL or signal.outcome is not Outcome.FINDING:
        return None
    return signal.claim if state(signal) in STANDING else None


def trusted_capture(signal: Signal) -> bool:
    """Tell whether this is a capture by a signer on a list in use."""
    return declares(signal) is Claim.CAPTURED and state(signal) == "trusted"


def ingredients_hold(signal: Signal) -> bool:
    """Tell whether no ingredient of this credential failed its own validation."""
    facts = facts_of(signal, CredentialFacts)
    return not (facts.laundering or facts.ingredient_failures)


def marked(signal: Signal) -> bool:
    """Tell whether this is a metadata mark of AI."""
    return (
        signal.tier is Tier.METADATA
        and signal.outcome is Outcome.FINDING
        and signal.detector != "item"
        and signal.claim in AI
    )


def exact(signal: Signal) -> bool:
    """Tell whether a match is of the very bytes, not of the look."""
    return facts_of(signal, MatchFacts).algorithm in EXACT


def forgeable(signal: Signal) -> bool:
    """Tell whether a match rests on a digest that can be forged."""
    return facts_of(signal, MatchFacts).algorithm in FORGEABLE


def exact_matches(signals: Iterable[Signal], claim: Claim) -> list[Signal]:
    """Return the matches of the very bytes that make a claim, strongest first."""
    said = (one for one in findings(signals) if one.claim is claim and exact(one))
    return sorted(said, key=strength)


def false_match(signal: Signal) -> float | None:
    """Return the point value of the chance of a false match, None where the match has none."""
    return facts_of(signal, MatchFacts).false_match_probability


def false_discovery(signal: Signal) -> float | None:
    """Return the chance of the cluster of a coordination signal, None where it has none."""
    return facts_of(signal, CoordinationFacts).q


def cap(signal: Signal) -> float | None:
    """Return the most that the signal's calibration lets it claim, as log10.

    Detectors name it among their facts or among the arguments of their sentence.
    """
    named = signal.reason.args.get("cap")
    told = float(named) if isinstance(named, int | float) else None
    return facts_of(signal, ScoreFacts).cap or told


def strongest_by_source(signals: Sequence[Signal]) -> list[Signal]:
    """Return one signal a source, the strongest; a signal without a source stands for itself."""
    kept: dict[str, Signal] = {}
    for signal in sorted(signals, key=strength):
        kept.setdefault(signal.source or canonical(signal).decode(), signal)
    return list(kept.values())
