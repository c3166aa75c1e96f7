"""A verdict at length: what it means and does not mean, what to do next, and every fact."""

from collections.abc import Iterator
from typing import TextIO

import msgspec

from detectors.signal import ScoreFacts, Signal, Span, Tier, facts_of
from provenance.record import Record
from provenance.render import RenderOptions
from provenance.render.terminal import Page
from provenance.render.words import Words
from provenance.verdict import Policy
from provenance.verdict.headline import Headline, headline, unread
from provenance.verdict.policy import Rule

QUESTIONS = ("means", "not", "next", "publish")
"""Parts of an explanation, in the order a reader asks."""
NOTHING = {Headline.NOTHING_IMAGE, Headline.NOTHING_TEXT, Headline.NOTHING_POST}
CONDITIONS = (
    "detector", "claim", "state", "code", "ingredients_hold", "exact", "max_false_match",
    "min_log10_lr", "max_q",
)  # fmt: skip


def write(record: Record, policy: Policy, out: TextIO, look: RenderOptions) -> None:
    """Write what was found, what it means and does not mean, what to do, and every fact.

    Args:
        record: of one item.
        policy: the one that judged it.
        out: receives the screen.
        look: width, colour, language; `verbose` is not asked for.
    """
    words = Words(look)
    page = Page(out, look)
    page.heading(record)
    if unread(record) is None:
        page.title(words.word("explain.found"))
        page.findings(record)
    for question in QUESTIONS:
        page.title(words.word(f"explain.{question}"))
        page.hang("  ", answer(words, record, question), 2)
    page.title(words.word("explain.facts"))
    page.facts(record)
    for line in (*by_windows(words, record), *account(words, record, policy)):
        page.hang("", line, 4)


def answer(words: Words, record: Record, question: str, *, drawn: bool = False) -> str:
    """Return the sentences that answer a question about a record.

    Args:
        words: to say it with.
        record: of one item.
        question: one of `QUESTIONS`.
        drawn: whether a match stands drawn beside the answer.
    """
    what = headline(record)
    named = "nothing" if what in NOTHING else what.value
    first = decisive(record)
    args = {} if first is None else first.reason.args
    said = {name: value for name, value in args.items() if name != "also"}  # said of the finding
    said |= {"this": words.word(f"this.{record.item.kind}")}
    if first is not None and first.tier is Tier.STATISTICAL:
        said |= {"things": words.things(first)}
    beside = f"page.{question}.{named}"
    code = beside if drawn and words.has(beside) else f"explain.{question}.{named}"
    return words.word(code, **said)


def decisive(record: Record) -> Signal | None:
    """Return the signal that decided a record, else the first that says what it is about."""
    reasons = record.verdict.reasons
    if reasons:
        return record.signals[reasons[0]]
    return next((signal for signal in record.signals if signal.claim is not None), None)


def by_windows(words: Words, record: Record) -> Iterator[str]:
    """Yield what each window of a long text is worth by itself and beside the rest, line by line.

    A passage that stands out is marked, and its beginning quoted.
    """
    for signal in record.signals:
        if not (spans := facts_of(signal, ScoreFacts).spans):
            continue
        yield ""
        part = signal.part or words.word("windows.whole")
        yield words.word("windows.title", part=part, name=signal.detector)
        for span in spans:
            yield f"{'*' if span.found else ' '} {_window(words, span)}"
            if span.found:
                yield words.shown(f'    "{span.begins}"')
        yield f"  {words.word('windows.legend')}"


def _window(words: Words, span: Span) -> str:
    """Return what a window is worth."""
    last = span.first_word + span.words - 1
    args = {"first": span.first_word, "last": last, "score": span.score, "contrast": span.contrast}
    if span.log10_lr is None:
        return words.word("windows.one", **args)
    return words.word("windows.weighed", **args, ratio=10**span.log10_lr)


def account(words: Words, record: Record, policy: Policy) -> Iterator[str]:
    """Yield how the policy came to its risk, line by line."""
    yield ""
    yield words.word("account.title", name=policy.name, risk=record.verdict.risk.value)
    met = 0
    for number, row in enumerate(policy.rows, 1):
        if findings := _met(row, record, policy):
            met += 1
            asked = {"number": number, "risk": row.floor.value, "conditions": conditions(row)}
            yield f"  {words.word('account.row', **asked)}"
            for found in findings:
                said = words.word("account.met", name=found.detector, reason=found.reason.code)
                yield f"    {said}"
    if not met:
        yield f"  {words.word('account.none')}"
    yield f"  {words.word('account.rows', count=len(policy.rows))}"
    if not record.verdict.complete:
        yield f"  {words.word('account.incomplete')}"


def _met(row: Rule, record: Record, policy: Policy) -> list[Signal]:
    """Return the findings that meet a row, in whichever part of the item they lie."""
    from provenance.verdict.rules import decided_by, uncancelled

    parts: dict[object, list[Signal]] = {}
    for signal in record.signals:
        parts.setdefault(signal.part, []).append(signal)
    return [s for part in parts.values() for s in decided_by(row, uncancelled(part), policy)]


def conditions(row: Rule) -> str:
    """Return a row's conditions in one line."""
    said = [f"tier {row.tier.value}"]
    for name in CONDITIONS:
        value = msgspec.to_builtins(getattr(row, name))
        if value not in ([], None):
            said.append(f"{name} {', '.join(value) if isinstance(value, list) else value}")
    return "; ".join(said)
