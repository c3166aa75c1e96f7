"""Looks for the rows of `marks.toml` in what a reader sees of a text, and beside it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from detectors.decode.documents.visible import Seen
from detectors.decode.text import Passage
from detectors.signal import Outcome, Reason, Signal, Tier
from detectors.text_marks.hidden import MOST, SCANS, SHOWN, Hits, spelled
from detectors.text_marks.structure import Structure
from detectors.text_marks.table import Mark, marks
from detectors.text_marks.talk import is_talk

TRIED = 1000
"""Matches of one row that are tried for being talk about the mark; the rest is only counted."""

FLAGS = re.VERBOSE | re.IGNORECASE | re.MULTILINE
"""Flags of every pattern in the table."""
OPENING = 4000
"""Characters, markup included, within which the colon of an opening stands."""
COLONS = (":", "\uff1a")
Ranges = Sequence[tuple[int, int]]
"""Offsets of parts of a text: where each starts and ends."""


class Table:
    """The rows, ready to be looked for."""

    def __init__(self) -> None:
        """Read them."""
        self._marks = marks()
        self._needles = [(each, mark.id) for mark in self._marks for each in mark.needles]
        self._patterns: dict[str, re.Pattern[str]] = {}

    def found(self, passage: Passage) -> list[Signal]:
        """Return the marks of a text, in the order of the table."""
        signals: list[Signal] = []
        for found in self._marks_of(passage):
            if not _said(found, signals):
                signals.append(found)
        return signals

    def _marks_of(self, passage: Passage) -> Iterator[Signal]:
        """Yield the finding of each row: in what a reader sees, else beside it."""
        whole, page = Structure(passage.text), passage.seen
        shown = Structure(page.shown.text) if page else whole
        apart = {kind: Structure(one.text) for kind, one in page.apart.items()} if page else {}
        opens = any(colon in shown.text[:OPENING] for colon in COLONS)
        for mark in self._possible({whole, shown, *apart.values()}):
            if mark.opening and not opens:
                continue
            if mark.markup or not page:
                if (hits := self._hits(mark, whole, passage.quoted)) is not None:
                    yield _signal(mark, hits, passage, hits.start)
            elif (hits := self._hits(mark, shown, page.said_of(speech=mark.speech))) is not None:
                yield _signal(mark, hits, passage, page.shown.source(hits.start))
            elif not mark.opening:
                yield from self._beside(mark, passage, page, apart)

    def _possible(self, parts: Iterable[Structure]) -> list[Mark]:
        """Return the rows without needles, and those that have one in any part of a text."""
        texts = [part.lowered for part in parts]
        there = {row for text in texts for each, row in self._needles if each in text}
        return [mark for mark in self._marks if not mark.needles or mark.id in there]

    def _beside(
        self, mark: Mark, passage: Passage, page: Seen, apart: Mapping[str, Structure]
    ) -> Iterator[Signal]:
        """Yield the finding of a row in comments, scripts, hidden parts and widgets of a page.

        What spells a payload there is hidden content all the same; anything else is a fact.
        """
        for kind, part in apart.items():
            hits = self._hits(mark, part, ())
            if hits is not None and (mark.scan is None or "decoded" in hits.facts):
                at = page.apart[kind].source(hits.start)
                yield _signal(mark, hits, passage, at, kind if mark.scan is None else None)
                return

    def _hits(self, mark: Mark, said: Structure, quoted: Ranges) -> Hits | None:
        """Return where a row is found in a text, or in one part of a page."""
        if mark.needles and not any(map(said.lowered.__contains__, mark.needles)):
            return None
        return SCANS[mark.scan](said.text) if mark.scan else self._search(mark, said, quoted)

    def _search(self, mark: Mark, said: Structure, quoted: Ranges) -> Hits | None:
        """Return the first match that is no talk about the mark, else the first match as weak."""
        pattern, text = self._pattern(mark), said.text
        if mark.opening:
            opened = pattern.match(said.even, len(text) - len(text.lstrip()))
            matches = [opened] if opened else []
        else:
            matches = list(islice(pattern.finditer(said.even if mark.speech else text), MOST))
        if not matches:
            return None
        plain = (
            match
            for match in matches[:TRIED]
            if not _inside(quoted, match.start())
            and (mark.opening or not is_talk(said, *match.span(), speech=mark.speech))
        )
        meant = next(plain, None)
        match = meant or matches[0]
        value = spelled(match[0].strip())
        return Hits(start=match.start(), count=len(matches), value=value, weak=meant is None)

    def _pattern(self, mark: Mark) -> re.Pattern[str]:
        """Return the compiled pattern of a row; without its needles in a text none is made."""
        if mark.id not in self._patterns:
            self._patterns[mark.id] = re.compile(mark.pattern or "", FLAGS)
        return self._patterns[mark.id]


def _said(found: Signal, signals: list[Signal]) -> bool:
    """Tell whether a row of the same family said so at the same position: languages are alike."""
    return any(
        signal.facts["family"] == found.facts["family"]
        and signal.facts["position"] == found.facts["position"]
        for signal in signals
    )


def _inside(blocks: Ranges, offset: int) -> bool:
    """Tell whether an offset lies in one of these blocks."""
    return any(start <= offset < end for start, end in blocks)


def _signal(mark: Mark, hits: Hits, passage: Passage, at: int, apart: str | None = None) -> Signal:
    """Return the finding of a row.

    Args:
        mark: the row.
        hits: what was found.
        passage: the text.
        at: offset in the text, of a page in its source.
        apart: the kind of part that is none of the page's text, where it was found in one.
    """
    position = passage.position(at)
    claim = None if hits.weak or apart else mark.claim
    facts: dict[str, Any] = {
        "row": mark.id,
        "family": mark.family,
        "value": hits.value[:SHOWN],
        "count": hits.count,
        "position": position,
        **hits.facts,
    }
    if apart:
        facts["part"] = apart
    if mark.human:
        facts["people"] = {"found": mark.human[0], "of": mark.human[1]}
    if mark.ai:
        facts["models"] = {"found": mark.ai[0], "of": mark.ai[1]}
    line = f"{position['line']} (p. {position['page']})" if "page" in position else position["line"]
    args = {"value": facts["value"], "count": hits.count, "line": line, **hits.facts}
    return Signal(
        detector="text_marks",
        tier=Tier.METADATA,
        outcome=Outcome.FINDING,
        claim=claim,
        log10_lr=mark.log10_lr if claim else None,
        source=f"marks:{mark.id}",
        reason=Reason(f"text_marks.apart.{apart}" if apart else _code(mark, hits), args),
        facts=facts,
    )


def _code(mark: Mark, hits: Hits) -> str:
    """Return the reason code: the row's, with what sets this finding apart."""
    if hits.weak and not mark.scan:
        return "text_marks.mention"
    if hits.weak and mark.claim:
        return f"text_marks.{mark.id}.weak"
    decoded = ".decoded" if "decoded" in hits.facts else ""
    return f"text_marks.{mark.reason or mark.id}{decoded}"
