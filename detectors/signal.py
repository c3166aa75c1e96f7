"""What a detector saw."""

from enum import StrEnum
from typing import Any

import msgspec


class Tier(StrEnum):
    """The kind of evidence, strongest first."""

    CREDENTIAL = "credential"
    MATCH = "match"
    METADATA = "metadata"
    STATISTICAL = "statistical"
    COORDINATION = "coordination"


class Outcome(StrEnum):
    """How the look ended."""

    FINDING = "finding"
    CLEAR = "clear"
    """Looked, nothing found."""
    NOT_ASSESSED = "not_assessed"
    """Cannot be judged honestly; the reason says why."""
    FAILED = "failed"
    """An error; the reason says which."""


class Claim(StrEnum):
    """What a finding asserts."""

    AI_GENERATED = "ai_generated"
    AI_EDITED = "ai_edited"
    EDITED = "edited"
    CAPTURED = "captured"
    TAMPERED = "tampered"
    KNOWN_FAKE = "known_fake"
    KNOWN_INNOCENT = "known_innocent"
    HIDDEN_CONTENT = "hidden_content"
    CONFLICT = "conflict"
    COORDINATED = "coordinated"


FINDING_FROM = 0.3
"""log10 likelihood ratio from which on a statistic is a finding: a ratio of 2, the least for which
the verbal scale of the ENFSI Guideline for Evaluative Reporting (2015) knows a word of support."""


class Reason(msgspec.Struct, frozen=True):
    """Why, as a stable code with arguments; sentences are made from it upstairs (`messages`)."""

    code: str
    args: dict[str, Any] = {}


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """One look of one detector: its kind of evidence, how it ended and what it claims."""

    detector: str
    tier: Tier
    outcome: Outcome
    claim: Claim | None = None
    """Only for findings; None is a fact without a claim."""
    log10_lr: float | None = None
    """Calibrated log10 likelihood ratio of AI against not AI, 2 decimals; None where undefined."""
    source: str | None = None
    """What the evidence comes from; one source counts once."""
    reason: Reason
    facts: dict[str, Any] = {}
    """Named values behind the reason: JSON types only, strings without lone surrogates."""
    part: str | msgspec.UnsetType = msgspec.UNSET
    """Only in posts: `text`, `media/0` …"""


def statistical(
    detector: str,
    source: str,
    outcome: Outcome,
    reason: Reason,
    facts: dict[str, Any],
    *,
    log10_lr: float | None = None,
) -> Signal:
    """Return the signal of a model: a finding claims that the item is AI-generated."""
    return Signal(
        detector=detector,
        tier=Tier.STATISTICAL,
        outcome=outcome,
        claim=Claim.AI_GENERATED if outcome is Outcome.FINDING else None,
        log10_lr=log10_lr,
        source=source,
        reason=reason,
        facts=facts,
    )


def weighed(log10_lr: float) -> Outcome:
    """Return how a look of a model ended: with a ratio below 2 it found nothing."""
    return Outcome.FINDING if log10_lr >= FINDING_FROM else Outcome.CLEAR
