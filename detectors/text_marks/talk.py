"""Tells a mark that was left behind from talk about it.

By structure where a text has one (see `structure`), by marks of quotation in any language, and, of
sentences in which a model speaks of itself, by how they stand in theirs: a person who reports them
leads to them. What is talk is shown as a fact and claims nothing, so every rule errs to that side.
"""

import re
import tomllib
from importlib.resources import files

from detectors.text_marks.structure import Structure, cell_alone, in_table

NEAR = 600
"""Characters on either side in which a quotation may begin and end."""
TIGHT = 160
"""Characters on either side of words in italics or in backticks."""
SHORT = 20
"""Characters of a lead in a script without commas or spaces of ours: sorry, but I."""
_PAIRS = (
    ("\u201c", "\u201d"), ("\u201e", "\u201c"), ("\u201e", "\u201d"), ("\u00ab", "\u00bb"),
    ("\u2039", "\u203a"), ("\u300c", "\u300d"), ("\u300e", "\u300f"), ("\u300a", "\u300b"),
    ("\u3008", "\u3009"), ("\ufe41", "\ufe42"), ("\u201a", "\u2018"), ("\u201a", "\u2019"),
)  # fmt: skip
"""Opening and closing marks of quotation: English, German, French, Chinese, Japanese."""
_SAME = ('"', "\u201d", "\uff02")
"""Marks that open and close alike; the curly one does in Swedish and Finnish."""
_SINGLE_OPEN = re.compile("(?:^|[\\s(\\[{:=,>|*_\u2014\u2013-])['\u2018](?=[^\\W_])")
_SINGLE_CLOSE = re.compile("(?<=[\\w.,!?\u2026;)\\]])['\u2019](?!\\w)")
_ITALICS_OPEN = re.compile(r"(?<![\w*_])[*_]{1,3}(?=[^\s*_])[^*_\n]{0,160}\Z")
_ITALICS_CLOSE = re.compile(r"\A[^*_\n]{0,160}(?<=[^\s*_])?[*_]{1,3}(?!\w)")
_CUE = re.compile(
    r"\b(?:such as|e\.g\.|i\.e\.|known as|called|like|words to watch:?"
    r"|(?:the|this|these|a) NAMES?|NAMES? like)[^.!?\n]{0,30}\Z".replace(
        "NAME", "(?:phrase|string|marker|token|artefact|artifact|pattern|expression|word|tag)"
    ),
    re.IGNORECASE,
)
"""What leads to an example. A bare noun does not: residue in "menu patterns [cite: 1]" is real."""
_NAMED_AFTER = re.compile(
    r"\A[^.!?\n]{0,20}"
    r"\b(?:and the like|and so on|etc|(?:token|marker|artefact|artifact|string|tag)s?)\b",
    re.IGNORECASE,
)
_END = re.compile(
    '[.!?\u2026\u061f\u0964\u06d4]["\u201d\u2019\u00bb)\\]*_]{0,3}\\s+|[\u3002\uff01\uff1f]|\n'
)
_ITEM = re.compile("\\s*(?:[-*+\u2022]\\s|[\u2013\u2014\u2015]|\\d{1,3}[.)]\\s|>|#{1,6}\\s)")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_COLONS = (":", "\uff1a")
_WORDS: dict[str, list[str]] = tomllib.loads(
    files("detectors.text_marks").joinpath("talk.toml").read_text("utf-8")
)


def _any(name: str, frame: str = "{}") -> re.Pattern[str]:
    """Compile the alternatives of a list of talk.toml, in a frame."""
    return re.compile(frame.format("|".join(_WORDS[name])), re.IGNORECASE | re.MULTILINE)


_REPORT = (_any("report", r"\b(?:{})\b"), _any("report_stems"))
_OTHERS = _any("others", r"\b(?:{})\b")
_LED = _any("led", "(?:[,\uff0c\u3001;\uff1b\u2014\u2013-]|\\b(?:{}))\\Z")
_OWN = _any("own", r"\A\W{{0,4}}(?:{})\b")
_OWN_LABEL = _any("labels", r"\A\W{{0,4}}(?:{})\W{{0,4}}\Z")
_TOLD = _any(
    "told", "\\A[^.!?\n]{{0,200}}[,.!?]?[\"\u201d\u2019'*_]{{0,2}}[,.]?\\s{{1,2}}(?:{})\\b"
)
_JEST = _any("jest")
_PART = _any("part")


def is_talk(said: Structure, start: int, end: int, *, speech: bool) -> bool:
    """Tell whether what stands between two offsets is quoted, reported, code or an example.

    Args:
        said: the whole text.
        start: offset of the mark.
        end: offset behind it.
        speech: the mark is a sentence in which a model speaks, not a token of a program.
    """
    return (
        _named(said.text, start, end)
        or _in_quotes(said.text, start, end)
        or (speech and _reported(said.text, start, end))
        or said.is_data
        or said.quotes(start, end)
    )


def _named(text: str, start: int, end: int) -> bool:
    """Tell whether the line shows the match as an example: in italics, backticks, a cell."""
    before = text[max(0, start - TIGHT) : start].rpartition("\n")[2]
    after = text[end : end + TIGHT].partition("\n")[0]
    return (
        before.lstrip().startswith(">")
        or (before.count("`") % 2 == 1 and "`" in after)
        or bool(_ITALICS_OPEN.search(before) and _ITALICS_CLOSE.match(after))
        or bool(_CUE.search(before) or _NAMED_AFTER.match(after))
        or cell_alone(text, start, end)
    )


def _in_quotes(text: str, start: int, end: int) -> bool:
    """Tell whether a match stands in quotation marks, which may go on over paragraphs."""
    paragraph = max(text.rfind("\n\n", 0, start) + 2, start - NEAR) if start else 0
    if paragraph < 2:  # no empty line before
        paragraph = max(0, start - NEAR)
    before = text[paragraph:start]
    after = text[end : end + NEAR]
    inner, _, rest = after.partition("\n\n")
    for opening, closing in _PAIRS:
        at = before.rfind(opening)
        if at < 0 or closing in before[at + 1 :]:
            continue
        if closing in inner or rest.lstrip().startswith(opening):
            return True
    at = before.rfind("\u00bb")
    if at >= 0 and "\u00ab" not in before and "\u00ab" in inner:
        return True
    if any(before.count(mark) % 2 == 1 and mark in inner for mark in _SAME):
        return '"' in before or "\u201c" not in before
    opened = [mark.end() for mark in _SINGLE_OPEN.finditer(before)]
    if not opened and before[-1:] in ("'", "\u2018", "`", "\u2039"):
        opened = [len(before)]
    return bool(
        opened
        and not _SINGLE_CLOSE.search(before, opened[-1])
        and (_SINGLE_CLOSE.search(inner) or inner[:1] in ("'", "\u2019"))
    )


def _reported(text: str, start: int, end: int) -> bool:
    """Tell whether a sentence in which a model speaks is reported, listed, played or in jest."""
    line = text[text.rfind("\n", 0, start) + 1 : start]
    near = text[max(0, start - NEAR) : start]
    ends = [mark.end() for mark in _END.finditer(near)]
    lead = near[ends[-1] if ends else 0 :].strip()
    earlier = near[: ends[-1] if ends else 0].rstrip()
    after = text[end : end + NEAR].partition("\n\n")[0]
    return (
        bool(_ITEM.match(line) and len(line) < NEAR)
        or in_table(text, start)
        or not _same_voice(lead)
        or (earlier[-1:] in _COLONS and _reports(earlier[-80:]))
        or bool(_TOLD.match(after))
        or bool(_JEST.search(near[-TIGHT:] + after[:TIGHT]))
        or bool(_PART.search(near[-TIGHT * 3 :]))
    )


def _reports(text: str) -> bool:
    """Tell whether a text has a word that reports, or names who speaks."""
    return any(words.search(text) for words in _REPORT)


def _same_voice(lead: str) -> bool:
    """Tell whether what stands before the words in their sentence is said by the same speaker."""
    label, colon, rest = lead.replace(_COLONS[1], ":").partition(":")
    if colon:
        return bool(_OWN_LABEL.match(label)) and _same_voice(rest)
    if not re.search(r"\w", lead):
        return True
    if _reports(lead):
        return False
    if _OWN.match(lead) or (len(lead) <= SHORT and not _LATIN.search(lead)):
        return True
    return bool(_LED.search(lead)) and not _OTHERS.search(lead)
