"""A summary and the items that are flagged, for a ticket: CommonMark, without HTML."""

import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from detectors.signal import Claim, Outcome
from provenance.record import Record, Risk
from provenance.render.report import Report, said
from provenance.render.words import Words
from provenance.runs.summary import ranked

RISKS: Final = (Risk.HIGH, Risk.REVIEW, Risk.INCONCLUSIVE, Risk.LOW)
MOST: Final = 10
"""Findings, gaps and groups that a summary names, the most frequent first."""
MOST_NAMES: Final = 5
"""Items of a group that are named."""
MARKUP: Final = re.compile(r"([\\`*_\[\]<>~|&!#])")
ACTING: Final = re.compile(r"[@#]\w|://|\bwww\.|^\s*(?:[-+=]|\d+[.)])", re.IGNORECASE)
"""What trackers make of plain text: mentions, references, links, which backslashes do not stop; and
what begins a list."""


def write(report: Report, out: BinaryIO) -> None:
    """Write counts, what was found and not assessed, the largest groups, and the flagged items."""
    out.writelines(f"{line}\n".encode() for line in _lines(report))


def code(text: str) -> str:
    """Return text as a code span, in which nothing is markup (CommonMark 0.31, 6.1).

    Args:
        text: escaped, so that it is one line.
    """
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    return f"{fence}{pad}{text}{pad}{fence}" if text else ""


def plain(text: str) -> str:
    """Return a sentence as text in which nothing is markup, whatever it quotes."""
    return code(text) if ACTING.search(text) else MARKUP.sub(r"\\\1", text)


def _lines(report: Report) -> Iterator[str]:
    words = report.plain_words
    totals = report.totals()
    yield f"# {words.word('page.title')}"
    yield ""
    if report.about:
        yield plain(words.word(f"page.state.{report.about.state}", when=report.about.updated))
        yield ""
    counts = {risk.value: totals.risk[risk] for risk in RISKS}
    yield plain(words.word("screen.count", total=totals.items, **counts)) + "."
    yield from _counted(words, "page.findings", ranked(totals.findings))
    yield from _counted(words, "page.gaps", ranked(totals.gaps))
    yield from _groups(words, report)
    if report.fail_on is None:
        return
    yield ""
    yield f"## {words.word('page.flagged', risk=report.fail_on.value)}"
    for record in report.flagged():
        yield from _item(report, record)


def _counted(
    words: Words, title: str, counts: Iterable[tuple[tuple[str, ...], int]]
) -> Iterator[str]:
    """Yield a list of what was counted by detector, claim and code; nothing of nothing."""
    for number, ((detector, *rest), items) in enumerate(counts):
        if not number:
            yield from ("", f"## {words.word(title)}", "")
        what = " ".join(code(words.shown(word)) for word in rest if word)
        name = words.name("conflict" if Claim.CONFLICT in rest else detector)
        yield f"- {words.number(items)}: {plain(name)} {what}"


def _groups(words: Words, report: Report) -> Iterator[str]:
    """Yield the largest groups, with the first of their items."""
    if not report.groups:
        return
    yield ""
    yield f"## {words.word('page.groups')}"
    yield ""
    for number, group in enumerate(report.groups[:MOST], 1):
        named = ", ".join(code(words.shown(uri)) for uri in group.items[:MOST_NAMES])
        more = ", …" if len(group.items) > MOST_NAMES else ""
        what = words.word(f"page.group.{group.kind}", count=len(group.items))
        yield f"{number}. {plain(what)}: {named}{more}"


def _item(report: Report, record: Record) -> Iterator[str]:
    """Yield an item: name, verdict, every signal that says something, what was not assessed."""
    words = report.words(record.verdict.policy)
    yield ""
    risk = words.word(f"risk.{record.verdict.risk.value}")
    yield f"### {risk}: {code(words.shown(record.item.uri))}"
    yield ""
    yield plain(words.headline(record))
    if advice := words.advice(record):
        yield plain(advice)
    yield ""
    for signal in said(record.signals):
        if signal.outcome is Outcome.FINDING:
            yield f"- {plain(words.label(signal))}: {plain(words.evidence(signal))}"
    for title, gaps in (
        ("screen.not_assessed", words.unassessed(record)),
        ("screen.incomplete", words.incomplete(record)),
    ):
        if gaps:
            yield f"- {words.word(title)}: {plain(gaps)}."
    if numbers := report.numbers(record):
        yield f"- {words.word('page.in_groups', numbers=numbers)}"
    if record.item.sha256:
        yield f"- SHA-256 {code(record.item.sha256)}"
