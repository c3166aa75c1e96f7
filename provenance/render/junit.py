"""JUnit XML, as build servers read it: one suite a run, a test case for each item.

Valid under the schema of Jenkins' xUnit plug-in (junit-10.xsd) and that of Ant's JUnit task
(JUnit.xsd of Windy Road), which wants the counts before the cases and what was printed after them.
So cases wait in a temporary file until the counts are known.
"""

import shutil
import tempfile
from collections.abc import Iterable
from typing import TextIO
from xml.sax.saxutils import escape as text_of
from xml.sax.saxutils import quoteattr

from provenance.intake.location import Names, Root
from provenance.record import Record, Risk
from provenance.render import RenderOptions
from provenance.render.words import Words
from provenance.verdict.headline import headline

IN_MEMORY = 2**22
"""Bytes of test cases above which they wait on the disk, 4 MiB: some 15,000 items."""


def write(records: Iterable[Record], out: TextIO, look: RenderOptions) -> None:
    """Write the suite: at or above the risk that flags is a failure, not checked is an error.

    Without a lower risk that flags, `high` fails, and what is at `review` stands in `system-out`.
    What XML 1.0 forbids stands as escapes, since every sentence and name is escaped as for a
    terminal; a name that an earlier case has gets `~2`, since servers tell cases by their names.
    """
    with (
        tempfile.SpooledTemporaryFile(IN_MEMORY, "w+", encoding="utf-8", newline="\n") as cases,
        tempfile.SpooledTemporaryFile(IN_MEMORY, "w+", encoding="utf-8", newline="\n") as remarks,
    ):
        suite = _Suite(look)
        for record in records:
            case_of, remark = suite.add(record)
            cases.write(case_of)
            remarks.write(remark)
        cases.write(suite.cut())
        out.write(suite.head())
        for part, end in ((cases, "<system-out>"), (remarks, "</system-out><system-err/>\n")):
            part.seek(0)
            shutil.copyfileobj(part, out)
            out.write(end)
        out.write("</testsuite>\n</testsuites>\n")


class _Suite:
    """Turns records into test cases, and counts them."""

    def __init__(self, look: RenderOptions) -> None:
        self._look, self._words, self._root = look, Words(look), Root(look.root)
        self._names = Names()
        self._limit = min(look.fail_on or Risk.HIGH, Risk.HIGH, key=lambda risk: risk.rank)
        self._tests = self._failures = self._errors = self._elapsed_ms = 0
        self._date = "1970-01-01"

    def head(self) -> str:
        """Return what stands before the cases. The day is that of the records; no host is named."""
        counts = f'tests="{self._tests}" failures="{self._failures}" errors="{self._errors}"'
        when = f'time="{_seconds(self._elapsed_ms)}" timestamp="{self._date}T00:00:00"'
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n'
            f'<testsuite name="provenance" package="provenance" id="0" hostname="localhost"'
            f" {counts} {when}>\n<properties/>\n"
        )

    def add(self, record: Record) -> tuple[str, str]:
        """Return the case of a record, and what is remarked of it in `system-out`."""
        name = self._names.unused(self._words.shown(self._root.locate(record).name))
        said, remark = self._outcome(record)
        self._tests += 1
        self._elapsed_ms += record.elapsed_ms
        self._date = record.tool.date
        kind = quoteattr(f"provenance.{record.item.kind}")
        time = f'time="{_seconds(record.elapsed_ms)}"'
        line = f"<testcase name={quoteattr(name)} classname={kind} {time}>{said}</testcase>\n"
        return line, text_of(f"{name}: {remark}\n") if remark else ""

    def cut(self) -> str:
        """Return the case that says that others are missing, where the run was interrupted."""
        if not (said := self._look.cut()):
            return ""
        self._tests += 1
        self._errors += 1
        error = _element("error", self._words.shown(said), "interrupted", "")
        name = f'name="{self._names.unused("interrupted")}" classname="provenance.run"'
        return f'<testcase {name} time="0.000">{error}</testcase>\n'

    def _outcome(self, record: Record) -> tuple[str, str]:
        """Return what a case holds, and the remark."""
        words, risk = self._words, record.verdict.risk
        sentence = words.headline(record)
        decided = [words.evidence(record.signals[i]) for i in record.verdict.reasons]
        said = "\n".join(filter(None, [*decided, words.advice(record), words.policy(record)]))
        accepted = self._look.acceptance(record)
        if risk.rank >= self._limit.rank and accepted is None:
            self._failures += 1
            return _element("failure", f"{risk.value}: {sentence}", headline(record), said), ""
        if self._look.unchecked(record):
            self._errors += 1
            return _element("error", words.missed(record), "could_not_check", said), ""
        if accepted is not None:
            return f"<skipped message={quoteattr(words.accepted(accepted))}/>", ""
        return "", f"review: {sentence}\n{said}" if risk is Risk.REVIEW else ""


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"


def _element(name: str, message: str, kind: str, said: str) -> str:
    attributes = f"message={quoteattr(message)} type={quoteattr(kind)}"
    return f"<{name} {attributes}>{text_of(said)}</{name}>"
