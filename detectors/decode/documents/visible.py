"""A web page as its reader sees it: shown text, what is quoted in it, what is kept from view."""

import html
import re
from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple

LONGEST_TAG = 2000
"""Characters of a tag that are searched for attributes."""
DEEPEST = 64
"""Open elements that are kept in mind: hidden ones, widgets, quotations."""
_OPENING = re.compile("<(?=/?[a-zA-Z]|[!?])")
_NAME = re.compile(r"[a-zA-Z][^\s/>]{0,40}")
_RAW = ("script", "style", "template", "title", "noscript", "iframe", "textarea")
_VOID = re.compile(r"(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)\Z")
_INLINE = re.compile(
    r"(?:a|abbr|b|bd[io]|cite|code|data|del|dfn|em|font|i|ins|kbd|mark|q|s|samp|small|span|strong"
    r"|su[bp]|time|tt|u|var|wbr)\Z"
)
_QUOTING = re.compile(r"(?:blockquote|q|code|pre|samp|kbd|tt|xmp|listing|em|i|cite)\Z")
_BESIDE = re.compile(r"(?:aside|dialog|button|select)\Z|(?:df|chat|bot)-|.*-(?:chat|bot)")
_CELL = re.compile(r"(?:td|th|li|dd)\Z")
SHOWN = ("quoted", "cell")
"""Kinds of elements that a reader sees."""
SHORT_CELL = 160
"""Characters of a cell or item that shows an example rather than holding a text."""
_UNSEEN = re.compile(
    r"\shidden(?=[\s=>/])|display\s?:\s?none|visibility\s?:\s?hidden|opacity\s?:\s?0\s?[;\"'!]"
    r"|font-size\s?:\s?0(?:px|pt|em)?\s?[;\"'!]|(?:left|top|text-indent)\s?:\s?-\d{3,6}",
    re.IGNORECASE,
)
_NAMES = re.compile(
    r"\s(?:class|id|role)\s?=\s?(?:\"([^\"]{0,400})|'([^']{0,400})|([^\s>]{1,400}))"
)
_CHAT = re.compile(
    r"(?<![a-z])(?:live-?)?(?:chat|chatbot|chatbox|bot|assistant|messenger|intercom|zendesk|tawk|crisp)"
    r"(?:-?widget|-?window|-?bubble)?(?![a-z])",
    re.IGNORECASE,
)
_REPLY = re.compile(
    r"gmail_quote|yahoo_quoted|protonmail_quote|moz-cite|(?<![a-z])quoted?(?![a-z])"
)
_HUGE_REFERENCE = re.compile(r"&#(?:[0-9]{8}[0-9]*|[xX][0-9a-fA-F]{7}[0-9a-fA-F]*);?")
_REFERENCE = re.compile(r"&(?:#[0-9]{1,30};?|#[xX][0-9a-fA-F]{1,30};?|[a-zA-Z][a-zA-Z0-9]{1,31};?)")
"""Character references (HTML standard, 13.2.5.72)."""


class Layer:
    """Text of a page with the way back to its source."""

    def __init__(self) -> None:
        """Begin empty."""
        self._pieces: list[str] = []
        self._length = 0
        self._starts = [0]
        self._sources = [0]

    def add(self, piece: str, source: int) -> None:
        """Append what stands at an offset of the source."""
        if piece:
            self._starts.append(self._length)
            self._sources.append(source)
            self._pieces.append(piece)
            self._length += len(piece)

    def add_resolved(self, piece: str, source: int) -> None:
        """Append a piece of source with its character references resolved."""
        start = 0
        for reference in _REFERENCE.finditer(piece):
            huge = _HUGE_REFERENCE.match(piece, reference.start())
            said = "\ufffd" if huge else html.unescape(reference[0])
            if said != reference[0]:
                self.add(piece[start : reference.start()], source + start)
                self.add(said, source + reference.start())
                start = reference.end()
        self.add(piece[start:], source + start)

    def __len__(self) -> int:
        """Return the number of characters."""
        return self._length

    @cached_property
    def text(self) -> str:
        """All characters, once the page is walked through."""
        return "".join(self._pieces)

    def source(self, offset: int) -> int:
        """Return the offset in the source of a character of the text."""
        at = bisect_right(self._starts, offset) - 1
        return self._sources[at] + offset - self._starts[at]


class Seen(NamedTuple):
    """A page taken apart."""

    shown: Layer
    """What a reader sees."""
    quoted: list[tuple[int, int]]
    """Offsets in what is shown of quotations, code and words in italics, in order."""
    cells: list[tuple[int, int]]
    """Offsets of cells of tables and items of lists, where they are short."""
    apart: dict[str, Layer]
    """`comment`, `script`, `hidden` and `widget`: what is no part of the page's text."""

    def said_of(self, *, speech: bool) -> list[tuple[int, int]]:
        """Return what is quoted, with the cells and items that show an example.

        Of a sentence in which a model speaks that is any short one, of a token one word alone.
        """
        text = self.shown.text
        alone = (cell for cell in self.cells if speech or len(text[slice(*cell)].split()) == 1)
        return [*self.quoted, *alone]


class _Open:
    """An open element that sets what lies in it apart."""

    def __init__(self, name: str, kind: str, start: int) -> None:
        self.name, self.kind, self.start, self.depth = name, kind, start, 1


def seen(source: str) -> Seen:
    """Take an HTML page apart, in one pass and linear time for any input.

    The standard library's `html.parser` does not give that (40,000 times `<!--` take it 10 s).
    Inline tags vanish, every other tag ends a line; a tag, comment or script that is never closed
    hides the rest, as in a browser.
    """
    return _Walk(source).walk()


class _Walk:
    """One pass over the source of a page."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._open: list[_Open] = []
        self._shown = Layer()
        self._quoted: list[tuple[int, int]] = []
        self._cells: list[tuple[int, int]] = []
        self._apart: dict[str, Layer] = {}

    def walk(self) -> Seen:
        """Return the parts."""
        start = 0
        while found := _OPENING.search(self._source, start):
            self._text(start, found.start())
            start = self._tag(found.start())
        self._text(start, len(self._source))
        self._close(0)
        return Seen(self._shown, self._quoted, self._cells, self._apart)

    def _layer(self) -> Layer:
        """Return where text goes now: the outermost element that sets apart says."""
        kind = next((one.kind for one in self._open if one.kind not in SHOWN), None)
        return self._shown if kind is None else self._apart.setdefault(kind, Layer())

    def _text(self, start: int, end: int) -> None:
        self._layer().add_resolved(self._source[start:end], start)

    def _tag(self, at: int) -> int:
        """Return where the text goes on after the `<` at an offset."""
        source = self._source
        if source.startswith("<!--", at):
            end = _past(source.find("-->", at + 4), 3, source)
            self._set_apart("comment", at + 4, end - 3)
            return end
        closes = source.startswith("/", at + 1)
        named = _NAME.match(source, at + 1 + closes)
        end = _past(source.find(">", at), 1, source)
        name = named[0].lower() if named else "!"
        if name in _RAW and not closes:
            return self._raw(name, end)
        if not _INLINE.match(name):
            self._layer().add("\n", at)
        if closes:
            self._end(name)
        elif not _VOID.match(name) and name != "!":
            self._begin(name, source[at : min(end, at + LONGEST_TAG)])
        return end

    def _raw(self, name: str, start: int) -> int:
        """Pass over an element whose content is no text; return the offset of its end tag."""
        closing = re.compile(f"</{name}", re.IGNORECASE).search(self._source, start)
        end = closing.start() if closing else len(self._source)
        if name != "title":
            self._set_apart("script", start, end)
        self._layer().add("\n", start)
        return end

    def _set_apart(self, kind: str, start: int, end: int) -> None:
        layer = self._apart.setdefault(kind, Layer())
        layer.add_resolved(self._source[start:end], start)
        layer.add("\n", end)

    def _begin(self, name: str, tag: str) -> None:
        """Note a start tag."""
        for one in reversed(self._open):
            if one.name == name:
                one.depth += 1
                break
        kind = _kind(name, tag)
        if kind and len(self._open) < DEEPEST:
            self._open.append(_Open(name, kind, len(self._shown)))

    def _end(self, name: str) -> None:
        """Note an end tag."""
        for index in range(len(self._open) - 1, -1, -1):
            if self._open[index].name == name:
                self._open[index].depth -= 1
                if not self._open[index].depth:
                    self._close(index)
                return

    def _close(self, index: int) -> None:
        """Close open elements down to an index."""
        for one in self._open[index:]:
            part = one.start, len(self._shown)
            if one.kind == "quoted" and part[0] < part[1]:
                self._quoted.append(part)
            elif one.kind == "cell" and part[0] < part[1] <= part[0] + SHORT_CELL:
                self._cells.append(part)
        del self._open[index:]


def _kind(name: str, tag: str) -> str | None:
    """Return what an element does to its text: hidden, widget, quoted, or nothing."""
    if _UNSEEN.search(tag):
        return "hidden"
    names = " ".join(part for found in _NAMES.findall(tag) for part in found if part)
    if _BESIDE.match(name) or _CHAT.search(names):
        return "widget"
    if _QUOTING.match(name) or _REPLY.search(names):
        return "quoted"
    return "cell" if _CELL.match(name) else None


def visible(source: str) -> str:
    """Return the text of an HTML page that a reader sees."""
    return seen(source).shown.text


def _past(found: int, length: int, source: str) -> int:
    """Return the offset behind a delimiter, or the end of the source where there is none."""
    return len(source) if found < 0 else found + length
