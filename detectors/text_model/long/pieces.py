"""A long text in pieces: sentences, each made alike by itself, with its position in the text."""

import re

import msgspec

from detectors.text_model.normalise import HEAD, made_alike, words

FARTHEST = 2000
"""Words that are read of a text; an article of a newspaper has 500 to 1,500."""
LONGEST = 60
"""Words of a piece; what has no sentence ends (lists, tables, verses) is cut there."""
SHORTEST = 4
"""Words under which a piece goes with the one before it: numbers of a list, initials."""
_END = re.compile(r"[.!?][\"'\u2019\u201d)\]]*\s+|[\u3002\uff01\uff1f]+|\n\s*\n\s*")
_RUN = re.compile(rf"(?:\S{{1,200}}\s*){{1,{LONGEST}}}|\s+")


class Piece(msgspec.Struct, frozen=True):
    """A sentence, or what stands for one."""

    start: int
    """Offset of its first character in the text, from 0."""
    end: int
    """Offset behind its last one, white space after it included."""
    text: str
    """Its wording, made alike."""
    words: int


def pieces(text: str) -> list[Piece]:
    """Return the pieces of a text up to 2,000 words, in order and without gaps.

    Args:
        text: as it lies; its first 100,000 characters count. Time is linear in its length.
    """
    found: list[Piece] = []
    total = 0
    for start, end in _places(text[:HEAD]):
        alike = made_alike(text[start:end])
        n = words(alike)
        last = found[-1] if found else None
        if last is not None and n < SHORTEST and last.words + n <= LONGEST:
            joined = f"{last.text} {alike}".strip()
            found[-1] = Piece(last.start, end, joined, last.words + n)
        else:
            found.append(Piece(start, end, alike, n))
        total += n
        if total >= FARTHEST:
            break
    return found


def _places(text: str) -> list[tuple[int, int]]:
    """Return where sentences begin and end, those too long cut at a space."""
    ends = [*(hit.end() for hit in _END.finditer(text)), len(text)]
    spans, start = [], 0
    for end in ends:
        while start < end:
            run = _RUN.match(text, start, min(end, start + 200 * LONGEST))
            stop = run.end() if run else end
            spans.append((start, stop))
            start = stop
    return spans
