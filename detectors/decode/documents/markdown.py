"""What a writer wrote of a Markdown file: neither its front matter nor its code."""

import re

_RULE = re.compile(r"---[ \t]*\r?\n")
_LAST = re.compile(r"^(?:---|\.\.\.)[ \t]*\r?$", re.MULTILINE)
MOST_LINES = 200
LONGEST_LINE = 2000
"""Lines of front matter, and characters of each: what is longer is text."""
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^\n]*$", re.MULTILINE)
PROSE = {"text", "txt", "plain", "plaintext", "markdown", "md"}
"""Languages of code blocks that hold no code: assistants hand whole letters over in them."""


def prose(text: str) -> str:
    """Return a text without front matter and closed code blocks; all of it where nothing is left.

    A block ends at the next fence of the same character that is as long and names no language
    (CommonMark 0.31, 4.5).
    """
    start = _behind_front(text)
    pieces: list[str] = []
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text, start):
        if opened is None:
            opened = fence
        elif fence[1].startswith(opened[1]) and not fence[2]:
            before, inside = text[start : opened.start()], text[opened.end() : fence.start()]
            pieces += [before, inside if opened[2].lower() in PROSE else ""]
            start, opened = fence.end(), None
    own = "".join([*pieces, text[start:]])
    return own if own.strip() else text


def _behind_front(text: str) -> int:
    """Return the offset behind the front matter, 0 where there is none.

    It opens with a rule at the very top, has a line or more, and ends with a rule or three dots.
    """
    first = _RULE.match(text)
    if first is None:
        return 0
    start = first.end()
    for number in range(MOST_LINES + 1):
        end = text.find("\n", start)
        last = _LAST.match(text, start)
        if last and number:
            return last.end() if end < 0 else end + 1
        if end < 0 or end - start > LONGEST_LINE:
            return 0
        start = end + 1
    return 0
