"""What a detector saw."""

from enum import StrEnum
from typing import Any, Literal, TypeVar

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
    """Why, as a stable code with arguments; formatted by `provenance.messages`."""

    code: str
    args: dict[str, Any] = {}
    """Numbers and names, and phrases that are chosen by a code of their own; never a sentence."""


def phrase(code: str, **args: Any) -> dict[str, Any]:
    """Return an argument of a reason that is itself said in words: a reason, as JSON holds it."""
    return {"code": code, "args": args}


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
    """Named values behind the reason: JSON types only, strings without lone surrogates. Those that
    verdict and screens read are the fields of the tier's struct, see `facts_of`."""
    part: str | msgspec.UnsetType = msgspec.UNSET
    """Only in posts: `text`, `media/0` …"""


class Thumbnail(msgspec.Struct, frozen=True, kw_only=True):
    """How a credential's thumbnail compares with the picture."""

    differs: bool = False
    distance: float | None = None
    """0 (the same) to 2 (inverse); None where they were not compared."""


class CredentialFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of a content credential."""

    state: (
        Literal["absent", "trusted", "valid", "invalid", "distrusted", "unreadable", "remote"]
        | None
    ) = None
    """State of the active manifest."""
    integrity: Literal["holds", "broken", "unknown"] | None = None
    ai: Literal["generated", "edited"] | None = None
    """What the graph of manifests declares, in every state."""
    generator: str | None = None
    """Name of the program that made the active manifest, as it says."""
    signer: dict[str, Any] | None = None
    """Who signed: a mapping with `issuer` where that is known."""
    ingredients: list[dict[str, Any]] | None = None
    """Ingredients of the active manifest, each a mapping with its own below it."""
    laundering: list[dict[str, Any]] = []
    """Ingredients that had failed before their credential was signed over."""
    ingredient_failures: list[dict[str, Any]] = []
    """Ingredients that fail now."""
    product_conflict: dict[str, Any] | None = None
    """The claim that the signer's product may not make."""
    thumbnail: Thumbnail | None = None


class MatchFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of a match with an entry of a bank."""

    entry: str | None = None
    bank: str | None = None
    entry_class: str | None = msgspec.field(default=None, name="class")
    """`ai_face`, `stolen_photo` or `other`."""
    algorithm: str | None = None
    """What matched: a digest, a perceptual hash, or `local` features."""
    distance: int | None = None
    """Bits of the best view; None where local features alone matched."""
    false_match_probability: float | None = None
    """Point value, the number that policies test."""
    false_match_upper: float | None = None
    """Its 95 % bound."""
    region: list[int] | None = None
    """Left, top, width and height of the part of the picture that matched; None: all of it."""
    frame: int | None = None
    """Frame of an animation; None: the first."""
    feed: dict[str, Any] | None = None
    """Feed that brought the entry: name, sequence, age_days, expired."""
    old_feeds: list[dict[str, Any]] = []
    """Feeds of which nothing was heard for more than 30 days: name, age_days."""


class MarkFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of a mark in metadata or in a text."""

    field: str | None = None
    """Field of the container that holds the mark."""
    value: str | None = None
    family: str | None = None
    """Family of a mark in a text: `watermark` and others."""
    tool: str | None = None
    """Name of the program that a mark names."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One window of a long text."""

    first_word: int
    """From 1."""
    words: int
    score: float
    """Natural log odds of the window by itself, before calibration."""
    contrast: float
    """What it has above the rest of the text."""
    log10_lr: float | None
    """What the contrast is worth; None without a calibration."""
    found: bool
    """Whether it stands out like a model's passage."""
    begins: str = ""
    """How a passage that stands out begins."""


class ScoreFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of a statistic."""

    score: float | None = None
    """Natural log odds before calibration."""
    path: str | None = None
    """`full` or `fast`."""
    cap: float | None = None
    """Highest log10 likelihood ratio that the calibration allows."""
    spans: list[Span] = []
    """Windows of a long text, in its order."""


class CoordinationFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of a coordination."""

    q: float | None = None
    """Chance of a cluster as large and as dense: `expected_by_chance`."""


F = TypeVar("F", CredentialFacts, MatchFacts, MarkFacts, ScoreFacts, CoordinationFacts)
FACTS: dict[Tier, type[msgspec.Struct]] = {
    Tier.CREDENTIAL: CredentialFacts,
    Tier.MATCH: MatchFacts,
    Tier.METADATA: MarkFacts,
    Tier.STATISTICAL: ScoreFacts,
    Tier.COORDINATION: CoordinationFacts,
}
"""What verdict and screens read of the facts of a tier; detectors may give more."""


def facts_of(signal: Signal, kind: type[F]) -> F:
    """Return the facts of a signal as those of a tier: none where it is of another tier.

    Raises:
        ValidationError: a fact is not of the type that its field has; the engine lets no such
            signal through.
    """
    return msgspec.convert(signal.facts, kind) if FACTS[signal.tier] is kind else kind()


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
