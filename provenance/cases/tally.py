"""What the posts of an account say together.

Who posts much is looked at often, and must not be accused for that. (1) The likelihood ratios of
many posts are averaged, those that speak against a machine and those that say nothing too: the mean
of ratios is one itself, which a person exceeds no more often than it says (Vovk and Wang 2021,
"E-values: calibration, combination and applications": e-values merge by arithmetic mean). (2) The
chance of a false match counts once for each picture (Bonferroni). (3) What else was found counts
once, however often.
"""

import math
from collections import Counter, defaultdict
from typing import Final

import msgspec

from detectors.decode.sniff import Kind
from detectors.signal import (
    FINDING_FROM,
    Claim,
    MatchFacts,
    Outcome,
    Reason,
    Signal,
    Tier,
    facts_of,
)
from provenance.cases.case import CheckedPosts
from provenance.record import Record, Risk
from provenance.verdict.evidence import exact, strength

PART: Final = "posts"
WORST: Final = 10
"""Records of posts that are named."""


class _Ratios(msgspec.Struct):
    """Likelihood ratios of one detector over the posts that it assessed."""

    total: float = 0.0
    count: int = 0
    strongest: Signal | None = None


class Tally:
    """Counts the posts of one account."""

    def __init__(self) -> None:
        """Start with none."""
        self._risks = Counter[Risk]()
        self._worst: list[tuple[int, str]] = []
        self._ratios = defaultdict[str, _Ratios](_Ratios)
        self._found = dict[str, Signal]()
        """Detector, code and entry → the strongest signal of it."""
        self._pictures = 0
        self.matches: list[tuple[Signal, str]] = []
        """Matches with known fakes, and the records that have them."""

    def add(self, record: Record) -> None:
        """Count a post."""
        risk = record.verdict.risk
        self._risks[risk] += 1
        if risk.rank >= Risk.REVIEW.rank:
            self._worst.append((-risk.rank, record.item.uri))
            self._worst = sorted(self._worst)[:WORST]
        self._pictures += sum(part.kind is Kind.IMAGE for part in record.item.parts or ())
        decided = {*record.verdict.reasons} if risk.rank >= Risk.REVIEW.rank else set()
        for index, signal in enumerate(record.signals):
            if signal.tier is Tier.STATISTICAL:
                self._weigh(signal)
            elif index in decided:
                self._note(signal)
            if signal.outcome is Outcome.FINDING and signal.claim is Claim.KNOWN_FAKE:
                self.matches.append((signal, record.item.uri))

    def _weigh(self, signal: Signal) -> None:
        if signal.log10_lr is None or signal.outcome not in (Outcome.FINDING, Outcome.CLEAR):
            return
        ratios = self._ratios[signal.detector]
        ratios.total += 10**signal.log10_lr
        ratios.count += 1
        best = ratios.strongest
        if best is None or (best.log10_lr or 0) < signal.log10_lr:
            ratios.strongest = signal

    def _note(self, signal: Signal) -> None:
        key = f"{signal.detector} {signal.reason.code} {signal.facts.get('entry')}"
        known = self._found.get(key)
        if known is None or strength(signal) < strength(known):
            self._found[key] = signal

    @property
    def checked(self) -> int:
        """Posts that were counted."""
        return self._risks.total()

    def posts(self) -> CheckedPosts:
        """Return how many posts have which risk, and which are the worst."""
        return CheckedPosts(
            checked=self.checked,
            risk={risk.value: self._risks[risk] for risk in Risk if self._risks[risk]},
            worst=[uri for _, uri in self._worst],
        )

    def signals(self) -> list[Signal]:
        """Return what the posts say together, each signal with the part `posts`."""
        if not self.checked:
            return []
        found = [self._alone(signal) for signal in self._found.values()]
        found += [each for each in map(self._together, self._ratios.values()) if each]
        return sorted(found, key=strength) or [_nothing(self.checked)]

    def _alone(self, signal: Signal) -> Signal:
        """Return a finding, a chance of a false match multiplied by the pictures looked at."""
        facts, chance = signal.facts, facts_of(signal, MatchFacts).false_match_probability
        if chance is not None and not exact(signal):
            chance = min(1.0, chance * max(1, self._pictures))
            facts = facts | {"false_match_probability": chance, "pictures": self._pictures}
        return msgspec.structs.replace(signal, part=PART, facts=facts)

    def _together(self, ratios: _Ratios) -> Signal | None:
        """Return the finding of a statistic over all posts, None where it is none."""
        mean = round(math.log10(ratios.total / ratios.count), 2)
        if ratios.strongest is None or mean < FINDING_FROM:
            return None
        signal = ratios.strongest
        return msgspec.structs.replace(
            signal,
            part=PART,
            log10_lr=mean,
            facts=signal.facts | {"posts": ratios.count},
            reason=Reason("case.statistic", {"count": ratios.count}),
        )


def _nothing(count: int) -> Signal:
    return Signal(
        detector="posts",
        tier=Tier.METADATA,
        outcome=Outcome.CLEAR,
        reason=Reason("case.posts_clear", {"count": count}),
        part=PART,
    )
