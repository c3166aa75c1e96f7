"""Finds the parts of a text that hold other people's words or code, by its own structure."""

import re
import tomllib
from collections.abc import Iterator
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any

PIECE = 128 << 10
"""Characters that are parsed as Markdown at once: what takes longest, lists, takes a second."""
MOST_PIECES = 16
"""Pieces of one text that are parsed."""
UNUSUAL = dict.fromkeys((0xA0, 0x202F, *range(0x2000, 0x200B)), " ")
_WRAPPED = re.compile(r"(?<=[\w,])\n(?=\w)")
_BLOCKS = {"fence", "code_block", "blockquote_open", "html_block"}
_ENVIRONMENT = re.compile(
    r"^(?:(?:\\begin\{(?:verbatim|lstlisting|minted|quote|quotation)"
    r"|#\+begin_(?:quote|src|example))[^\n]*\n"
    r"|<(?P<tag>[a-z_]{0,20}example[a-z_]{0,20}|quote|transcript)>"
    r"|(?P<rule>-{4,}|\.{4,}|_{4,}|={4,})[ \t]*\n(?=\S))",
    re.MULTILINE | re.IGNORECASE,
)
"""How LaTeX, Org, AsciiDoc and prompts open listings, quotations and examples."""
_NAMED_END = re.compile(
    r"^(?:\\end\{(?:verbatim|lstlisting|minted|quote|quotation)|#\+end_)",
    re.MULTILINE | re.IGNORECASE,
)
_DETAILS = re.compile(r"^<(details|blockquote|pre|code|table)\b", re.MULTILINE | re.IGNORECASE)
_WORDS: dict[str, list[str]] = tomllib.loads(
    files("detectors.text_marks").joinpath("talk.toml").read_text("utf-8")
)
_MESSAGE = re.compile(
    r"^(?:-{2,}[ \t]{0,3}[^\W\d_][^-\n]{5,60}-{2,}[ \t]{0,9}\r?\n"
    r"(?=[>* \t]{0,6}[^\W\d_][^:\n]{0,25}:|[ \t]{0,9}\r?\n)"
    r"|Begin forwarded message:"
    r"|(?=[^\n]{0,200}[\d@])[^\W\d_][^\n]{6,150}\n?[^\n]{0,80}\b(?:WROTE)[ \xa0]?:[ \t]{0,9}\r?\n"
    r"|[^\n]{0,60}(?:STEMS)[:\uff1a]\s"
    r"|\*{0,2}(?:SENDER)[ \xa0]?[:\uff1a]\*{0,2}[^\n]{1,200}\n"
    r"(?:[^\n:\uff1a]{2,20}[:\uff1a][^\n]{0,200}\n){2,6})".replace(
        "WROTE", "|".join(_WORDS["wrote"])
    )
    .replace("STEMS", "|".join(_WORDS["wrote_stems"]))
    .replace("SENDER", "|".join(_WORDS["sender"])),
    re.MULTILINE,
)
"""What mail programs write before the message that is answered or forwarded, at its end."""
_PAIR = re.compile(
    r"\s*(?:-\s+)?[\"']?[a-z_$][\w.$-]{0,40}[\"']?\s?[:=](?:\s|\Z)|\s*[\]\[{}),]+\s*\Z|\s*#"
    r"|\[{1,2}[\w.\"-]{1,80}\]{1,2}\s*\Z"
)
DATA_LINES = 0.8
"""Share of lines that are keys with values above which a text is data: YAML, INI, headers."""


class Structure:
    """A text with what is known of its parts, each found once and only where it is asked for."""

    def __init__(self, text: str) -> None:
        """Keep the text."""
        self.text = text
        self._pieces: dict[int, list[tuple[int, int]]] = {}

    @cached_property
    def even(self) -> str:
        """The text, of the same length, whose lines and unusual spaces part no sentence."""
        return _WRAPPED.sub(" ", self.text.translate(UNUSUAL))

    @cached_property
    def lowered(self) -> str:
        """The same in lower case, for a first look; offsets may differ."""
        return self.even.lower()

    @cached_property
    def is_data(self) -> bool:
        """Whether the text is keys with values, line by line, as YAML and INI files are."""
        lines = [line for line in self.text[:PIECE].split("\n") if line.strip()]
        pairs = sum(1 for line in lines if _PAIR.match(line))
        return len(lines) > 1 and pairs >= DATA_LINES * len(lines)

    @cached_property
    def _message(self) -> int:
        """Where the first message that is answered or forwarded begins; behind all without one.

        A header at the very beginning is the text's own.
        """
        head = _MESSAGE.search(self.text, 1)
        return head.end() if head else len(self.text) + 1

    def quotes(self, start: int, end: int) -> bool:
        """Tell whether a match lies in code, a quotation, a listing or somebody else's message."""
        if start >= self._message:
            return True
        number = start // (PIECE // 2)
        if number not in self._pieces:
            if len(self._pieces) >= MOST_PIECES:
                return True  # not looked at, so nothing is claimed
            low = self.text.rfind("\n\n", 0, number * PIECE // 2) + 1 if number else 0
            piece = self.text[low : low + 2 * PIECE if low else PIECE]
            found = [*_markdown(piece), *_environments(piece)]
            self._pieces[number] = [(low + first, low + last) for first, last in found]
        return any(first < end and start < last for first, last in self._pieces[number])


@lru_cache(maxsize=1)
def _parser() -> Any:
    """Return a parser of Markdown's blocks (CommonMark); what stands in a line is not parsed."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark")
    parser.core.ruler.enableOnly(["block"])
    return parser


def _markdown(text: str) -> Iterator[tuple[int, int]]:
    """Yield the blocks of code and quotation."""
    text = text.replace("\r\n", " \n").replace("\r", "\n")
    starts = [0, *(mark.end() for mark in re.finditer("\n", text)), len(text)]
    last = len(starts) - 1
    for token in _parser().parse(text):
        if token.type in _BLOCKS and token.map:
            start, end = starts[min(token.map[0], last)], starts[min(token.map[1], last)]
            if token.type != "html_block" or _DETAILS.match(token.content):
                yield start, _closed(text, token, end)


def _closed(text: str, token: Any, end: int) -> int:
    """Return where an HTML block ends: at its end tag, which may stand some blocks later."""
    if token.type != "html_block":
        return end
    tag = _DETAILS.match(token.content)
    closing = text.find(f"</{tag[1]}", end) if tag and f"</{tag[1]}" not in token.content else -1
    return max(end, closing)


def _environments(text: str) -> Iterator[tuple[int, int]]:
    """Yield the listings, quotations and examples."""
    start = 0
    while opened := _ENVIRONMENT.search(text, start):
        rule, tag = opened["rule"], opened["tag"]
        if tag is not None:
            end = text.find(f"</{tag}>", opened.end())
        elif rule is None:
            closing = _NAMED_END.search(text, opened.end())
            end = closing.start() if closing else -1
        else:
            end = text.find(f"\n{rule}\n", opened.end())
        if end >= 0:
            yield opened.end(), end
        start = end + 1 if end >= 0 else opened.end()


def cell_alone(text: str, start: int, end: int) -> bool:
    """Tell whether a match is all that a cell of a table holds: an example, no citation in it."""
    before = text[max(0, start - 400) : start].rpartition("\n")[2]
    after = text[end : end + 400].partition("\n")[0]
    if "|" not in before or "|" not in after:
        return False
    around = before.rpartition("|")[2] + after.partition("|")[0]
    return not re.search(r"\w{2}", around)


def in_table(text: str, start: int) -> bool:
    """Tell whether a match lies in a row of a Markdown table."""
    line = text[max(0, text.rfind("\n", 0, start) + 1) : start + 400].partition("\n")[0]
    return line.lstrip().startswith("|") and line.count("|") > 1
