"""What a calibration is worth, as tables for people and as JSON for programs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, TextIO

import msgspec

from detectors.models.report import (
    EVERYTHING,
    Figures,
    Flagged,
    Group,
    Precision,
    Rate,
    Report,
    in_record,
)
from provenance.messages import say
from provenance.render import RenderOptions
from provenance.render.console import console
from provenance.render.escape import escape, escape_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

NAME = (10, 20)
"""Least and most columns of a group's name; longer ones go on in the next line."""
LEAST = 10
"""Items of the smallest group that is shown to people."""
EXPLAINED = (
    "judged: not too short, inside the domain, in a language with a calibration. wrong: flagged,"
    " of the judged items that are not AI. caught: flagged, of those that are. LR: the likelihood"
    " ratio from which on an item is flagged, by calibrations that never saw {left_out}."
    " In brackets: 95 % intervals."
)
PRECISION = "Flags that are right, if so many of all items are AI (from the rates of {n:,} items):"
LEFT_OUT = {"source": "the item's source", "fifth": "the item's fifth of the sample"}


def write_json(report: Report, out: TextIO, look: RenderOptions) -> None:
    """Write the report as one JSON object, indented."""
    shown = msgspec.json.format(msgspec.json.encode(report), indent=2).decode()
    out.write(escape_json(shown, ascii_only=not look.unicode) + "\n")


def write(report: Report, out: TextIO, look: RenderOptions) -> None:
    """Write the report's tables: limits, groups, and how many flags are right."""
    page = _Page(console(out, look), look)
    page.line(f"{report.detector}: {report.model}, calibrated on {report.data}")
    for figures in report.ways:
        if len(report.ways) > 1:
            page.line(f"{figures.path.upper()} PATH")
        page.way(figures, report.threshold)
    for reason in report.assumed:
        page.line(say(reason, look.locale, look.tables))


class _Page:
    """Prints tables and paragraphs, escaped, with a blank line before all but the first."""

    def __init__(self, console: "Console", look: RenderOptions) -> None:
        """Open the page."""
        self._console = console
        self._ascii = not look.unicode
        self._begun = False

    def line(self, text: str) -> None:
        """Print a paragraph."""
        from rich.text import Text

        self._print(Text(self._shown(text)))

    def way(self, figures: Figures, threshold: float) -> None:
        """Print what was measured on one path."""
        if figures.limits:
            self._limits(figures)
        else:
            self.line("Nothing is judged: no language has enough texts that are told apart.")
        for limit in figures.limits:
            if in_record(threshold) > in_record(limit.reached_lr):
                few = in_record(threshold) > in_record(limit.largest_lr)
                why = "the sample allows" if few else "the model's scores allow"
                self.line(f"{limit.of}: {why} no flags from LR {threshold:g} on.")
        self._groups(figures.groups)
        ways = sorted({LEFT_OUT[limit.left_out] for limit in figures.limits}, reverse=True)
        self.line(EXPLAINED.format(left_out=" or ".join(ways or [LEFT_OUT["source"]])))
        self._precision(figures.groups[0].flagged)

    def _limits(self, figures: Figures) -> None:
        """Print what the sample supports."""
        table = self._table(
            ("independent", "left"), ("not AI", "right"), ("AI", "right"),
            ("supports at most", "right"), ("reaches", "right"),
        )  # fmt: skip
        for limit in figures.limits:
            counts = (f"{limit.negatives:,}", f"{limit.positives:,}")
            ends = (f"LR {limit.largest_lr:,g}", f"LR {limit.reached_lr:,g}")
            table.add_row(self._shown(limit.of), *counts, *ends)
        self._print(table)

    def _groups(self, groups: Sequence[Group]) -> None:
        """Print the rates of each group that is large enough to say something.

        Kinds of one group alone say no more than all items together.
        """
        table = self._table(
            ("", "left"), ("not AI", "right"), ("AI", "right"), ("judged %", "left"),
            ("LR", "right"), ("wrong %", "left"), ("caught %", "left"),
        )  # fmt: skip
        name = table.columns[0]
        name.min_width, name.max_width, name.overflow = *NAME, "fold"
        kinds = Counter(group.by for group in groups)
        shown = [g for g in groups if g.by == EVERYTHING or kinds[g.by] > 1]
        large = [g for g in shown if g.by == EVERYTHING or g.negatives + g.positives >= LEAST]
        before = EVERYTHING
        for group in large:
            if group.by != before:
                table.add_row(f"by {group.by}")
                before = group.by
            self._group(table, group)
        self._print(table)
        if left := len(shown) - len(large):
            which = "1 group" if left == 1 else f"{left} groups"
            them = "it" if left == 1 else "them"
            self.line(f"{which} of fewer than {LEAST} items: --format json shows {them}.")

    def _group(self, table: "Table", group: Group) -> None:
        """Add a group: judged items and LR 1 above, all items and the threshold below."""
        first, second = group.flagged
        cells = zip(_flagged(first), _flagged(second), strict=True)
        table.add_row(
            self._shown(group.name),
            f"{first.false_positives.n:,}\nof {group.negatives:,}",
            f"{first.true_positives.n:,}\nof {group.positives:,}",
            _share(group.coverage),
            *("\n".join(cell) for cell in cells),
        )

    def _precision(self, flagged: Iterable[Flagged]) -> None:
        """Print the share of flags that are right, a line a prevalence."""
        above, least = flagged
        if not above.precision:
            return
        self.line(PRECISION.format(n=above.precision[0].n))
        table = self._table(
            ("AI", "right"), (f"{_from(above)}, %", "left"), (f"{_from(least)}, %", "left")
        )
        for one, other in zip(above.precision, least.precision, strict=True):
            table.add_row(f"{100 * one.prevalence:g} %", _right(one), _right(other))
        self._print(table)

    def _table(self, *columns: tuple[str, Literal["left", "right"]]) -> "Table":
        """Return a table of plain columns: (heading, side)."""
        from rich.table import Table

        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
        for heading, side in columns:
            table.add_column(heading, justify=side, no_wrap=bool(heading))
        return table

    def _print(self, shown: "Table | Text") -> None:
        """Print a block, without the spaces at the ends of its lines."""
        with self._console.capture() as drawn:
            self._console.print(shown)
        lines = [line.rstrip() for line in drawn.get().splitlines()]
        self._console.file.write("\n".join([*([""] if self._begun else []), *lines, ""]))
        self._begun = True

    def _shown(self, text: str) -> str:
        """Return a text in which nothing acts on the terminal."""
        return escape(text, ascii_only=self._ascii)


def _flagged(flagged: Flagged) -> tuple[str, str, str]:
    """Return the cells of a threshold."""
    mark = f">{flagged.lr:g}" if flagged.above else f"{flagged.lr:g}+"
    return mark, _share(flagged.false_positives), _share(flagged.true_positives)


def _from(flagged: Flagged) -> str:
    return f"above LR {flagged.lr:g}" if flagged.above else f"from LR {flagged.lr:g} on"


def _share(rate: Rate) -> str:
    """Return a share in percent with its interval."""
    if rate.share is None:
        return "-"
    return f"{_percent(rate.share)} [{_percent(rate.low)}, {_percent(rate.high)}]"


def _right(precision: Precision) -> str:
    """Return a precision in percent with its interval."""
    share = "-" if precision.share is None else _percent(precision.share)
    return f"{share} [{_percent(precision.low)}, {_percent(precision.high)}]"


def _percent(share: float) -> str:
    """Return percent with two digits that tell."""
    value = 100 * share
    if value in (0, 100):
        return f"{value:.0f}"
    return f"{value:.2f}" if value < 0.1 else f"{value:.1f}" if value < 10 else f"{value:.0f}"
