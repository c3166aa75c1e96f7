"""Finds characters that a reader does not see or takes for others, and shows what they say."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import msgspec

MOST = 100_000
"""Places that one rule looks at in one text; what comes after them is not counted."""
SHOWN = 200
"""Characters of a value or payload that are shown."""

PLAIN = (
    "A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u0373\u0376-\u03ff"
    "\u0400-\u052f\u1e00-\u1fff"
)
"""Latin, Greek and Cyrillic letters: scripts that need no joiners and no invisible spaces."""
RTL = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_PLAIN = re.compile(f"[{PLAIN}]")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_RTL = re.compile(f"[{RTL}]")
_ZERO_WIDTH = re.compile("[\u200b-\u200d\u2060-\u2064\ufeff]+")
_PADDING = re.compile(
    "(?=[\u034f\u200b-\u200f\u2060\u00ad\ufeff\u2800])"
    "([\u034f\u200b-\u200f\u2060\u00ad\ufeff\u2800\u2007\u00a0 ]{1,12}?)\\1{5,}"
)
"""Invisible characters over and over, which mail programs put behind a preview line so that nothing
else of the mail shows in it. What says something does not repeat itself."""
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]+")
_TAGS = re.compile("[\U000e0000-\U000e007f]+")
_BIDI = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
_WORD = re.compile(f"[{PLAIN}\u00ad'\u2019]+")
_NUMBER = re.compile(
    "[\u202d\u202e][\\d\\s()+.,:/%$\u20ac\u20aa\u2010-\u2015\u00a0*#-]{1,40}(?:\u202c|\\Z|(?=\\s))"
)
_SPACES = re.compile("(?<=[^\\W\\d_])[\u2000-\u200a\u202f\u205f](?=[^\\W\\d_])")
_CONTROLS = re.compile("[\0-\x08\x0b\x0e-\x1f\x7f-\x9f]+")
_LATIN = re.compile("[A-Za-z]")
_FILLERS = re.compile(
    f"(?<=[{PLAIN} ])[\u034f\u115f\u1160\u17b4\u17b5\u180e\u2800\u3164\uffa0](?=[{PLAIN} ])"
)
_STYLED = re.compile("[\U0001d400-\U0001d7ff]{3,40}")
LOOKALIKE = (
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u0501\u04bb\u051b\u051d"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0405\u0406\u0408"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bf"
)
"""Cyrillic and Greek letters drawn like Latin ones (confusables of Unicode TS 39)."""
_LOOKALIKE = re.compile(f"[{LOOKALIKE}]")
_FALSE_LATIN = re.compile(f"(?=.*[A-Za-z])[A-Za-z'{LOOKALIKE}]+\\Z")
_FALSE_CYRILLIC = re.compile("(?=.*[\u0400-\u052f])[\u0400-\u052faceopxyABCEHKMOPTX]+\\Z")
_APOSTROPHE = re.compile("['\u2019\u02bc]")
_ENDING = re.compile("[A-Za-z]{3,30}[\u0400-\u052f]{1,4}\\Z")
_CYRILLIC_WORD = re.compile("[\u0430-\u045f\u0491]{4}")

PAYLOAD = 8
"""Zero-width characters in a row that spell at least one byte; no script needs more than two."""
SEVERAL = 3
"""Places that are no accident any more: one or two stray characters come with copying."""
SELECTORS = 3
"""Variation selectors in a row; no sequence of Unicode has more than one after a character."""
REPEATED = 8
"""A selector repeated so often after one emoji is still a fault of keyboards, not a payload."""
SHARE = 0.1
"""Share of mixed words above which look-alikes are no slips of a keyboard layout."""
HYPHENATED = 1 / 3
"""Share of the words with soft hyphens above which they are worth saying."""
LIGATURES = {
    left + right
    for left in "fF\u017ftTQcsg"
    for right in "fFiIlLjJtThHbkryuUg\u00e4\u00f6\u00fc\u00c4\u00d6\u00dc\u017f"
}
"""Letters between which a zero-width non-joiner suppresses a ligature, as German compounds need."""
C2PA_MAGIC = b"C2PATXT\0"


class Hits(msgspec.Struct, frozen=True, kw_only=True):
    """Where a row was found in a text."""

    start: int
    """Offset of the first match."""
    count: int
    value: str
    """What stands there, at most 200 characters, hidden ones written as escapes."""
    weak: bool
    """True where there is an innocent reading: a fact, not a claim."""
    facts: dict[str, Any] = {}
    """What it decodes to, and the like."""


def spelled(text: str) -> str:
    """Return a text with all that has no shape written as escapes, at most 200 characters."""
    shown = (
        letter if letter.isprintable() and not _SELECTORS.match(letter) else _escape(letter)
        for letter in text[:SHOWN]
    )
    return "".join(shown)[:SHOWN]


def _escape(character: str) -> str:
    r"""Return a character as `\u200b` or `\U000e0041`."""
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _around(text: str, start: int, end: int) -> str:
    """Return what stands between two offsets with its word, spelled out."""
    before = text[max(0, start - 30) : start]
    before = before[max(before.rfind(" "), before.rfind("\n")) + 1 :]
    after = text[start : min(end, start + 60) + 20].partition("\n")[0]
    return spelled(before + after)


def _first(matches: Iterator[re.Match[str]]) -> list[re.Match[str]]:
    """Return the matches as far as they are looked at."""
    return list(islice(matches, MOST))


def zero_width(text: str) -> Hits | None:
    """Find zero-width characters that spell something or split words.

    A row of eight and more, or three positions inside words of scripts that do not use them, is
    hidden content. Joiners of emoji and of scripts that need them, non-joiners between the letters
    of a ligature and the padding of a mail's preview are no mark; the rest is a fact.
    """
    if not _ZERO_WIDTH.search(text):
        return None
    text = _PADDING.sub(lambda padding: "\n" * len(padding[0]), text)
    payloads: list[re.Match[str]] = []
    splits: list[re.Match[str]] = []
    strays: list[re.Match[str]] = []
    for run in _first(_ZERO_WIDTH.finditer(text)):
        if len(run[0]) >= PAYLOAD:
            (strays if len(set(run[0])) == 1 else payloads).append(run)
        elif (inside := _inside_word(text, run)) is not None:
            (splits if inside else strays).append(run)
    found = payloads or (splits if len(splits) >= SEVERAL else splits + strays)
    if not found:
        return None
    said = payload_of_bits("".join(run[0] for run in payloads))
    return Hits(
        start=found[0].start(),
        count=sum(len(run[0]) for run in found),
        value=_around(text, *found[0].span()),
        weak=not payloads and len(splits) < SEVERAL,
        facts={"decoded": said} if said else {},
    )


def _inside_word(text: str, run: re.Match[str]) -> bool | None:
    """Tell where zero-width characters stand: True inside a word, False astray, None rightly."""
    left, right = text[run.start() - 1 : run.start()], text[run.end() : run.end() + 1]
    if run[0][-1] == "\ufeff" and _SELECTORS.match(right):
        return None  # opens a C2PA wrapper: text_credentials judges it
    if run[0] == "\ufeff" and left and left in "\"'" and left == right:
        return None  # the mark of byte order in the head of an XMP packet
    if run[0] == "\u200c" and left + right in LIGATURES:
        return None
    if _PLAIN.match(left) and _PLAIN.match(right):
        # a break that a page offers inside names of code, aB, splits no word
        return not (left.islower() and right.isupper())
    joiner = run[0].strip("\u200c\u200d") == ""
    if joiner and _CJK.match(left) and _CJK.match(right):
        return True
    return None if _needs_them(left) or _needs_them(right) else False


def _needs_them(neighbour: str) -> bool:
    """Tell whether a neighbour is of a script, or an emoji, that uses zero-width characters."""
    return (
        neighbour > "\u0530" and not neighbour.isspace() and not "\u2000" <= neighbour <= "\u206f"
    )


def payload_of_bits(symbols: str) -> str | None:
    """Return the text that two zero-width characters spell as bits of bytes, or None."""
    kinds = [kind for kind, _ in Counter(symbols).most_common()]
    if len(kinds) != 2:  # zero and one
        return None
    bits = symbols[: SHOWN * 8]
    for zero, one in (sorted(kinds), sorted(kinds, reverse=True)):
        digits = bits.replace(zero, "0").replace(one, "1")
        whole = bytes(int(digits[i : i + 8], 2) for i in range(0, len(digits) - 7, 8))
        if (said := _readable(whole)) is not None:
            return said
    return None


def _readable(data: bytes) -> str | None:
    """Read bytes as text where they are printable, else None."""
    try:
        said = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return said[:SHOWN] if said and said.replace("\n", "").isprintable() else None


def soft_hyphens(text: str) -> Hits | None:
    """Find soft hyphens in more than a third of the words, as typesetting by syllables leaves them.

    Spelling, and a fact: German and Finnish pages and e-books have one in most words.
    """
    words = [word[0] for word in _first(_WORD.finditer(text))]
    split = [word for word in words if "\u00ad" in word]
    if len(split) < SEVERAL or len(split) <= HYPHENATED * len(words):
        return None
    start = text.find("\u00ad")
    return Hits(start=start, count=len(split), value=_around(text, start, start + 1), weak=True)


def tag_characters(text: str) -> Hits | None:
    """Find tag characters outside subdivision flags: they mirror ASCII and are never drawn."""
    runs = [
        run
        for run in _first(_TAGS.finditer(text))
        if not (text[run.start() - 1 : run.start()] == "\U0001f3f4" and run[0][-1] == "\U000e007f")
    ]
    if not runs:
        return None
    letters = "".join(run[0] for run in runs)[:SHOWN]
    said = "".join(chr(ord(tag) - 0xE0000) for tag in letters)
    cut_short = all(text[run.start() - 1 : run.start()] == "\U0001f3f4" for run in runs)
    return Hits(
        start=runs[0].start(),
        count=sum(len(run[0]) for run in runs),
        value=_around(text, *runs[0].span()),
        weak=cut_short or len(letters) < SEVERAL,
        facts={"decoded": spelled(said)},
    )


def bidi(text: str) -> Hits | None:
    """Find directional controls.

    Overrides reverse what is read and are hidden content, but for those that address books put
    around telephone numbers. Other controls are no mark near right-to-left letters, else a fact.
    """
    numbers = {
        number.start()
        for number in _NUMBER.finditer(text)
        if number[0][0] == "\u202d" or _near_rtl(text, number.start())
    }
    overrides, others = [], []
    for control in _first(_BIDI.finditer(text)):
        if control[0] in "\u202d\u202e" and control.start() not in numbers:
            overrides.append(control.start())
        elif not _near_rtl(text, control.start()):
            others.append(control.start())
    found = overrides or others
    if not found:
        return None
    value = _around(text, found[0], found[0] + 1)
    return Hits(start=found[0], count=len(found), value=value, weak=not overrides)


def _near_rtl(text: str, at: int) -> bool:
    """Tell whether right-to-left letters stand near."""
    return bool(_RTL.search(text, max(0, at - 100), at + 100))


def variation_selectors(text: str) -> Hits | None:
    """Find rows of variation selectors, which spell bytes, and selectors on Latin letters."""
    rows: list[re.Match[str]] = []
    lettered: list[re.Match[str]] = []
    stutters: list[re.Match[str]] = []
    for run in _first(_SELECTORS.finditer(text)):
        before = text[run.start() - 1 : run.start()]
        if len(run[0]) >= SELECTORS:
            said = selected(run[0])
            if before == "\ufeff" and said.startswith(C2PA_MAGIC) and len(said) > len(C2PA_MAGIC):
                continue  # a C2PA wrapper: text_credentials judges it
            stutter = len(run[0]) <= REPEATED and set(run[0]) <= {"\ufe0e", "\ufe0f"}
            (stutters if stutter else rows).append(run)
        elif before and _LATIN.match(before):
            lettered.append(run)
    strong = rows or (lettered if len(lettered) >= SEVERAL else [])
    found = strong or lettered or stutters
    if not found:
        return None
    data = b"".join(selected(run[0][: SHOWN * 4]) for run in (strong or []))[: SHOWN * 4]
    return Hits(
        start=found[0].start(),
        count=sum(len(run[0]) for run in found),
        value=_around(text, *found[0].span()),
        weak=not strong,
        facts={"decoded": _readable(data) or data[: SHOWN // 2].hex()} if data else {},
    )


def selected(run: str) -> bytes:
    """Return the bytes that variation selectors stand for (C2PA 2.4, A.8)."""
    return bytes(
        code - 0xFE00 if (code := ord(selector)) < 0xE0100 else code - 0xE0100 + 16
        for selector in run
    )


def homoglyphs(text: str) -> Hits | None:
    """Find words that mix Latin letters with Cyrillic or Greek ones of the same shape.

    One such word is a slip of a keyboard; three Latin words, or a tenth of all words, are not.
    """
    if not _LOOKALIKE.search(text):
        return None
    words = _first(_WORD.finditer(text))
    mixed = [word for word in words if _disguised(word[0]) and not _inflected(text, word)]
    if not mixed:
        return None
    latin = [word for word in mixed if 2 * len(_LATIN.findall(word[0])) >= len(word[0])]
    strong = len(latin) >= SEVERAL or (len(mixed) >= SEVERAL and len(mixed) >= SHARE * len(words))
    first = mixed[0]
    shown = "".join(_escape(c) if _LOOKALIKE.match(c) else c for c in first[0][:40])
    return Hits(start=first.start(), count=len(mixed), value=shown[:SHOWN], weak=not strong)


def _disguised(word: str) -> bool:
    """Tell whether a word mixes scripts and every letter of the one passes for the other.

    Two words that lost the space between them hold letters that pass for nothing, and two letters
    side by side are rather an alphabet than a word. Across an apostrophe scripts may change.
    """
    return any(
        len(part) > 2
        and _LATIN.search(part)
        and _LOOKALIKE.search(part)
        and (_FALSE_LATIN.match(part) or _FALSE_CYRILLIC.match(part))
        for part in _APOSTROPHE.split(word)
    )


def _inflected(text: str, word: re.Match[str]) -> bool:
    """Tell whether a Latin name has a Cyrillic ending among Cyrillic words: iphone\u0430."""
    around = text[max(0, word.start() - 60) : word.start()] + text[word.end() : word.end() + 60]
    return bool(_ENDING.match(word[0]) and _CYRILLIC_WORD.search(around))


def spaces(text: str) -> Hits | None:
    """Find three and more unusual spaces between letters, where no language's spelling has them."""
    return _several(text, _SPACES)


def controls(text: str) -> Hits | None:
    """Find control characters, such as the escape codes of terminals."""
    found = _first(_CONTROLS.finditer(text))
    if not found:
        return None
    value = _around(text, *found[0].span())
    count = sum(len(run[0]) for run in found)
    return Hits(start=found[0].start(), count=count, value=value, weak=True)


def fillers(text: str) -> Hits | None:
    """Find characters that are drawn as nothing between letters of scripts without use of them."""
    return _several(text, _FILLERS)


def styled_letters(text: str) -> Hits | None:
    """Find words in mathematical letters, which look like type and pass by filters and readers."""
    return _several(text, _STYLED)


def _several(text: str, pattern: re.Pattern[str]) -> Hits | None:
    """Return three and more matches of a pattern, as a fact."""
    found = _first(pattern.finditer(text))
    if len(found) < SEVERAL:
        return None
    value = _around(text, *found[0].span())
    return Hits(start=found[0].start(), count=len(found), value=value, weak=True)


SCANS: dict[str, Callable[[str], Hits | None]] = {
    "zero_width": zero_width,
    "soft_hyphens": soft_hyphens,
    "tag_characters": tag_characters,
    "bidi": bidi,
    "variation_selectors": variation_selectors,
    "homoglyphs": homoglyphs,
    "spaces": spaces,
    "controls": controls,
    "fillers": fillers,
    "styled_letters": styled_letters,
}
"""The rules that marks.toml names."""
