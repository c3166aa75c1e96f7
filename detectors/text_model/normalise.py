"""Texts made alike before they are scored, so that wording speaks and layout does not.

The labelled texts that models learn from are made alike in the same way. What is undone here
(typographic quotes, dashes, Markdown, links, labels) says which programs a text passed through,
not who wrote it.
"""

import html
import re

from detectors.decode.residue import plain
from detectors.decode.text import nfc

LONGEST = 500
"""Words that are assessed, counted from the start; the labelled texts are cut there too."""
HEAD = 100_000
"""Characters that are looked at; 500 words of prose have 3,000."""
_TAG = re.compile(r"<[a-zA-Z/!][^<>]{0,300}>")
_QUOTES = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u2039\u203a\u00b4\u02bc", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"')
    | {"\u2026": "...", "\u2010": "-", "\u2011": "-"}
)
_BLANK = re.compile(r"[^\S\n]+")
_LINE_MARK = re.compile(
    r"^ ?(?:#{1,6} |>+ ?|[-*+\u2022\u25cf\u25aa\u2023\u00b7] |\d{1,3}[.)] "
    r"|(?:[-*_=]{3,}|`{3}\w*) ?$)",
    re.MULTILINE,
)
_MARKDOWN_LINK = re.compile(r"!?\[([^\[\]]{0,300})\]\([^()\s]{0,500}\)")
_LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"]+", re.IGNORECASE)
_NAME = re.compile(r"(?<![\w@])@\w{1,50}")
_MARK = re.compile(r"\*+|__+|`+|~~|\|")
_DASH = re.compile(r"[\u2012-\u2015\u2e3a\u2e3b]|(?<!-)--(?!-)")
_LABEL = re.compile(
    r"(?:(?:title|answer|abstract|review|summary|story|essay|question|introduction|text) ?: ?"
    r"|(?:sure|certainly|of course)[!,.] ?(?=here)|here (?:is|are|'s)\b[^:.!?]{0,120}: ?)+",
    re.IGNORECASE,
)
_BEFORE = re.compile(r" (?=[,.;:!?)\]%])")
_AFTER = re.compile(r"(?<=[(\[]) ")
_CLITIC = re.compile(r"(\w) (n't|'(?:s|re|ve|ll|d|m))\b", re.IGNORECASE)
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"\S+")


def normalise(text: str) -> str:
    """Return the wording of a text in one line: the first 500 words of it.

    HTML, hidden characters, assistant residue, links, Markdown marks and leading labels are gone;
    quotes are ' and ", dashes " - ", @names @user; form NFC; single spaces, none before closing
    punctuation. Of Chinese and Japanese two characters count as a word.

    Args:
        text: any text; its first 100,000 characters count. Time is linear in its length.
    """
    text = made_alike(text[:HEAD])
    if label := _LABEL.match(text):
        text = text[label.end() :]
    return _cut(_unquoted(text))


def made_alike(text: str) -> str:
    """Build the wording of a part of a text in one line, whatever its length and its beginning."""
    text = plain(nfc(_TAG.sub(" ", html.unescape(text))))
    text = _LINE_MARK.sub("", _BLANK.sub(" ", text).translate(_QUOTES))
    text = _NAME.sub("@user", _LINK.sub(" ", _MARKDOWN_LINK.sub(r"\1", text)))
    text = _one_line(_DASH.sub(" - ", _MARK.sub(" ", text)))
    return _CLITIC.sub(r"\1\2", _AFTER.sub("", _BEFORE.sub("", text)))


def words(text: str) -> int:
    """Return the length of a text in words; where Chinese or Japanese prevails, characters / 2."""
    runs = len(_WORD.findall(text))
    return len("".join(text.split())) // 2 if _is_han(text, runs) else runs


def _is_han(text: str, runs: int) -> bool:
    """Tell whether a text is written without spaces between its words."""
    return len(_HAN.findall(text)) > 2 * runs


def _one_line(text: str) -> str:
    """Return a text with single spaces for all white space."""
    return " ".join(text.split())


def _unquoted(text: str) -> str:
    """Return a text without the one pair of quotes around all of it."""
    inside = text[1:-1]
    wrapped = len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" and text[0] not in inside
    return inside.strip() if wrapped else text


def _cut(text: str) -> str:
    """Return the first 500 words, or 1,000 characters where Chinese or Japanese prevails."""
    runs = [run.end() for run in _WORD.finditer(text)]
    if _is_han(text, len(runs)):
        return text[: 2 * LONGEST]
    return text[: runs[LONGEST - 1]] if len(runs) > LONGEST else text
