"""Passages of a long text that stand out from the rest of it.

A window is assessed by its contrast: its own score less 1.2 times the mean score of the windows
that do not overlap it. What an author, a subject or a genre adds to every score cancels out, so
that twice as many passages by models are found at 1 % false alarms as by the windows' own scores
(`docs/text-model.md`, "Mixed texts").
"""

from collections.abc import Callable, Sequence
from itertools import accumulate

import msgspec

from detectors.text_model.long.pieces import Piece

WINDOW = 130
"""Words of a window: a long paragraph. 100 find fewer, and no passages that 130 miss."""
STRIDE = 40
"""Words from one window's start to the next one's."""
LONG_FROM = 2 * WINDOW
"""Words from which on a text has windows: two that do not overlap."""
SHARE = 1.2
"""Share of the others' mean that is taken off. More than all of it: the kinds of text that score
high throughout, which no other source warned of, are those where a contrast of 1 or 0.8 accuses."""


class Window(msgspec.Struct, frozen=True):
    """A run of pieces."""

    first: int
    """Index of its first piece."""
    behind: int
    """Index behind its last one."""

    def overlaps(self, other: "Window") -> bool:
        """Tell whether two windows share a piece."""
        return self.first < other.behind and other.first < self.behind


class Span(msgspec.Struct, frozen=True):
    """A window beside the rest of its text."""

    window: Window
    score: float
    """Its own, natural log odds before calibration."""
    contrast: float
    """What it has above the rest, natural log odds."""
    found: bool
    """Whether it stands out."""


def windows(pieces: Sequence[Piece]) -> list[Window]:
    """Return windows of about 130 words, some 40 apart, from the start of a text to its end."""
    edges = [0, *accumulate(piece.words for piece in pieces)]
    room = edges[-1] - WINDOW
    steps = max(round(room / STRIDE), 1)
    found = [
        Window(_nearest(edges, room * step / steps), _nearest(edges, room * step / steps + WINDOW))
        for step in range(steps + 1)
    ]
    return sorted({window for window in found if window.first < window.behind}, key=_place)


def spans(
    scored: Sequence[tuple[Window, float]], stands_out: Callable[[float, float], bool]
) -> list[Span]:
    """Return windows that do not overlap, the most striking kept first, in the order of the text.

    Args:
        scored: windows with their scores.
        stands_out: tells by score and contrast whether a window does; what was found before it
            is no part of the rest that the next one is compared with.
    """
    taken: list[Span] = []
    while (best := _next(scored, taken)) is not None:
        window, score, contrast = best
        taken.append(Span(window, score, round(contrast, 3), stands_out(score, round(contrast, 3))))
    return sorted(taken, key=lambda span: span.window.first)


def _next(
    scored: Sequence[tuple[Window, float]], taken: Sequence[Span]
) -> tuple[Window, float, float] | None:
    """Return the free window with the highest contrast, None where none is left."""
    found = [span.window for span in taken if span.found]
    best: tuple[Window, float, float] | None = None
    for window, score in scored:
        if any(window.overlaps(span.window) for span in taken):
            continue
        away = [window, *found]
        rest = [other for one, other in scored if not any(one.overlaps(w) for w in away)]
        if not rest:
            continue
        contrast = score - SHARE * sum(rest) / len(rest)
        if best is None or contrast > best[2]:
            best = (window, score, contrast)
    return best


def _nearest(edges: Sequence[int], words: float) -> int:
    """Find the index of the edge nearest to so many words."""
    return min(range(len(edges)), key=lambda at: abs(edges[at] - words))


def _place(window: Window) -> tuple[int, int]:
    """Return what windows are ordered by."""
    return window.first, window.behind
