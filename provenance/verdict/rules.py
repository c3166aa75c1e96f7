"""From signals to a verdict. The numbers in the docstrings are the rules that a function answers.

(1) The verdict depends on the set of signals and the policy alone, not on order or duplicates.
(2) The risk is the highest floor among the matching rows, `inconclusive` at least, but see 9.
(3) A further finding against the item never lowers the risk.
(4) Among signals of one source the strongest stands: by tier, ratio, detector, code.
(5) Statistics and metadata never give `high`, however many agree.
(6) A statistic needs the policy's ratio, alone or as a capped sum over different sources, and a
    share of right flags that the policy can stand.
(7) What found nothing, was not assessed or failed asks for nothing.
(8) A verdict is complete only if every required detector could look and none failed.
(9) `low` needs a trusted capture without AI in its history, nothing against it, and completeness.
(10) The origin is what standing credentials declare; metadata may say AI or edited, never captured.
(11) Declared beats measured: a statistic against a trusted capture leaves the origin.
(12) A credential that does not hold sets no origin.
(13) A known innocent cancels a known fake that is no nearer, both by their look. Beside a known
    innocent of the very bytes a match gives `review` at most.
(14) A match counts by its chance of being false; one by MD5 or SHA-1 gives `review` at most.
(15) Every reason is a finding whose row decided or tied the risk.
(16) A policy cannot break 3, 5, 7 or 8 (`policy.py` refuses it).
(17) The same record gives the same verdict again.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from detectors.decode.sniff import Kind
from detectors.signal import (
    Claim,
    CredentialFacts,
    MatchFacts,
    Outcome,
    Signal,
    Tier,
    facts_of,
)
from provenance.record import Origin, Risk, Verdict
from provenance.verdict.evidence import (
    ACCUSING,
    AI,
    canonical,
    cap,
    declares,
    exact,
    exact_matches,
    false_match,
    findings,
    forgeable,
    marked,
    state,
    strength,
    strongest_by_source,
    trusted_capture,
)
from provenance.verdict.policy import Policy, Rule

NOT_LOOKED = frozenset({Outcome.NOT_ASSESSED, Outcome.FAILED})
DECLARED = (Claim.AI_GENERATED, Claim.AI_EDITED, Claim.EDITED, Claim.CAPTURED)
"""Strongest declaration first (rule 10)."""
WORST_ORIGIN = (
    Origin.AI_GENERATED,
    Origin.AI_EDITED,
    Origin.CONFLICTING,
    Origin.EDITED,
    Origin.UNKNOWN,
    Origin.CAPTURED,
)
"""Which origin of its parts a post takes: it is captured only where every part is."""


def judge(
    signals: Sequence[Signal],
    policy: Policy,
    kind: Kind,
    parts: Mapping[str, Kind] | None = None,
) -> Verdict:
    """Return the verdict of a policy on an item (rules 1 and 17).

    Args:
        signals: everything the detectors said, and the conflicts derived from it. Those of a
            post carry `part`; each part is judged by itself, and the worst verdict is the post's
            with all reasons.
        policy: rows, prior and required detectors.
        kind: of the item; decides which detectors are required.
        parts: of a post, part → its kind. What is not named there (the post as a whole, and parts
            of a record of 0.1) requires no detector.
    """
    if kind is not Kind.POST:
        return _judge(signals, policy, kind)
    places: dict[str, list[int]] = {}
    for index, signal in enumerate(signals):
        places.setdefault(signal.part or "", []).append(index)
    verdicts = []
    for part, indexes in places.items():
        held_to = (parts or {}).get(part, Kind.POST)
        verdict = _judge([signals[i] for i in indexes], policy, held_to)
        verdicts.append(_moved(verdict, indexes))
    return _worst(verdicts, signals, policy)


def wrong_per_thousand(log10_lr: float, prior: float) -> int:
    """Return how many of 1,000 such flags would be wrong.

    Args:
        log10_lr: of the evidence.
        prior: share of AI among all items, 0..1.
    """
    return round(1000 * (1 - ppv(log10_lr, prior)))


def ppv(log10_lr: float, prior: float) -> float:
    """Return the share of right flags: posterior odds are prior odds times likelihood ratio."""
    odds = prior / (1 - prior) * 10**log10_lr
    return odds / (1 + odds)


def combined(signals: Iterable[Signal]) -> float:
    """Return the log10 ratio of statistical findings together (rule 6).

    The strongest of each source counts; the sum is capped at the largest single cap, and at the
    strongest signal where no signal names its cap.
    """
    strongest = strongest_by_source(
        [signal for signal in findings(signals) if signal.log10_lr is not None]
    )
    ratios = [signal.log10_lr or 0.0 for signal in strongest]
    caps = [known for signal in strongest if (known := cap(signal)) is not None]
    return round(min(sum(ratios), max([*caps, *ratios])), 2) if ratios else 0.0


def uncancelled(signals: Sequence[Signal]) -> list[Signal]:
    """Return the signals without the known fakes that a known innocent cancels (rule 13).

    Of several pictures in one, an innocent cancels what was found in the same part.
    """
    innocent = [
        (signal, chance)
        for signal in findings(signals)
        if signal.claim is Claim.KNOWN_INNOCENT
        and not exact(signal)
        and (chance := false_match(signal)) is not None
    ]
    return [
        signal
        for signal in signals
        if not _cancelled(signal, [c for one, c in innocent if _covers(one, signal)])
    ]


def _covers(innocent: Signal, signal: Signal) -> bool:
    """Tell whether an innocent match is of the whole picture, or of the same part of it."""
    region = facts_of(innocent, MatchFacts).region
    return region is None or region == facts_of(signal, MatchFacts).region


def decided_by(row: Rule, signals: Sequence[Signal], policy: Policy) -> list[Signal]:
    """Return the findings by which a row applies, none where it does not (rules 2, 6, 7, 14)."""
    admitted = [signal for signal in signals if row.admits(signal)]
    if row.min_log10_lr is None:
        return admitted
    alone = [s for s in admitted if _enough(s.log10_lr or 0.0, row.min_log10_lr, policy)]
    if alone or not _enough(combined(admitted), row.min_log10_lr, policy):
        return alone
    return strongest_by_source([s for s in admitted if (s.log10_lr or 0.0) > 0])


def floors(signals: Sequence[Signal], policy: Policy) -> list[tuple[Risk, Signal]]:
    """Return every (floor, finding that asks for it) of a policy, after rules 13 and 14."""
    standing = findings(uncancelled(signals))
    if not standing:
        return []
    innocent = bool(exact_matches(standing, Claim.KNOWN_INNOCENT))
    return [
        (Risk.REVIEW if _lowered(row, signal, innocent=innocent) else row.floor, signal)
        for row in policy.rows
        for signal in decided_by(row, standing, policy)
    ]


def risk(signals: Sequence[Signal], policy: Policy, complete: bool) -> Risk:
    """Return the risk (rules 2, 5 and 9)."""
    asked = floors(signals, policy)
    worst = max(
        (floor for floor, _ in asked if floor is not Risk.LOW),
        default=Risk.INCONCLUSIVE,
        key=lambda floor: floor.rank,
    )
    if worst is not Risk.INCONCLUSIVE:
        return worst
    captured = any(floor is Risk.LOW and _clean(signal) for floor, signal in asked)
    disputed = any(
        signal.claim in ACCUSING and signal.tier is not Tier.STATISTICAL
        for signal in uncancelled(findings(signals))
    )
    return Risk.LOW if captured and complete and not disputed else worst


def origin(signals: Sequence[Signal]) -> Origin:
    """Return where the item comes from, as declared (rules 10, 11 and 12)."""
    credentials = [signal for signal in signals if declares(signal) is not None]
    marks = {signal.claim for signal in signals if marked(signal)}
    said = {declares(signal) for signal in credentials}
    if any(_contradicts_itself(signal) for signal in signals):
        return Origin.CONFLICTING
    if Claim.CAPTURED in said and (marks or said & AI):
        return Origin.CONFLICTING
    if not any(trusted_capture(signal) for signal in credentials):
        said.discard(Claim.CAPTURED)
    edits = {s.claim for s in findings(signals) if s.tier is Tier.METADATA} & {Claim.EDITED}
    declared = said | marks | (edits if not said else set())
    return next((Origin(claim.value) for claim in DECLARED if claim in declared), Origin.UNKNOWN)


def is_complete(signals: Sequence[Signal], required: Iterable[str], kind: Kind) -> bool:
    """Tell whether everything that the policy requires was looked at (rule 8)."""
    unread = any(s.detector == "item" and s.outcome in NOT_LOOKED for s in signals)
    failed = any(signal.outcome is Outcome.FAILED for signal in signals)
    if kind is Kind.UNSUPPORTED or unread or failed:
        return False
    looked = {signal.detector for signal in signals}
    unsure = {signal.detector for signal in signals if signal.outcome in NOT_LOOKED}
    return set(required) <= looked - unsure


def reasons(signals: Sequence[Signal], policy: Policy, decided: Risk) -> list[int]:
    """Return the indexes of the findings that decided the risk, strongest first (rule 15)."""
    asked = {canonical(signal) for floor, signal in floors(signals, policy) if floor is decided}
    if not asked:
        return []
    first: dict[bytes, int] = {}
    for index, signal in enumerate(signals):
        first.setdefault(canonical(signal), index)
    chosen = [index for known, index in first.items() if known in asked]
    return sorted(chosen, key=lambda index: strength(signals[index]))


def _judge(signals: Sequence[Signal], policy: Policy, kind: Kind) -> Verdict:
    """Return the verdict on an item without parts."""
    required = {Kind.IMAGE: policy.required.images, Kind.TEXT: policy.required.texts}
    complete = is_complete(signals, required.get(kind, []), kind)
    decided = risk(signals, policy, complete)
    return Verdict(
        risk=decided,
        origin=origin(signals),
        reasons=reasons(signals, policy, decided),
        not_assessed=[i for i, signal in enumerate(signals) if signal.outcome in NOT_LOOKED],
        complete=complete,
        policy=policy.stamp,
    )


def _worst(verdicts: Sequence[Verdict], signals: Sequence[Signal], policy: Policy) -> Verdict:
    """Return the worst verdict of a post's parts with the reasons of all that ask for a look."""
    worst = max((v.risk for v in verdicts), default=Risk.INCONCLUSIVE, key=lambda r: r.rank)
    kept = [
        (-verdict.risk.rank, strength(signals[index]), index)
        for verdict in verdicts
        if verdict.risk is worst or verdict.risk is Risk.REVIEW
        for index in verdict.reasons
    ]
    return Verdict(
        risk=worst,
        origin=min((v.origin for v in verdicts), default=Origin.UNKNOWN, key=WORST_ORIGIN.index),
        reasons=[index for _, _, index in sorted(kept)],
        not_assessed=sorted(index for verdict in verdicts for index in verdict.not_assessed),
        complete=all(verdict.complete for verdict in verdicts),
        policy=policy.stamp,
    )


def _moved(verdict: Verdict, indexes: Sequence[int]) -> Verdict:
    """Return a part's verdict with its indexes pointing into the signals of the whole post."""
    return msgspec.structs.replace(
        verdict,
        reasons=[indexes[i] for i in verdict.reasons],
        not_assessed=[indexes[i] for i in verdict.not_assessed],
    )


def _cancelled(signal: Signal, innocent: Sequence[float]) -> bool:
    """Tell whether innocent matches at these chances cancel a signal (rule 13)."""
    chance = false_match(signal)
    return (
        signal.claim is Claim.KNOWN_FAKE
        and not exact(signal)
        and chance is not None
        and any(each <= chance for each in innocent)
    )


def _lowered(row: Rule, signal: Signal, *, innocent: bool) -> bool:
    """Tell whether a match that asks for `high` gives `review` alone (rules 13 and 14)."""
    fake = signal.tier is Tier.MATCH and signal.claim is Claim.KNOWN_FAKE
    return row.floor is Risk.HIGH and fake and (innocent or forgeable(signal))


def _enough(log10_lr: float, threshold: float, policy: Policy) -> bool:
    """Tell whether a ratio reaches a threshold and the share of right flags asked for (rule 6)."""
    return log10_lr >= threshold and ppv(log10_lr, policy.prior) >= policy.min_ppv


def _clean(signal: Signal) -> bool:
    """Tell whether a signal is a trusted capture without AI anywhere in its history (rule 9)."""
    return trusted_capture(signal) and not facts_of(signal, CredentialFacts).ai


def _contradicts_itself(signal: Signal) -> bool:
    """Tell whether a standing credential declares what excludes itself (rule 10)."""
    if signal.tier is not Tier.CREDENTIAL or state(signal) not in {"trusted", "valid"}:
        return False
    facts = facts_of(signal, CredentialFacts)
    captured_ai = declares(signal) is Claim.CAPTURED and bool(facts.ai)
    return captured_ai or facts.product_conflict is not None
