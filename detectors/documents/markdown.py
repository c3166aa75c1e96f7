"""What a writer wrote of a Markdown file: neither its front matter nor its code."""

import re

_FRONT = re.compile(r"\A---[ \t]*\r?\n(?:.{0,2000}\r?\n){1,200}?(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^\n]*$", re.MULTILINE)
PROSE = {"text", "txt", "plain", "plaintext", "markdown", "md"}
"""Languages of code blocks that hold no code: assistants hand whole letters over in them."""


def prose(text: str) -> str:
    """Give a text without front matter and closed code blocks; all of it where nothing is left.

    A block ends at the next fence of the same character that is as long and names no language
    (CommonMark 0.31, 4.5).
    """
    front = _FRONT.match(text)
    start = front.end() if front else 0
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
