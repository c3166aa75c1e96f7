"""What an item says of itself is shown, never obeyed."""

import json
import re
import unicodedata
from typing import Any

JOINERS = "\u200c\u200d"
"""Needed to spell in several scripts and to join emoji; they move nothing on a terminal."""
WORKFLOW = ("##[", "##\\u200b[")
"""GitHub's runner obeys `##[command]` anywhere in a line of a log: it is broken by the escape of a
zero-width space, in letters."""
SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
SELECTORS = re.compile("[\U000e0100-\U000e01ef]")
"""Variation selectors of the supplement: marks by category, used to carry hidden text."""


def escape(text: str, *, ascii_only: bool = False) -> str:
    r"""Return text in which nothing acts on a terminal or hides: `\x1b`, `\u202e` and the like.

    That takes in C0 and C1 controls, line and paragraph separators, direction marks, tags,
    zero-width and unassigned characters and lone surrogates; newlines too, since a value is one
    line. Characters of every script stay. `##[` is taken apart, which logs of builds obey.

    Args:
        text: anything.
        ascii_only: also escape what is not ASCII, for a terminal of another encoding.
    """
    text = text.replace(*WORKFLOW)
    if text.isprintable() and not SELECTORS.search(text) and (text.isascii() or not ascii_only):
        return text
    return "".join(
        c if _harmless(c) and (c.isascii() or not ascii_only) else _visible(c) for c in text
    )


def escape_json(text: str, *, ascii_only: bool = False) -> str:
    r"""Return the same JSON in which control and direction characters stand as `\uXXXX`.

    Args:
        text: JSON of ASCII structure, as encoders write it; its line breaks stay.
        ascii_only: also escape what is not ASCII.
    """
    return "\n".join(_json_line(line, ascii_only) for line in text.split("\n"))


def json_text(value: Any) -> str:
    """Return a value as indented JSON in which control and direction characters are escaped."""
    return escape_json(json.dumps(value, indent=1, ensure_ascii=False))


def _json_line(line: str, ascii_only: bool) -> str:
    if line.isprintable() and (line.isascii() or not ascii_only):
        return line
    return "".join(
        c if _harmless(c) and (c.isascii() or not ascii_only) else _utf16(c) for c in line
    )


def _harmless(char: str) -> bool:
    """Tell whether a character only shows itself."""
    if SELECTORS.match(char):
        return False
    return char.isprintable() or char in JOINERS or unicodedata.category(char) == "Zs"


def _visible(char: str) -> str:
    """Return the escape of a character, as Python writes it."""
    code = ord(char)
    if char in SHORT:
        return SHORT[char]
    if code <= 0xFF:  # two digits
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # four digits


def _utf16(char: str) -> str:
    """Return the escape of a character in JSON."""
    raw = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{raw[i : i + 2].hex()}" for i in range(0, len(raw), 2))
