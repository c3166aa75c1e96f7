"""The headline of a record: what its one plain line, its advice and its rule are about."""

from collections.abc import Sequence
from enum import StrEnum

from detectors.decode.sniff import Kind
from detectors.signal import (
    Claim,
    CredentialFacts,
    MarkFacts,
    MatchFacts,
    Outcome,
    ScoreFacts,
    Signal,
    Span,
    Tier,
    facts_of,
)
from provenance.record import Origin, Record
from provenance.verdict.evidence import findings, ingredients_hold, state, strength


class Headline(StrEnum):
    """What a reader must be able to tell apart; each has a sentence `verdict.HEADLINE`."""

    UNREADABLE = "unreadable"
    UNSUPPORTED = "unsupported"
    AI_DECLARED_TRUSTED = "ai_declared_trusted"
    AI_DECLARED = "ai_declared"
    AI_HISTORY = "ai_history"
    AI_EDITED = "ai_edited"
    EDITED = "edited"
    CAPTURED = "captured"
    CAPTURED_DISPUTED = "captured_disputed"
    CAPTURED_INCOMPLETE = "captured_incomplete"
    CAPTURED_UNVOUCHED = "captured_unvouched"
    AI_BROKEN = "ai_broken"
    CREDENTIAL_BROKEN = "credential_broken"
    CREDENTIAL_DISTRUSTED = "credential_distrusted"
    KNOWN_FAKE = "known_fake"
    KNOWN_FACE = "known_face"
    STOLEN_PHOTO = "stolen_photo"
    WEAK_MATCH = "weak_match"
    KNOWN_INNOCENT = "known_innocent"
    AI_MARK = "ai_mark"
    PIXEL_MARK = "pixel_mark"
    AI_EDIT_MARK = "ai_edit_mark"
    RESIDUE = "residue"
    RESIDUE_WORDS = "residue_words"
    WATERMARK = "watermark"
    HIDDEN = "hidden"
    MEASURED = "measured"
    PASSAGE = "passage"
    WEAK_SUPPORT = "weak_support"
    COORDINATED = "coordinated"
    CONFLICT = "conflict"
    NOTHING_IMAGE = "nothing_image"
    NOTHING_TEXT = "nothing_text"
    NOTHING_POST = "nothing_post"
    NOT_JUDGED = "not_judged"
    IN_PART = "in_part"
    OTHER = "other"


DECLARED = {
    Claim.AI_EDITED: Headline.AI_EDITED,
    Claim.EDITED: Headline.EDITED,
    Claim.CAPTURED: Headline.CAPTURED,
    Claim.CONFLICT: Headline.CONFLICT,
}
FAILING = {"distrusted": Headline.CREDENTIAL_DISTRUSTED, "invalid": Headline.CREDENTIAL_BROKEN}
MATCHED = {"ai_face": Headline.KNOWN_FACE, "stolen_photo": Headline.STOLEN_PHOTO}
MARKED = {
    Claim.EDITED: Headline.EDITED,
    Claim.AI_EDITED: Headline.AI_EDIT_MARK,
    Claim.HIDDEN_CONTENT: Headline.HIDDEN,
    Claim.CONFLICT: Headline.CONFLICT,
}
STANDS_OUT = {
    Claim.CONFLICT: Headline.CONFLICT,
    Claim.KNOWN_INNOCENT: Headline.KNOWN_INNOCENT,
    Claim.KNOWN_FAKE: Headline.WEAK_MATCH,
}
"""Claims that come before any other, where no finding decided."""
DECLARATIONS = frozenset({Claim.AI_GENERATED, Claim.AI_EDITED, Claim.EDITED})
IN_PIXELS = ("pixels", "label")
"""Families of marks that lie in the pixels of a picture."""
NOTHING = {Kind.IMAGE: Headline.NOTHING_IMAGE, Kind.POST: Headline.NOTHING_POST}
NOT_READ = {"item.nothing_applies": Headline.NOT_JUDGED}
LOOKED = frozenset({Outcome.FINDING, Outcome.CLEAR})


def headline(record: Record) -> Headline:
    """Return the headline of a record: of the reason that decided it, else of what stands out."""
    said = record.signals
    if alone := unread(record):
        failed = alone.outcome is Outcome.FAILED
        default = Headline.UNREADABLE if failed else Headline.UNSUPPORTED
        return NOT_READ.get(alone.reason.code, default)
    if record.verdict.reasons:
        return _decided(record, said[record.verdict.reasons[0]])
    return _undecided(record)


def unread(record: Record) -> Signal | None:
    """Return what is said of an item that nothing looked at, None where something did."""
    said = record.signals
    whole = [signal for signal in said if signal.detector == "item" and signal.claim is None]
    return None if not whole or any(signal.outcome in LOOKED for signal in said) else whole[0]


def _decided(record: Record, first: Signal) -> Headline:
    """Return the headline by the first reason, where declarations agree with that."""
    decided, origin = _of(first), record.verdict.origin
    if origin is Origin.CONFLICTING and first.tier in (Tier.METADATA, Tier.STATISTICAL):
        return Headline.CONFLICT
    disputed = origin is Origin.CAPTURED and decided is not Headline.CAPTURED
    return Headline.CAPTURED_DISPUTED if disputed else decided


def _of(signal: Signal) -> Headline:
    """Return the headline of one finding."""
    claim = signal.claim
    if signal.tier is Tier.CREDENTIAL:
        return _of_credential(signal)
    if signal.tier is Tier.MATCH:
        return MATCHED.get(str(facts_of(signal, MatchFacts).entry_class), Headline.KNOWN_FAKE)
    if signal.tier is Tier.STATISTICAL:
        return Headline.MEASURED
    if signal.tier is Tier.COORDINATION:
        return Headline.COORDINATED
    if claim is Claim.AI_GENERATED:
        return _of_ai_mark(signal)
    return MARKED.get(claim, Headline.OTHER) if claim else Headline.OTHER


def _of_ai_mark(signal: Signal) -> Headline:
    """Return the headline of a mark that says AI."""
    family = facts_of(signal, MarkFacts).family
    if family == "watermark":
        return Headline.WATERMARK
    if family in IN_PIXELS:
        return Headline.PIXEL_MARK
    if family is None:  # not of a text
        return Headline.AI_MARK
    return Headline.RESIDUE if signal.log10_lr is None else Headline.RESIDUE_WORDS


def _of_credential(signal: Signal) -> Headline:
    """Return the headline of a credential by its state, then by what it declares."""
    standing = state(signal)
    if standing in FAILING:
        return Headline.AI_BROKEN if facts_of(signal, CredentialFacts).ai else FAILING[standing]
    if signal.claim is Claim.AI_GENERATED:
        if not ingredients_hold(signal):
            return Headline.AI_HISTORY
        return Headline.AI_DECLARED_TRUSTED if standing == "trusted" else Headline.AI_DECLARED
    return DECLARED.get(signal.claim, Headline.OTHER) if signal.claim else Headline.OTHER


def _undecided(record: Record) -> Headline:
    """Return the headline of a record whose risk no finding decided."""
    found = sorted(findings(record.signals), key=strength)
    claims = {signal.claim for signal in found}
    if record.verdict.origin is Origin.CAPTURED:
        disputed = Claim.CONFLICT in claims
        return Headline.CAPTURED_DISPUTED if disputed else Headline.CAPTURED_INCOMPLETE
    for claim, stands_out in STANDS_OUT.items():
        if claim in claims:
            return stands_out
    if record.verdict.origin is not Origin.UNKNOWN:
        return next((_of(s) for s in found if s.claim in DECLARATIONS), Headline.OTHER)
    if Claim.CAPTURED in claims:
        return Headline.CAPTURED_UNVOUCHED
    return _nothing(record, found)


def _nothing(record: Record, found: Sequence[Signal]) -> Headline:
    """Return the headline of a record in which nothing, or little, speaks for an origin."""
    if any(map(passages, record.signals)):
        return Headline.PASSAGE
    if any(signal.tier is Tier.STATISTICAL for signal in found):
        return Headline.WEAK_SUPPORT
    if not found and not any(signal.outcome is Outcome.CLEAR for signal in record.signals):
        return Headline.NOT_JUDGED
    if any(signal.outcome is Outcome.FAILED for signal in record.signals):
        return Headline.IN_PART
    return NOTHING.get(record.item.kind, Headline.NOTHING_TEXT)


def passages(signal: Signal) -> list[Span]:
    """Return the passages that a signal found to stand out of a text which it does not accuse."""
    whole = signal.log10_lr
    if signal.tier is not Tier.STATISTICAL or whole is None or whole >= 1:
        return []
    return [span for span in facts_of(signal, ScoreFacts).spans if span.found]
