"""Looks for assistant residue, hidden characters and the watermarks that the user set."""

import re
import sys
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from importlib.resources import files
from itertools import islice
from typing import Any

import msgspec

from detectors.item import Item
from detectors.options import given
from detectors.passage import Passage
from detectors.signal import Claim, Outcome, Reason, Signal, Tier
from detectors.text_marks.hidden import MOST, SCANS, SHOWN, Hits, spelled
from detectors.text_marks.talk import fences, is_talk
from detectors.text_marks.watermarks.settings import Kgw, SynthId
from detectors.text_marks.watermarks.watermark import Watermark

VERSION = "1"
"""Of the table; with watermarks, the fingerprints of their keys follow."""
RIGHT = 'its option is a list of watermarks, each with kind = "kgw" or "synthid"'
TRIED = 1000
"""Places of one row that are tried for being talk about the mark; the rest is only counted."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a user may set."""

    watermarks: list[Kgw | SynthId] = []
    """Watermarks whose keys the user holds."""


class Mark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of marks.toml."""

    id: str
    family: str
    claim: Claim | None = None
    """What a place claims that is no talk about the mark and has no innocent reading."""
    pattern: str | None = None
    scan: str | None = None
    """A function of hidden.py, where a pattern is not enough."""
    needles: tuple[str, ...] = ()
    """Lower case; the row is only searched where the text has one of them."""
    log10_lr: float | None = None
    """log10(share of models / 95 % upper bound of the share of people); null: not measured."""
    human: tuple[int, int] | None = None
    """Texts by people with the mark, and all."""
    ai: tuple[int, int] | None = None
    """Texts by models with the mark, and all."""
    note: str = ""


class TextMarks:
    """Looks for the rows of `marks.toml`: one finding for each row found, or one `clear`.

    Each watermark that is set gives one signal more.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Read the table.

        Raises:
            ConfigError: an option or a watermark cannot be used.
        """
        said = given("text_marks", options, Options, RIGHT)
        self._watermarks = [Watermark(one, len(said.watermarks)) for one in said.watermarks]
        keys = [f"{one.kind} {one.fingerprint}" for one in self._watermarks]
        self.version = ", ".join([VERSION, *keys])
        table = tomllib.loads(
            files("detectors.text_marks").joinpath("marks.toml").read_text("utf-8")
        )
        self._marks = msgspec.convert(table["mark"], list[Mark])
        self._patterns: dict[str, re.Pattern[str]] = {}

    def inspect(self, item: Item) -> list[Signal]:
        """Give the marks found in the item's text, in the order of the table; then watermarks."""
        passage = item.passage
        lowered = passage.text.lower()
        code = fences(passage.text)
        signals = []
        for mark in self._marks:
            if mark.needles and not any(needle in lowered for needle in mark.needles):
                continue
            hits = SCANS[mark.scan](passage) if mark.scan else self._search(mark, passage, code)
            if hits:
                signals.append(_signal(mark, hits, passage))
        return (signals or [_CLEAR]) + [one.look(item) for one in self._watermarks]

    def _search(self, mark: Mark, passage: Passage, code: list[tuple[int, int]]) -> Hits | None:
        """Give the first place that is no talk about the mark, else the first place as weak."""
        if mark.id not in self._patterns:
            self._patterns[mark.id] = re.compile(mark.pattern or "", re.VERBOSE | re.IGNORECASE)
        text = passage.text
        places = list(islice(self._patterns[mark.id].finditer(text), MOST))
        if not places:
            return None
        plain = (
            place
            for place in places[:TRIED]
            if not is_talk(text, *place.span()) and not _inside(code, place.start())
        )
        meant = next(plain, None)
        place = meant or places[0]
        value = spelled(place[0].strip())
        return Hits(start=place.start(), count=len(places), value=value, weak=meant is None)


def _inside(blocks: list[tuple[int, int]], offset: int) -> bool:
    """Tell whether an offset lies in one of these blocks, which are in order."""
    at = bisect_right(blocks, (offset, sys.maxsize)) - 1
    return at >= 0 and offset < blocks[at][1]


_CLEAR = Signal(
    detector="text_marks",
    tier=Tier.METADATA,
    outcome=Outcome.CLEAR,
    reason=Reason("text_marks.clear"),
)


def _signal(mark: Mark, hits: Hits, passage: Passage) -> Signal:
    """Give the finding of a row."""
    place = passage.place(hits.start)
    claim = None if hits.weak else mark.claim
    facts: dict[str, Any] = {
        "row": mark.id,
        "family": mark.family,
        "value": hits.value[:SHOWN],
        "count": hits.count,
        "position": place,
        **hits.facts,
    }
    if mark.human:
        facts["people"] = {"found": mark.human[0], "of": mark.human[1]}
    if mark.ai:
        facts["models"] = {"found": mark.ai[0], "of": mark.ai[1]}
    line = f"{place['line']} (p. {place['page']})" if "page" in place else place["line"]
    args = {"value": facts["value"], "count": hits.count, "line": line, **hits.facts}
    return Signal(
        detector="text_marks",
        tier=Tier.METADATA,
        outcome=Outcome.FINDING,
        claim=claim,
        log10_lr=mark.log10_lr if claim else None,
        source=f"marks:{mark.id}",
        reason=Reason(_code(mark, hits), args),
        facts=facts,
    )


def _code(mark: Mark, hits: Hits) -> str:
    """Give the reason code: the row's, with what sets this finding apart."""
    if mark.claim and hits.weak:
        return f"text_marks.{mark.id}.weak" if mark.scan else "text_marks.mention"
    return f"text_marks.{mark.id}" + (".decoded" if "decoded" in hits.facts else "")
