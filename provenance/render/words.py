"""The sentences of one record, escaped for whoever reads."""

from collections.abc import Sequence
from typing import Any

from detectors.signal import Claim, Outcome, Reason, Signal, Tier
from provenance.messages import say, table
from provenance.record import Record
from provenance.render import Look
from provenance.render.case import WEAK, Case, case, passages
from provenance.render.escape import escape
from provenance.verdict import wrong_per_thousand
from provenance.verdict.evidence import cap
from provenance.verdict.rules import combined

SUPPORT = ((4, "very_strong"), (3, "strong"), (2, "moderately_strong"), (1, "moderate"))
"""log10 likelihood ratio from which on a word holds: ENFSI guideline (2015)."""
ASCII = str.maketrans(
    {"\N{LEFT DOUBLE QUOTATION MARK}": '"', "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
     "\N{LEFT SINGLE QUOTATION MARK}": "'", "\N{RIGHT SINGLE QUOTATION MARK}": "'",
     "\N{EN DASH}": "-", "\N{EM DASH}": "-", "\N{HORIZONTAL ELLIPSIS}": "..."}
)  # fmt: skip


class Words:
    """Says what a look asks for, in its language."""

    def __init__(self, look: Look) -> None:
        """Keep how to say it."""
        self._look = look

    def shown(self, text: str) -> str:
        """Give any text as it may be printed."""
        if self._look.unicode:
            return escape(text)
        return escape(text.translate(ASCII), ascii_only=True)

    def say(self, reason: Reason) -> str:
        """Give the sentence of a reason."""
        return self.shown(say(reason, self._look.locale, self._look.tables))

    def word(self, code: str, **args: Any) -> str:
        """Give a sentence of the house."""
        return self.say(Reason(code, args))

    def has(self, code: str) -> bool:
        """Tell whether there is a sentence for a code."""
        return code in table(self._look.locale, self._look.tables)

    def label(self, signal: Signal) -> str:
        """Give what a signal's detector is called, with the part of a post it speaks of."""
        name = "conflict" if signal.claim is Claim.CONFLICT else signal.detector
        said = (
            self.word(f"label.{name}")
            if self.has(f"label.{name}")
            else self.shown(name.replace("_", " "))
        )
        return self.part(signal) + said

    def headline(self, record: Record) -> str:
        """Give the one line in plain words."""
        return self.word(f"verdict.{case(record)}")

    def brief(self, record: Record) -> str:
        """Give the case in a few words, for one line of a folder's screen."""
        return self.word(f"brief.{case(record)}")

    def evidence(self, signal: Signal) -> str:
        """Give what a signal says, a ratio in the words of the scale first."""
        said = self.say(signal.reason)
        if signal.tier is not Tier.STATISTICAL or signal.log10_lr is None:
            return said
        if passages(signal):
            whole = self.support(signal.log10_lr, None)
            return f"{said} {self.word('support.whole', said=whole)}"
        if abs(signal.log10_lr) < WEAK:
            return self.support(signal.log10_lr, None)  # no support: nothing that sounds like some
        return f"{self.support(signal.log10_lr, cap(signal))} {said}"

    def support(self, log10_lr: float, most: float | None) -> str:
        """Give the strength of a likelihood ratio as a sentence, with what it may claim at most."""
        level = next((word for least, word in SUPPORT if log10_lr >= least), "weak")
        if abs(log10_lr) < WEAK:
            level = "none"
        elif log10_lr < 0:
            level = "against"
        said = self.word(f"support.{level}", ratio=_ratio(log10_lr))
        if most is None or log10_lr <= 0:
            return said
        return f"{said} {self.word('support.cap', most=_ratio(most))}"

    def advice(self, record: Record) -> str:
        """Give what to do, or how often such flags are wrong; may be empty."""
        what, policy = case(record), self._look.policy
        decided = [record.signals[i] for i in record.verdict.reasons]
        if what is Case.MEASURED and policy is not None:
            return self.word(
                "advice.base_rate",
                wrong=wrong_per_thousand(combined(decided), policy.prior),
                prior=f"{100 * policy.prior:g}",
            )
        return self.word(f"advice.{what}") if self.has(f"advice.{what}") else ""

    def policy(self, record: Record) -> str:
        """Give the policy's name, and what of it decided."""
        what, name = case(record), record.verdict.policy.name
        if not record.verdict.reasons or not self.has(f"policy.{what}"):
            return self.word("screen.policy", name=name)
        because = self.word(f"policy.{what}", risk=record.verdict.risk.value)
        return self.word("screen.policy_because", name=name, because=because)

    def gaps(self, signals: Sequence[Signal], outcome: Outcome) -> str:
        """Give which detectors ended so and why, one clause a reason; empty where none did."""
        clauses: dict[str, dict[str, None]] = {}
        for signal in signals:
            if signal.outcome is outcome:
                why = _clause(self.say(signal.reason))
                if signal.detector == "item":
                    why, who = f"{self.part(signal)}{why}", ""
                else:
                    who = self.label(signal)
                clauses.setdefault(why, {})[who] = None
        named = ((why, ", ".join(filter(None, who))) for why, who in clauses.items())
        return "; ".join(f"{who} ({why})" if who else why for why, who in named)

    def missed(self, record: Record) -> str:
        """Give why an item could not be checked; empty where it could."""
        whole = [s for s in record.signals if s.detector == "item"]
        failed = self.gaps(record.signals, Outcome.FAILED)
        return failed or self.gaps(whole, Outcome.NOT_ASSESSED)

    def part(self, signal: Signal) -> str:
        """Give which part of a post a signal speaks of, as it stands before the rest."""
        return self.shown(f"{signal.part}: ") if signal.part else ""


def _ratio(log10_lr: float) -> str:
    """Give a likelihood ratio as a short number."""
    value = 10**log10_lr
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"  # noqa: PLR2004 - two digits


def _clause(sentence: str) -> str:
    """Give a sentence as it stands in brackets: no full stop, no capital of a beginning."""
    body = sentence.removesuffix(".")
    first_word_is_plain = body[1:2].islower() or body[1:2] == " "
    return body[:1].lower() + body[1:] if first_word_is_plain else body
