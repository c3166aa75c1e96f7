"""Finds the parts of a text that hold other people's words or code, by its own structure."""

import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Any

PIECE = 128 << 10
"""Characters that are parsed as Markdown at once: what takes longest, lists, takes a second."""
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


def quoted(text: str, start: int, end: int) -> bool:
    """Tell whether a place lies in code, a quotation, a listing or somebody else's message."""
    if any(head.end() <= start for head in _MESSAGE.finditer(text, 1, start + 1)):
        return True  # a header at the very beginning is the text's own
    low = 0 if len(text) <= PIECE else text.rfind("\n\n", 0, max(0, start - PIECE // 2)) + 1
    return any(a < end and start < b for a, b in _parts(text[low : low + PIECE], low))


@lru_cache(maxsize=4)
def _parts(piece: str, low: int) -> tuple[tuple[int, int], ...]:
    """Return the offsets, from `low` on, of all parts of a piece of text."""
    found = [*_markdown(piece), *_environments(piece)]
    return tuple((low + a, low + b) for a, b in found)


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


@lru_cache(maxsize=4)
def is_data(text: str) -> bool:
    """Tell whether a text is keys with values, line by line, as YAML and INI files are."""
    lines = [line for line in text[:PIECE].split("\n") if line.strip()]
    pairs = sum(1 for line in lines if _PAIR.match(line))
    return len(lines) > 1 and pairs >= DATA_LINES * len(lines)


def cell_alone(text: str, start: int, end: int) -> bool:
    """Tell whether a place is all that a cell of a table holds: an example, no citation in it."""
    before = text[max(0, start - 400) : start].rpartition("\n")[2]
    after = text[end : end + 400].partition("\n")[0]
    if "|" not in before or "|" not in after:
        return False
    around = before.rpartition("|")[2] + after.partition("|")[0]
    return not re.search(r"\w{2}", around)


def in_table(text: str, start: int) -> bool:
    """Tell whether a place lies in a row of a Markdown table."""
    line = text[max(0, text.rfind("\n", 0, start) + 1) : start + 400].partition("\n")[0]
    return line.lstrip().startswith("|") and line.count("|") > 1
