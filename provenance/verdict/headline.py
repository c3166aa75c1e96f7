"""Which of the cases a record is: what its one plain line, its advice and its rule are about."""

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


class Case(StrEnum):
    """Cases that a reader must be able to tell apart; each has a sentence `verdict.CASE`."""

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
    Claim.AI_EDITED: Case.AI_EDITED,
    Claim.EDITED: Case.EDITED,
    Claim.CAPTURED: Case.CAPTURED,
    Claim.CONFLICT: Case.CONFLICT,
}
FAILING = {"distrusted": Case.CREDENTIAL_DISTRUSTED, "invalid": Case.CREDENTIAL_BROKEN}
MATCHED = {"ai_face": Case.KNOWN_FACE, "stolen_photo": Case.STOLEN_PHOTO}
MARKED = {
    Claim.EDITED: Case.EDITED,
    Claim.AI_EDITED: Case.AI_EDIT_MARK,
    Claim.HIDDEN_CONTENT: Case.HIDDEN,
    Claim.CONFLICT: Case.CONFLICT,
}
STANDS_OUT = {
    Claim.CONFLICT: Case.CONFLICT,
    Claim.KNOWN_INNOCENT: Case.KNOWN_INNOCENT,
    Claim.KNOWN_FAKE: Case.WEAK_MATCH,
}
"""Claims that come before any other, where no finding decided."""
DECLARATIONS = frozenset({Claim.AI_GENERATED, Claim.AI_EDITED, Claim.EDITED})
NOTHING = {Kind.IMAGE: Case.NOTHING_IMAGE, Kind.POST: Case.NOTHING_POST}
NOT_READ = {"item.nothing_applies": Case.NOT_JUDGED}
LOOKED = frozenset({Outcome.FINDING, Outcome.CLEAR})


def case(record: Record) -> Case:
    """Return the case of a record: of the reason that decided it, else of what stands out."""
    said = record.signals
    if alone := unread(record):
        failed = alone.outcome is Outcome.FAILED
        default = Case.UNREADABLE if failed else Case.UNSUPPORTED
        return NOT_READ.get(alone.reason.code, default)
    if record.verdict.reasons:
        return _decided(record, said[record.verdict.reasons[0]])
    return _undecided(record)


def unread(record: Record) -> Signal | None:
    """Return what is said of an item that nothing looked at, None where something did."""
    said = record.signals
    whole = [signal for signal in said if signal.detector == "item" and signal.claim is None]
    return None if not whole or any(signal.outcome in LOOKED for signal in said) else whole[0]


def _decided(record: Record, first: Signal) -> Case:
    """Return the case of a record by its first reason, where its declarations agree with that."""
    decided, origin = _of(first), record.verdict.origin
    if origin is Origin.CONFLICTING and first.tier in (Tier.METADATA, Tier.STATISTICAL):
        return Case.CONFLICT
    disputed = origin is Origin.CAPTURED and decided is not Case.CAPTURED
    return Case.CAPTURED_DISPUTED if disputed else decided


def _of(signal: Signal) -> Case:
    """Return the case of one finding."""
    claim = signal.claim
    if signal.tier is Tier.CREDENTIAL:
        return _of_credential(signal)
    if signal.tier is Tier.MATCH:
        return MATCHED.get(str(facts_of(signal, MatchFacts).entry_class), Case.KNOWN_FAKE)
    if signal.tier is Tier.STATISTICAL:
        return Case.MEASURED
    if signal.tier is Tier.COORDINATION:
        return Case.COORDINATED
    if claim is Claim.AI_GENERATED:
        return _of_ai_mark(signal)
    return MARKED.get(claim, Case.OTHER) if claim else Case.OTHER


def _of_ai_mark(signal: Signal) -> Case:
    """Return the case of a mark that says AI."""
    family = facts_of(signal, MarkFacts).family
    if family == "watermark":
        return Case.WATERMARK
    if family is None:  # not of a text
        return Case.AI_MARK
    return Case.RESIDUE if signal.log10_lr is None else Case.RESIDUE_WORDS


def _of_credential(signal: Signal) -> Case:
    """Return the case of a credential by its state, then by what it declares."""
    standing = state(signal)
    if standing in FAILING:
        return Case.AI_BROKEN if facts_of(signal, CredentialFacts).ai else FAILING[standing]
    if signal.claim is Claim.AI_GENERATED:
        if not ingredients_hold(signal):
            return Case.AI_HISTORY
        return Case.AI_DECLARED_TRUSTED if standing == "trusted" else Case.AI_DECLARED
    return DECLARED.get(signal.claim, Case.OTHER) if signal.claim else Case.OTHER


def _undecided(record: Record) -> Case:
    """Return the case of a record whose risk no finding decided."""
    found = sorted(findings(record.signals), key=strength)
    claims = {signal.claim for signal in found}
    if record.verdict.origin is Origin.CAPTURED:
        disputed = Claim.CONFLICT in claims
        return Case.CAPTURED_DISPUTED if disputed else Case.CAPTURED_INCOMPLETE
    for claim, stands_out in STANDS_OUT.items():
        if claim in claims:
            return stands_out
    if record.verdict.origin is not Origin.UNKNOWN:
        return next((_of(s) for s in found if s.claim in DECLARATIONS), Case.OTHER)
    if Claim.CAPTURED in claims:
        return Case.CAPTURED_UNVOUCHED
    return _nothing(record, found)


def _nothing(record: Record, found: Sequence[Signal]) -> Case:
    """Return the case of a record in which nothing, or little, speaks for an origin."""
    if any(map(passages, record.signals)):
        return Case.PASSAGE
    if any(signal.tier is Tier.STATISTICAL for signal in found):
        return Case.WEAK_SUPPORT
    if not found and not any(signal.outcome is Outcome.CLEAR for signal in record.signals):
        return Case.NOT_JUDGED
    if any(signal.outcome is Outcome.FAILED for signal in record.signals):
        return Case.IN_PART
    return NOTHING.get(record.item.kind, Case.NOTHING_TEXT)


def passages(signal: Signal) -> list[Span]:
    """Return the passages that a signal found to stand out of a text which it does not accuse."""
    whole = signal.log10_lr
    if signal.tier is not Tier.STATISTICAL or whole is None or whole >= 1:
        return []
    return [span for span in facts_of(signal, ScoreFacts).spans if span.found]
