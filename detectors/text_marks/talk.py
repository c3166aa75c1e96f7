"""Tells a mark that was left behind from talk about it."""

import re

NEAR = 160
"""Characters on either side that are looked at."""
_OPEN = re.compile(r"""(?:^|[\s(\[{=:,>|*_-])["“«„][^"“”«»„\n]{0,120}\Z""")
_CLOSE = re.compile(r"""\A[^"“”«»„\n]{0,120}["”»“]""")
_TIGHT_OPEN = re.compile(r"['\u2018\u2039`]\Z")
_TIGHT_CLOSE = re.compile(r"\A['\u2019\u203a`]")
_CUE = re.compile(
    r"\b(?:such as|e\.g\.|i\.e\.|known as|called|(?:the|this|these|a) NAMES?|NAMES? like)"
    r"[^.!?\n]{0,30}\Z".replace(
        "NAME", "(?:phrase|string|marker|token|artefact|artifact|pattern|expression|word|tag)"
    ),
    re.IGNORECASE,
)
"""What leads to an example. A bare noun does not: residue in "menu patterns [cite: 1]" is real."""
_CODE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)


def is_talk(text: str, start: int, end: int) -> bool:
    """Tell whether what stands between two offsets is quoted, code, or named as an example.

    Args:
        text: the whole text.
        start: offset of the mark.
        end: offset behind it.
    """
    before = text[max(0, start - NEAR) : start].rpartition("\n")[2]
    after = text[end : end + NEAR].partition("\n")[0]
    return (
        before.lstrip().startswith(">")
        or bool(_OPEN.search(before) and _CLOSE.match(after))
        or bool(_TIGHT_OPEN.search(before) and _TIGHT_CLOSE.match(after))
        or (before.count("`") % 2 == 1 and "`" in after)
        or bool(_CUE.search(before))
    )


def fences(text: str) -> list[tuple[int, int]]:
    """Give the fenced code blocks of Markdown, as (start, end) offsets in order."""
    marks = [mark.start() for mark in _CODE.finditer(text)]
    return list(zip(marks[::2], [*marks[1::2], len(text)], strict=False))
