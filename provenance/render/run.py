"""The screen of a run: what asks for attention, most of all first, then counts."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TextIO

from provenance.record import Record
from provenance.render import RenderOptions
from provenance.render.terminal import Page
from provenance.render.words import Words

GROUPS: Final = 5
"""Largest groups that are shown."""
NAMED: Final = 3
"""Names of a group that are shown."""
MOST: Final = 10
"""Rows of a list of counts."""
DIGITS: Final = 8


def write(
    summary: Mapping[str, Any],
    groups: Iterable[Mapping[str, Any]],
    records: Iterable[Record],
    out: TextIO,
    look: RenderOptions,
) -> None:
    """Write the screen.

    Args:
        summary: as `summary.json` has it.
        groups: the largest groups, with `kind`, `items` (the first names) and `count`.
        records: what asks for attention, by risk, then by reason.
        out: where to.
        look: how.
    """
    page, words = Page(out, look), Words(look)
    for record in records:
        page.entry(record)
    if look.quiet and not look.cut():
        return
    for group in list(groups)[:GROUPS]:
        names = ", ".join(map(words.shown, group["items"][:NAMED]))
        if (left := group["count"] - NAMED) > 0:
            names += f", {words.word('run.more', count=left)}"
        page.line(words.word(f"run.{group['kind']}", count=group["count"], names=names), 2)
    for name, code in (
        ("findings", "found"),
        ("not_assessed", "not_assessed"),
        ("failed", "failed"),
    ):
        _counts(page, words, f"run.{code}", summary[name])
    how = {name: words.number(summary[name]) for name in ("looked_at", "reused", "same_bytes")}
    page.line(words.word("run.how", seconds=words.number(summary["seconds"], ".1f"), **how), 2)
    page.counts(summary["risk"], summary["unchecked"])
    page.closing()


def _counts(page: Page, words: Words, title: str, rows: list[dict[str, Any]]) -> None:
    """Print how many items have what, most first."""
    if not rows:
        return
    page.line(words.word(title))
    for row in rows[:MOST]:
        what = words.shown(row["code"])
        if "detector" in row:
            what = f"{words.name(row['detector'])}: {what}"
        page.hang(f"{row['items']:>{DIGITS},}  ", what, DIGITS + 2)
    if (left := len(rows) - MOST) > 0:
        page.hang(" " * (DIGITS + 2), words.word("run.more", count=left), DIGITS + 2)
