"""JUnit XML, as build servers read it: a suite of one test case for each item.

The counts that a suite must carry stand before its cases; a suite an item lets records stream.
Valid under the schema of Jenkins' xUnit plug-in (junit-10.xsd).
"""

from collections.abc import Iterable
from typing import TextIO
from xml.sax.saxutils import escape as text_of
from xml.sax.saxutils import quoteattr

from provenance.engine.tally import could_not_check
from provenance.record import Record, Risk
from provenance.render import Look
from provenance.render.case import case
from provenance.render.words import Words


def write(records: Iterable[Record], out: TextIO, look: Look) -> None:
    """Write the suites: at or above the risk that flags is a failure, not checked is an error.

    Without a lower risk that flags, `high` fails, and `review` speaks in `system-out`. What XML
    1.0 forbids stands as escapes, since every sentence and name is escaped as for a terminal.
    """
    words = Words(look)
    limit = min(look.fail_on or Risk.HIGH, Risk.HIGH, key=lambda risk: risk.rank)
    out.write('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="provenance">\n')
    out.writelines(_suite(record, words, limit) for record in records)
    out.write("</testsuites>\n")


def _suite(record: Record, words: Words, limit: Risk) -> str:
    """Give the suite of one item."""
    failure, error, said = _outcome(record, words, limit)
    name = quoteattr(words.shown(record.item.uri))
    kind = quoteattr(f"provenance.{record.item.kind}")
    counts = f'tests="1" failures="{failure:d}" errors="{error:d}"'
    time = f'time="{record.elapsed_ms / 1000:.3f}"'
    body = f"<testcase name={name} classname={kind} {time}>{said}</testcase>"
    return f"<testsuite name={name} {counts}>{body}</testsuite>\n"


def _outcome(record: Record, words: Words, limit: Risk) -> tuple[bool, bool, str]:
    """Give whether an item fails, whether it could not be checked, and what its case holds."""
    headline, risk = words.headline(record), record.verdict.risk
    decided = [words.evidence(record.signals[i]) for i in record.verdict.reasons]
    said = "\n".join(filter(None, [*decided, words.advice(record), words.policy(record)]))
    if risk.rank >= limit.rank:
        return True, False, _element("failure", f"{risk.value}: {headline}", case(record), said)
    if could_not_check(record):
        return False, True, _element("error", words.missed(record), "could_not_check", said)
    if risk is Risk.REVIEW:
        text = text_of(f"review: {headline}\n{said}")
        return False, False, f"<system-out>{text}</system-out>"
    return False, False, ""


def _element(name: str, message: str, kind: str, said: str) -> str:
    attributes = f"message={quoteattr(message)} type={quoteattr(kind)}"
    return f"<{name} {attributes}>{text_of(said)}</{name}>"
