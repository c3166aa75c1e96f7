"""The page: one file that fetches nothing, with every record in it and pictures beside them.

What the records say is data: JSON that the script puts into the page as text. Nothing of it is ever
markup, and the policy of the page (CSP) lets no other script run and nothing be fetched.
"""

import base64
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, Final

from detectors.signal import Claim
from provenance.record import Origin, Record, Risk
from provenance.render.html.data import Data, json_of
from provenance.render.html.page import parts, template, trusted
from provenance.render.html.thumbnails import small_copies
from provenance.render.report import Group, Report
from provenance.runs.summary import Summary, ranked

RISKS: Final = [risk.value for risk in sorted(Risk, key=lambda risk: -risk.rank)]
COLUMNS: Final = ("risk", "origin", "name", "verdict", "not_assessed", "group")
SUMMED: Final = 8
"""Findings, gaps and groups that the head of the page names, the most frequent first."""
SCRIPT_WORDS: Final = (
    "shown", "save", "names_file", "evidence", "close", "picture", "no_picture", "found",
    "not_assessed", "incomplete", "means", "not", "next", "publish", "facts", "item", "group",
    "outcome.finding", "outcome.clear", "outcome.not_assessed", "outcome.failed",
)  # fmt: skip
"""Words that the script puts into the page."""
CLAIMS: Final = sorted({*Claim, *Origin})
"""What a finding asserts, or an item as a whole."""


def write(report: Report, out: BinaryIO) -> None:
    """Write the page, a piece at a time; the records are read several times and never all held."""
    pieces = template("report.html.jinja").generate(
        **parts("report.js"),
        data=map(trusted, _data(report)),
        **_context(report, report.totals()),
    )
    out.writelines(piece.encode() for piece in pieces)


def _context(report: Report, totals: Summary) -> dict[str, Any]:
    """Return what the template shows of the run as a whole."""
    words = report.plain_words
    return {
        "word": words.word,
        "name": words.name,
        "shown": words.shown,
        "number": words.number,
        "claim": words.claim,
        "called": {
            "risk": words.shown,
            "origin": words.claim,
            "detector": words.name,
            "claim": words.claim,
        },
        "about": report.about,
        "totals": totals,
        "risks": RISKS,
        "choices": {
            "risk": [(risk, totals.risk[risk]) for risk in RISKS],
            "origin": ranked(totals.origin),
            "detector": ranked(totals.detectors),
            "claim": ranked(totals.claims),
        },
        "columns": COLUMNS,
        "findings": ranked(totals.findings)[:SUMMED],
        "gaps": ranked(totals.gaps)[:SUMMED],
        "groups": report.groups,
        "most": SUMMED,
        "words": report.words,
        "urgent": _urgent(report),
    }


def _urgent(report: Report) -> Iterator[Record]:
    """Yield the items that are shown without a script: at `review` and above, the highest first."""
    for risk in (Risk.HIGH, Risk.REVIEW):
        yield from (record for record in report if record.verdict.risk is risk)


def _data(report: Report) -> Iterator[str]:
    """Yield the blocks of JSON that the script reads, each an array with a value a line."""
    word, data = report.plain_words.word, Data(report)
    yield from _block("words", [json_of(_script_words(word))])
    yield from _block("groups", (json_of(_group(word, one)) for one in report.groups))
    yield from _block("items", map(data.item, report))
    yield from _block("signals", data.signals)
    yield from _block("texts", data.texts)
    images = small_copies(report, report.ledger, data.pictures) if report.thumbnails else ()
    small = ((number, base64.b64encode(image).decode()) for number, image in images)
    yield from _block("thumbnails", map(json_of, small))


def _script_words(word: Callable[..., str]) -> dict[str, str]:
    """Return the words that the script puts into the page, counts for it to fill in."""
    counts = {"shown": "{shown}", "total": "{total}"}
    said = {name: word(f"page.{name}", **counts) for name in SCRIPT_WORDS}
    return said | {f"claim.{claim}": word(f"claim.{claim}") for claim in CLAIMS}


def _group(word: Callable[..., str], group: Group) -> str:
    """Return what a group is, and the chance that it is none: of equal bytes there is none."""
    what = word(f"page.group.{group.kind}", count=len(group.items))
    chance = group.false_group_probability
    return what if not chance else f"{what}; {word('page.chance', chance=f'{chance:.2g}')}"


def _block(name: str, values: Iterable[str]) -> Iterator[str]:
    """Yield a block of JSON."""
    yield f'<script type="application/json" id="{name}">['
    between = "\n"
    for value in values:
        yield between + value
        between = ",\n"
    yield "]</script>\n"
