"""What happened to a signed text after signing, found by undoing what copying usually does."""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Literal

from detectors.decode.text import nfc
from detectors.text_credentials.verify import Read, holds

Change = Literal[
    "line_endings", "normalisation", "bom", "whitespace", "several", "appended", "edited"
]

LONGEST_TRIED = 2 << 20
"""Bytes of a text that is tried: up to sixteen verifications, together one second."""
UNDO: dict[Change, Callable[[str], str]] = {
    "line_endings": lambda text: text.replace("\r\n", "\n").replace("\r", "\n"),
    "normalisation": nfc,
    "bom": lambda text: text.removeprefix("\ufeff"),
    "whitespace": str.rstrip,
}
"""What editors, mailers and clipboards do, undone; `bom` and the rest leave every letter alone."""


def change(text: str, read: Callable[[bytes], Read], *, behind: bool = False) -> Change:
    """Return what was done to a text whose binding no longer holds.

    Args:
        text: as it lies, byte order mark included.
        read: gives a reader for other bytes in the same place.
        behind: there is more text after a wrapper that is put last.

    Returns:
        one of four changes of form or `several` of them, when undoing them makes the binding hold
        again; else `appended` where text stands behind, else `edited`.
    """
    for name, attempt in _attempts(text):
        if holds(read(attempt.encode("utf-8"))):
            return name
    return "appended" if behind else "edited"


def _attempts(text: str) -> Iterator[tuple[Change, str]]:
    """Yield texts with one change undone, then with several; each that differs, once."""
    tried = {text}
    for many in range(1, len(UNDO) + 1):
        for names in combinations(UNDO, many):
            attempt = text
            for name in names:
                attempt = UNDO[name](attempt)
            if attempt not in tried:
                tried.add(attempt)
                yield (names[0] if many == 1 else "several"), attempt
    if (unix := text.replace("\r\n", "\n")).replace("\n", "\r\n") not in tried:
        yield "line_endings", unix.replace("\n", "\r\n")
