"""The sentences of one record, escaped for whoever reads."""

from collections.abc import Sequence
from typing import Any

from detectors.decode.sniff import Kind
from detectors.signal import FINDING_FROM, Claim, Outcome, Reason, Signal, Tier
from provenance.messages import number, say, table
from provenance.record import Record
from provenance.render import RenderOptions
from provenance.render.escape import escape
from provenance.verdict import wrong_per_thousand
from provenance.verdict.evidence import cap
from provenance.verdict.headline import Headline, headline, passages, unread
from provenance.verdict.rules import combined

SUPPORT = (
    (4, "very_strong"), (3, "strong"), (2, "moderately_strong"), (1, "moderate"),
    (FINDING_FROM, "weak"), (-FINDING_FROM, "none"),
)  # fmt: skip
"""log10 likelihood ratio from which on a word holds: ENFSI guideline (2015), verbal scale."""
ASCII = str.maketrans(
    {"\N{LEFT DOUBLE QUOTATION MARK}": '"', "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
     "\N{LEFT SINGLE QUOTATION MARK}": "'", "\N{RIGHT SINGLE QUOTATION MARK}": "'",
     "\N{EN DASH}": "-", "\N{EM DASH}": "-", "\N{HORIZONTAL ELLIPSIS}": "..."}
)  # fmt: skip


class Words:
    """Says what a look asks for, in its language."""

    def __init__(self, look: RenderOptions) -> None:
        """Keep how to say it."""
        self._look = look

    def shown(self, text: str) -> str:
        """Return any text as it may be printed."""
        if self._look.unicode:
            return escape(text)
        return escape(text.translate(ASCII), ascii_only=True)

    def say(self, reason: Reason) -> str:
        """Return the sentence of a reason."""
        return self.shown(say(reason, self._look.locale, self._look.tables))

    def word(self, code: str, /, **args: Any) -> str:
        """Return a sentence of the house."""
        return self.say(Reason(code, args))

    def number(self, value: float, spec: str = ",") -> str:
        """Return a number as the language writes it."""
        return number(value, self._look.locale, spec)

    def has(self, code: str) -> bool:
        """Tell whether there is a sentence for a code."""
        return code in table(self._look.locale, self._look.tables)

    def label(self, signal: Signal) -> str:
        """Return what a signal's detector is called, with the part of a post it speaks of."""
        name = "conflict" if signal.claim is Claim.CONFLICT else signal.detector
        return self.part(signal) + self.name(name)

    def name(self, detector: str) -> str:
        """Return what a detector is called."""
        code = f"label.{detector}"
        return self.word(code) if self.has(code) else self.shown(detector.replace("_", " "))

    def claim(self, claim: str) -> str:
        """Return what a finding asserts, or where an item comes from, in words."""
        code = f"claim.{claim}"
        return self.word(code) if self.has(code) else self.shown(claim.replace("_", " "))

    def headline(self, record: Record) -> str:
        """Return the one line in plain words: of an item that nothing looked at, why."""
        alone = unread(record)
        return self.say(alone.reason) if alone else self.word(f"verdict.{headline(record)}")

    def whole(self, record: Record) -> str:
        """Return the headline, what decided, and what to do, as one paragraph."""
        decided = [self.evidence(record.signals[index]) for index in record.verdict.reasons]
        return " ".join(filter(None, [self.headline(record), *decided, self.advice(record)]))

    def accepted(self, reason: str) -> str:
        """Return that people accepted what was found, and why."""
        return self.word("screen.accepted", reason=self.shown(reason))

    def brief(self, record: Record) -> str:
        """Return the case in a few words, for one line of a folder's screen."""
        return self.word(f"brief.{headline(record)}")

    def evidence(self, signal: Signal) -> str:
        """Return what a signal says, a ratio in words first; empty where a screen need not say it.

        A ratio that is no finding stands alone: nothing beside it may sound like one.
        """
        said = self.say(signal.reason)
        if signal.tier is not Tier.STATISTICAL or signal.log10_lr is None:
            return said
        if passages(signal):
            return f"{said} {self.word('support.whole', said=self.support(signal))}"
        if signal.outcome is not Outcome.FINDING:
            return self.support(signal)
        return f"{self.support(signal)} {said}"

    def support(self, signal: Signal) -> str:
        """Return the strength of a likelihood ratio as a sentence."""
        ratio = signal.log10_lr or 0.0
        level = next((word for least, word in SUPPORT if ratio >= least), "against")
        things = self.things(signal)
        said = self.word(
            f"support.{level}", ratio=self._ratio(ratio), inverse=self._ratio(-ratio), things=things
        )
        most, needed = cap(signal), self._needed()
        if level == "none" and needed is not None:
            return f"{said} {self.word('support.counts', counts=self._ratio(needed))}"
        if self._look.verbose and most is not None and signal.outcome is Outcome.FINDING:
            return f"{said} {self.word('support.cap', most=self._ratio(most))}"
        return said

    def things(self, signal: Signal) -> str:
        """Return what a statistic compares: pictures or texts."""
        code = f"things.{signal.source}"
        return self.word(code) if self.has(code) else self.word("things.any")

    def _needed(self) -> float | None:
        """Return the least log10 ratio that the policy acts on, None where there is no policy."""
        rows = self._look.policy.rows if self._look.policy else []
        return min((row.min_log10_lr for row in rows if row.min_log10_lr is not None), default=None)

    def advice(self, record: Record) -> str:
        """Return what to do, or how often such flags are wrong; may be empty."""
        what, policy = headline(record), self._look.policy
        decided = [record.signals[i] for i in record.verdict.reasons]
        if what is Headline.MEASURED and policy is not None:
            return self.word(
                "advice.base_rate",
                wrong=wrong_per_thousand(combined(decided), policy.prior),
                prior=f"{100 * policy.prior:g}",
                things=self.things(decided[0]),
            )
        return self.word(f"advice.{what}") if self.has(f"advice.{what}") else ""

    def policy(self, record: Record) -> str:
        """Return the policy's name, and what of it decided."""
        what, name = headline(record), record.verdict.policy.name
        if not record.verdict.reasons or not self.has(f"policy.{what}"):
            return self.word("screen.policy", name=name)
        because = self.word(f"policy.{what}", risk=record.verdict.risk.value)
        return self.word("screen.policy_because", name=name, because=because)

    def gaps(self, signals: Sequence[Signal]) -> str:
        """Return which detectors these are and why they found nothing, one clause a reason."""
        clauses: dict[str, dict[str, None]] = {}
        for signal in signals:
            why = _clause(self.say(signal.reason), capital=self.word("screen.clause") == "capital")
            if signal.detector == "item":
                why, who = f"{self.part(signal)}{why}", ""
            else:
                who = self.label(signal)
            clauses.setdefault(why, {})[who] = None
        named = ((why, ", ".join(filter(None, who))) for why, who in clauses.items())
        return "; ".join(f"{who} ({why})" if who else why for why, who in named)

    def missed(self, record: Record) -> str:
        """Return why an item could not be checked; empty where it could."""
        whole = [s for s in record.signals if s.detector == "item"]
        return self.gaps(_of(record.signals, Outcome.FAILED) or _of(whole, Outcome.NOT_ASSESSED))

    def incomplete(self, record: Record) -> str:
        """Return what keeps a verdict from being complete, and why; empty where nothing does."""
        required = self._required(record)
        lost = [s for s in record.signals if s.outcome is Outcome.FAILED or self.owed(s, required)]
        left_out = sorted(self._left_out(record)) if required else []
        clauses = [f"{self.name(name)} ({self.word('screen.not_run')})" for name in left_out]
        return "; ".join(filter(None, [self.gaps(lost), *clauses]))

    def unassessed(self, record: Record) -> str:
        """Return what could not be judged honestly, and why, besides what keeps it incomplete."""
        required = self._required(record)
        other = _of(record.signals, Outcome.NOT_ASSESSED)
        return self.gaps([signal for signal in other if not self.owed(signal, required)])

    def owed(self, signal: Signal, required: frozenset[str]) -> bool:
        """Tell whether a signal leaves open what the policy requires."""
        return signal.outcome is Outcome.NOT_ASSESSED and signal.detector in required

    def _required(self, record: Record) -> frozenset[str]:
        """Return the detectors that the policy requires for an item that something looked at."""
        policy = self._look.policy
        if policy is None or record.verdict.complete or unread(record):
            return frozenset()
        return self._named(record.item.kind)

    def _named(self, kind: Kind) -> frozenset[str]:
        """Return the detectors that the policy requires for items of a kind."""
        if self._look.policy is None:
            return frozenset()
        images, texts = self._look.policy.required.images, self._look.policy.required.texts
        named = {Kind.IMAGE: images, Kind.TEXT: texts, Kind.POST: [*images, *texts]}
        return frozenset(named.get(kind, ()))

    def _left_out(self, record: Record) -> set[str]:
        """Return the detectors that the policy requires and that did not look, part by part."""
        item = record.item
        looked_at: list[tuple[Kind, str]] = []
        if item.kind is not Kind.POST:
            looked_at.append((item.kind, ""))
        looked_at += [(part.kind, part.name) for part in item.parts or ()]
        left: set[str] = set()
        for kind, name in looked_at:
            ran = {signal.detector for signal in record.signals if (signal.part or "") == name}
            left |= self._named(kind) - ran
        return left

    def _ratio(self, log10_lr: float) -> str:
        """Return a likelihood ratio as a short number."""
        value = 10**log10_lr
        return self.number(value, ",.0f" if value >= 10 else ".2g")  # two digits

    def part(self, signal: Signal) -> str:
        """Return which part of a post a signal speaks of, as it stands before the rest."""
        return self.shown(f"{signal.part}: ") if signal.part else ""


def _of(signals: Sequence[Signal], outcome: Outcome) -> list[Signal]:
    """Return the signals that ended so."""
    return [signal for signal in signals if signal.outcome is outcome]


def _clause(sentence: str, *, capital: bool) -> str:
    """Return a sentence as it stands in brackets: no full stop; the capital goes if that is wanted.

    Args:
        sentence: the sentence.
        capital: whether its first letter stays: languages that write nouns with a capital keep it.
    """
    body = sentence.removesuffix(".")
    if capital:
        return body
    first_word_is_plain = body[1:2].islower() or body[1:2] == " "
    return body[:1].lower() + body[1:] if first_word_is_plain else body
