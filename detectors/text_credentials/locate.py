"""Where a text may hold a manifest (C2PA 2.4, A.7 to A.9), without judging it."""

import base64
import re
from itertools import islice
from typing import Literal

import msgspec

from detectors.decode.text import Passage

BEGIN = "-----BEGIN C2PA MANIFEST-----"
END = "-----END C2PA MANIFEST-----"
MAGIC = b"C2PATXT\0"
LONGEST_RUN = 500_000
"""Selectors of one wrapper that are judged: 2 MB. Text manifests have some 2,000."""
LONGEST_REFERENCE = 500
MOST = 100
"""Places of one method that are counted; so many are not verified: one verifier's time grows with
the square of their number (11 minutes for 250,000 scripts)."""
_WRAPPER = re.compile("\ufeff?[\ufe00-\ufe0f\U000e0100-\U000e01ef]{8,}")
_SCRIPT = re.compile(
    r"""<script\s[^<>]{0,2000}?type\s{0,9}=\s{0,9}["']?application/c2pa["'\s>]""", re.IGNORECASE
)
_LINK = re.compile(
    r"""<link\s[^<>]{0,2000}?rel\s{0,9}=\s{0,9}["']?c2pa-manifest["'\s>]""", re.IGNORECASE
)
_HREF = re.compile(r"""href\s{0,9}=\s{0,9}["']?([^"'\s<>]{1,500})""", re.IGNORECASE)
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}://\S{1,500}\Z")
SIGNS = (
    ("\ufeff" + "".join(chr(0xE0100 + byte - 16) for byte in MAGIC[:7])).encode("utf-8"),
    BEGIN.encode(),
    b"application/c2pa",
    b"c2pa-manifest",
)
"""Bytes of which every place for a manifest has some; to look at texts too long to decode."""

Method = Literal["A.7", "A.8", "A.9"]
MEDIA_TYPES = {"A.7": "text/html", "A.8": "text/plain", "A.9": "text/markdown"}
"""As what a verifier reads each method; it takes comments of every language as Markdown's."""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A position in a text that holds a manifest, refers to one, or shows that one was there."""

    method: Method
    kind: Literal["manifest", "reference", "residue"]
    start: int
    """Offset in the text."""
    end: int
    count: int = 1
    """How many of its method there are; more than one is an error."""
    url: str = ""
    """Address of a reference."""


def positions(passage: Passage, media_type: str | None) -> list[Position]:
    """Return at most one position for each method, in the order of the annexes."""
    text = passage.text
    found = [_page(text) if media_type == "text/html" else None, _wrapper(text), _armour(text)]
    return [position for position in found if position]


def _page(text: str) -> Position | None:
    """Find the script or link of A.7."""
    scripts = list(islice(_SCRIPT.finditer(text), MOST))
    if scripts:
        start, end = scripts[0].span()
        return Position(method="A.7", kind="manifest", start=start, end=end, count=len(scripts))
    if link := _LINK.search(text):
        element = text[link.start() : link.start() + 4 * LONGEST_REFERENCE].partition(">")[0]
        href = _HREF.search(element)
        url = href[1] if href else ""
        return Position(method="A.7", kind="reference", start=link.start(), end=link.end(), url=url)
    return None


def _wrapper(text: str) -> Position | None:
    """Find the wrapper of A.8, else what is left of one."""
    runs = list(islice(_WRAPPER.finditer(text), 10 * MOST))
    whole = [
        run for run in runs if run[0][0] == "\ufeff" and _bytes(run[0][1:20]).startswith(MAGIC)
    ]
    if whole and (len(whole[0][0]) > 1 + len(MAGIC)):
        start, end = whole[0].span()
        return Position(method="A.8", kind="manifest", start=start, end=end, count=len(whole))
    for run in runs:
        data = _bytes(run[0].lstrip("\ufeff")[:400])
        if data.startswith(MAGIC[:7]) or b"jumb" in data or b"c2pa" in data:
            return Position(method="A.8", kind="residue", start=run.start(), end=run.end())
    return None


def _bytes(selectors: str) -> bytes:
    """Return the bytes that selectors stand for: U+FE00 is 0, U+E0100 is 16."""
    low, high = 0xFE00, 0xE0100
    codes = map(ord, selectors)
    return bytes(code - low if code < high else code - high + 16 for code in codes)


def stored(text: str, position: Position) -> bytes:
    """Return the manifest store at a position as it is, empty where it cannot be read."""
    said = text[position.start : position.end]
    if position.method == "A.8":
        return _bytes(said.lstrip("\ufeff"))
    written = said.partition(END)[0] if position.method == "A.9" else _letters(text, position)
    try:
        return base64.b64decode(written.rpartition(",")[2].removeprefix(BEGIN).strip())
    except ValueError:
        return b""


def _letters(text: str, position: Position) -> str:
    """Return what a script of A.7 holds, up to the next tag."""
    start = text.find(">", position.start) + 1
    end = text.find("<", start) if start else 0
    return text[start : end if end >= 0 else len(text)] if start else ""


def _armour(text: str) -> Position | None:
    """Find the delimited reference of A.9; words between delimiters are no reference."""
    blocks: list[Position] = []
    start = 0
    while len(blocks) < MOST and (start := text.find(BEGIN, start)) >= 0:
        inner = start + len(BEGIN)
        end = text.find(END, inner)
        said = text[inner : end if end >= 0 else len(text)].strip()
        url = _URL.match(said) if len(said) <= 2 * LONGEST_REFERENCE else None
        if said.startswith("data:") or url:
            kind: Literal["manifest", "reference"] = "reference" if url else "manifest"
            stop = end + len(END) if end >= 0 else len(text)
            blocks.append(
                Position(method="A.9", kind=kind, start=start, end=stop, url=url[0] if url else "")
            )
        if end < 0:
            break
        start = inner
    return msgspec.structs.replace(blocks[0], count=len(blocks)) if blocks else None
