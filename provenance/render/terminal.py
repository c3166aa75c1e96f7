"""Screens for people: what it is, why, what was not looked at, what to do."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TextIO

from detectors.decode.sniff import Kind
from detectors.signal import Claim, Outcome, Signal
from provenance.record import Described, Part, Record, Risk
from provenance.render import RenderOptions
from provenance.render.console import console
from provenance.render.words import Words
from provenance.verdict.evidence import strength
from provenance.verdict.headline import LOOKED, passages, unread

if TYPE_CHECKING:
    from rich.text import Text

GLYPHS = {Risk.HIGH: "!!", Risk.REVIEW: "!", Risk.INCONCLUSIVE: "?", Risk.LOW: "+"}
STYLES = {
    Risk.HIGH: "bold color(231) on color(88)",
    Risk.REVIEW: "bold color(231) on color(90)",
    Risk.INCONCLUSIVE: "",
    Risk.LOW: "bold color(231) on color(24)",
}
"""White on dark red, purple and blue of the fixed part of the 256 colours, so that the contrast is
the same on light and dark terminals, 7 and more; no pair of red and green, and the words carry the
meaning."""
MOST = 4
"""Reasons on a first screen."""
QUIET_LINES = 2
"""Lines up to which looks that found nothing fill the space beside a finding."""
RISK = 14
"""Width of the column of risks on a folder's screen."""
LABEL = 12
"""Least width of the column of labels."""
SERIOUS = ("high", "review", "inconclusive", "low")


def write(records: Iterable[Record], out: TextIO, look: RenderOptions) -> None:
    """Write a screen for each record, or for a folder a line for each that asks for attention."""
    page = Page(out, look)
    if look.folder:
        page.folder(records)
        return
    page.items(records)
    if look.cut():
        page.closing()


class Page:
    """Prints escaped lines, wrapped by the width that characters take."""

    def __init__(self, out: TextIO, look: RenderOptions) -> None:
        """Open the page."""
        self._look = look
        self._words = Words(look)
        self._console = console(out, look)

    def items(self, records: Iterable[Record]) -> None:
        """Print a screen for each item that is shown."""
        shown = filter(self._asks, records)
        for number, record in enumerate(shown):
            if self._look.quiet:
                self._row(record, self._first_reason(record))
                continue
            if number:
                self.line("")
            self.item(record)

    def item(self, record: Record) -> None:
        """Print the screen of one item."""
        said = self._words
        self.heading(record)
        self.findings(record)
        if advice := said.advice(record):
            self.line(advice, 2)
        if (reason := self._look.acceptance(record)) is not None:
            self.line(said.accepted(reason), 2)
        hint = "" if self._look.verbose else f"  {said.word('screen.verbose')}"
        self.line(said.policy(record) + hint, 2)
        if self._look.verbose:
            self.facts(record)

    def heading(self, record: Record) -> None:
        """Print risk, name, and the verdict in plain words."""
        self._head(record)
        self.line(self._words.headline(record))

    def title(self, text: str) -> None:
        """Print the title of a part, apart from what stands before it."""
        self.line("")
        self.line(text)

    def findings(self, record: Record) -> None:
        """Print the evidence, and what was not looked at, with the reason."""
        self._reasons(record)
        if unread(record) is None:
            self._gaps("screen.not_assessed", self._words.unassessed(record))
            self._gaps("screen.incomplete", self._words.incomplete(record))

    def folder(self, records: Iterable[Record]) -> None:
        """Print each item that is shown, in a line or with every fact, then counts and the exit."""
        risks, unchecked, others = Counter[str](), 0, 0
        for record in records:
            risks[record.verdict.risk] += 1
            unchecked += self._look.unchecked(record)
            others += record.item.kind is Kind.UNSUPPORTED and not self._look.unchecked(record)
            if self._asks(record):
                self.entry(record)
        if self._look.quiet and not self._look.cut():
            return
        self.counts(risks, unchecked, others)
        self.closing()

    def counts(self, risks: Mapping[str, int], unchecked: int, others: int = 0) -> None:
        """Print how many items have which risk.

        Args:
            risks: risk → items.
            unchecked: items that could not be checked.
            others: items of types that are not examined.
        """
        by_risk = {risk: risks.get(risk, 0) for risk in SERIOUS}
        line = self._words.word("screen.count", total=sum(by_risk.values()), **by_risk)
        for code, count in (("screen.unchecked", unchecked), ("screen.others", others)):
            line += f"; {self._words.word(code, count=count)}" if count else ""
        self.line(line, 2)

    def closing(self) -> None:
        """Print why the exit code is what it is, where it is known."""
        if self._look.closing is not None:
            self.line(self._words.shown(self._look.closing()), 2)

    def entry(self, record: Record) -> None:
        """Print one item of a folder."""
        if self._look.quiet:
            self._row(record, self._first_reason(record))
        elif self._look.verbose:
            self.item(record)
            self.line("")
        else:
            self._row(record, self._words.missed(record) or self._words.brief(record))

    def line(self, text: str, indent: int = 0) -> None:
        """Print a paragraph; lines after the first stand in by `indent`."""
        self.hang("", text, indent)

    def _asks(self, record: Record) -> bool:
        """Tell whether an item is shown: with `-q` where it is flagged, else by its risk."""
        risk, limit = record.verdict.risk, self._look.fail_on
        accepted = self._look.acceptance(record) is not None
        if self._look.quiet:
            return limit is not None and risk.rank >= limit.rank and not accepted
        if accepted and self._look.folder and not self._look.verbose:
            return self._look.unchecked(record)
        return risk.rank >= self._look.show.rank or self._look.unchecked(record)

    def _first_reason(self, record: Record) -> str:
        """Return what decided the risk of an item, or what it is where nothing did."""
        reasons = record.verdict.reasons
        signal = record.signals[reasons[0]] if reasons else None
        return self._words.evidence(signal) if signal else self._words.brief(record)

    def _head(self, record: Record) -> None:
        """Print risk and name."""
        risk = record.verdict.risk
        mark = f"{GLYPHS[risk]} {risk.value.upper()}  "
        self.hang(mark, self._words.shown(record.item.uri), 4, STYLES[risk])

    def _row(self, record: Record, more: str) -> None:
        """Print risk and name in columns, and what is the matter."""
        risk = record.verdict.risk
        mark = f"{GLYPHS[risk]:<2} {risk.value.upper():<{RISK}}"
        self.hang(mark, f"{self._words.shown(record.item.uri)}  {more}", 4, STYLES[risk])

    def _reasons(self, record: Record) -> None:
        """Print the signals that a first screen shows, strongest first, in one column of labels."""
        every = _in_order(record)
        shown = [s for s in every if s.outcome in LOOKED and self._words.evidence(s)]
        if not self._look.verbose:
            shown = _first(shown)
        labels = [self._words.label(signal) for signal in shown]
        column = max([LABEL, *(len(label) + 1 for label in labels)])
        for label, signal in zip(labels, shown, strict=True):
            self.hang(f"  {label.ljust(column)}", self._words.evidence(signal), column + 2)
        left = sum(s.outcome is Outcome.FINDING for s in every)
        left -= sum(s.outcome is Outcome.FINDING for s in shown)
        if left > 0:
            self.line(f"  {self._words.word('screen.more', count=left)}", 2)

    def _gaps(self, word: str, gaps: str) -> None:
        """Print what was not looked at, and why, where there is something."""
        if gaps:
            self.line(f"{self._words.word(word)}: {gaps}.", 2)

    def facts(self, record: Record) -> None:
        """Print everything the record holds."""
        self._described("item", record.item)
        for part in record.item.parts or ():
            self._described(part.name, part)
        for signal in record.signals:
            head = {"outcome": signal.outcome, "claim": signal.claim, "source": signal.source}
            code = {"code": signal.reason.code, "log10_lr": signal.log10_lr}
            self._table(self._words.label(signal), head | code | signal.facts)
        tool = record.tool
        self._table("tool", {tool.name: tool.version, "date": tool.date, **tool.detectors})

    def _described(self, title: str, item: Described | Part) -> None:
        """Print what is known of an item, or of a part of one."""
        known = {"kind": item.kind, "media_type": item.media_type, "bytes": item.bytes}
        known |= {"sha256": item.sha256, **item.facts, **item.fingerprints}
        self._table(title, known)

    def _table(self, title: str, values: dict[str, Any]) -> None:
        """Print named values that are known, one a line."""
        self.line(title)
        for name, value in values.items():
            if value is not None:
                self.hang(f"  {self._words.shown(name)}: ", self._words.shown(_value(value)), 6)

    def hang(self, lead: str, text: str, indent: int, style: str = "") -> None:
        """Print text behind a lead; further lines stand in by `indent`."""
        from rich.cells import cell_len
        from rich.text import Text

        mark = lead.rstrip()
        first = Text.assemble((mark, style), lead[len(mark) :])
        room = max(self._look.width - cell_len(lead), 1)
        rest = max(self._look.width - indent, 1)
        lines = wrapped(text, room, rest)
        for number, line in enumerate(lines):
            begin = first if not number else Text(" " * indent)
            self._print(Text.assemble(begin, line))

    def _print(self, line: "Text") -> None:
        line.rstrip()
        self._console.print(line, soft_wrap=True)


def wrapped(text: str, first: int, rest: int) -> list[str]:
    """Return lines of at most so many cells: wide characters count two, combining ones none.

    Args:
        text: escaped, without line breaks. Several spaces are kept where they fit.
        first: cells of the first line.
        rest: cells of every other.
    """
    from rich.cells import cell_len, chop_cells

    lines: list[str] = []
    current = ""
    for word in text.split(" "):
        room = rest if lines else first
        longer = f"{current} {word}" if current else word
        if cell_len(longer.rstrip()) <= room:
            current = longer
            continue
        if current:
            lines.append(current.rstrip())
        while cell_len(word) > (rest if lines else first) and len(word) > 1:
            piece = chop_cells(word, rest if lines else first)[0] or word[0]
            lines.append(piece)
            word = word[len(piece) :]  # noqa: PLW2901 - the rest of it
        current = word
    return [*lines, current.rstrip()]


def _in_order(record: Record) -> list[Signal]:
    """Return the signals as a screen shows them: reasons, conflicts, other findings, the rest."""
    decided = [record.signals[i] for i in record.verdict.reasons]
    others = sorted((s for s in record.signals if s not in decided), key=_order)
    return decided + others


def _order(signal: Signal) -> tuple[int, Any]:
    kinds = {Outcome.FINDING: 1, Outcome.CLEAR: 1 if passages(signal) else 2}
    place = 0 if signal.claim is Claim.CONFLICT else kinds.get(signal.outcome, 3)
    return place, strength(signal)


def _first(signals: list[Signal]) -> list[Signal]:
    """Return the findings, at most four, and looks that found nothing where there is room."""
    found = [s for s in signals if s.outcome is Outcome.FINDING or passages(s)][:MOST]
    room = QUIET_LINES if found else MOST
    looked = [s for s in signals if s.outcome is Outcome.CLEAR and s not in found]
    quiet = looked[: max(room - len(found), 0)]
    return found + quiet


def _value(value: Any) -> str:
    """Return a fact as text."""
    if isinstance(value, str):
        return value
    import json

    return json.dumps(value, ensure_ascii=False)
