"""Texts as evidence: what is compared of a text, and which texts are long enough to compare.

Languages without spaces count each character as a word.
"""

import html
import re
import unicodedata
from typing import Final

CUT: Final = "…"
"""Ends a normalised text that a collector has cut."""
MIN_WORDS, MIN_CHARACTERS = 5, 25
"""Shorter texts are greetings: many strangers write the same."""

URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
REPOST = re.compile(r"^\s*RT @(\w+):?")
MENTION = re.compile(r"@\w+")
UNSPACED: Final = (
    (0x0E00, 0x0EFF), (0x0F00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF),
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF),
)  # fmt: skip
"""Thai and Lao, Tibetan, Myanmar, Khmer, kana, ideographs: written without spaces."""


class _Letters(dict[int, str]):
    """What is kept of each character: letters, marks and digits; a space for the rest."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        kind = unicodedata.category(char)
        if kind == "Cf":  # joiners and direction marks are inside words
            kept = ""
        elif kind[0] not in "LMN":
            kept = " "
        elif kind[0] != "M" and any(low <= code <= high for low, high in UNSPACED):
            kept = f" {char}"
        else:
            kept = char
        self[code] = kept
        return kept


_LETTERS: Final = _Letters()


def normalise(text: str) -> tuple[str, str]:
    """Return the words that are compared, one space between them, and the reposted author.

    Left out are entities, `RT @name:`, addresses, mentions, hashtags at both ends, emoji and
    punctuation; a text that was cut ends with `CUT`. The author is "" where none is named.
    """
    author = ""
    if "&" in text:
        text = html.unescape(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.replace(CUT, "\0"))  # NFKC writes three dots
    if found := REPOST.match(text):
        author, text = found[1].casefold(), text[found.end() :]
    if "://" in text or "www." in text.lower():
        text = URL.sub(lambda url: " \0" if url[0].endswith("\0") else " ", text)
    cut = text.rstrip().endswith(("\0", "..."))
    if "@" in text:
        text = MENTION.sub(" ", text)
    if "#" in text:
        text = _without_hashtags(text)
    words = text.casefold().translate(_LETTERS).split()
    if cut:
        words = words[:-1]  # may be half a word
        return f"{' '.join(words)} {CUT}", author
    return " ".join(words), author


def _without_hashtags(text: str) -> str:
    words = text.split()
    first, last = 0, len(words)
    while first < last and words[first].startswith("#"):
        first += 1
    while last > first and words[last - 1].startswith("#"):
        last -= 1
    return " ".join(words[first:last])


def is_evidence(text: str) -> bool:
    """Tell whether a normalised text is long enough: an unspaced character counts as two."""
    words = text.count(" ") + 1 - text.endswith(CUT)
    if words < MIN_WORDS:
        return False
    wide = 0 if text.isascii() else sum(map(_is_wide, text))
    return len(text) + wide >= MIN_CHARACTERS


def _is_wide(char: str) -> bool:
    return _LETTERS[ord(char)][:1] == " " and char != " "
