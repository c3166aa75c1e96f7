"""The language of a text: by its letters first, then by its function words.

A library that tells a hundred languages takes longer to load than everything else here together;
from 50 words on, which is what a calibration asks for anyway, the commonest words are as sure.
"""

import re
import tomllib
from collections import Counter
from functools import cache
from importlib.resources import files

SCRIPTS = {
    "latin": "a-zA-Z\u00aa\u00b5\u00ba\u00c0-\u024f\u1e00-\u1eff",
    "cyrillic": "\u0400-\u052f",
    "kana": "\u3040-\u30ff",
    "han": "\u3400-\u4dbf\u4e00-\u9fff",
    "arabic": "\u0600-\u06ff\u0750-\u077f",
    "el": "\u0370-\u03ff",
    "he": "\u0590-\u05ff",
    "hy": "\u0530-\u058f",
    "hi": "\u0900-\u097f",
    "bn": "\u0980-\u09ff",
    "pa": "\u0a00-\u0a7f",
    "gu": "\u0a80-\u0aff",
    "ta": "\u0b80-\u0bff",
    "te": "\u0c00-\u0c7f",
    "kn": "\u0c80-\u0cff",
    "ml": "\u0d00-\u0d7f",
    "th": "\u0e00-\u0e7f",
    "ka": "\u10a0-\u10ff",
    "am": "\u1200-\u137f",
    "km": "\u1780-\u17ff",
    "ko": "\uac00-\ud7af\u1100-\u11ff",
}
"""Blocks of Unicode by script; where one language prevails among its users, by that language."""
_PATTERNS = {name: re.compile(f"[{block}]") for name, block in SCRIPTS.items()}
_URDU = re.compile("[\u0679\u0688\u0691\u06ba\u06be\u06c1\u06d2]")
_PERSIAN = re.compile("[\u067e\u0686\u0698\u06af\u06a9\u06cc]")
_WORD = re.compile(r"[^\W\d_]+")
KANA_SHARE = 0.1
"""Share of kana beside han from which on a text is Japanese."""
LEAST = 0.15
"""Share of function words under which a language is not named; prose has 0.25 to 0.5."""
LEAD = 1.2
"""Factor by which the first language has to lead the second."""
LETTERS = 0.02
"""Share of letters of Urdu's or Persian's own among Arabic ones."""


def language(text: str) -> str | None:
    """Return the ISO 639-1 code of the language most of a text is in, None where unsure."""
    scripts = ("latin",) if text.isascii() else tuple(_PATTERNS)
    counts = Counter({name: len(_PATTERNS[name].findall(text)) for name in scripts})
    script, n = counts.most_common(1)[0]
    if not n or 2 * n < counts.total():
        return None
    if script in {"han", "kana"}:
        return "ja" if counts["kana"] > KANA_SHARE * counts["han"] else "zh"
    if script == "arabic":
        return _arabic(text, n)
    return _by_words(text, script) if script in {"latin", "cyrillic"} else script


def _arabic(text: str, n: int) -> str:
    """Return the language of a text in Arabic letters, by letters that the others lack."""
    if len(_URDU.findall(text)) > LETTERS * n:
        return "ur"
    return "fa" if len(_PERSIAN.findall(text)) > LETTERS * n else "ar"


def _by_words(text: str, script: str) -> str | None:
    """Return the language whose function words are most of a text's words."""
    found = Counter(_WORD.findall(text.lower()))
    own = found.keys()
    hits = {
        code: sum(found[word] for word in known & own) for code, known in _known()[script].items()
    }
    (first, most), (_, next_most) = sorted(hits.items(), key=lambda hit: -hit[1])[:2]
    return first if most >= LEAST * found.total() and most >= LEAD * next_most else None


@cache
def _known() -> dict[str, dict[str, frozenset[str]]]:
    """Read the function words: by script, then by language."""
    table = tomllib.loads(
        files("detectors.text_model").joinpath("languages.toml").read_text("utf-8")
    )
    return {
        script: {code: frozenset(line.split()) for code, line in lines.items()}
        for script, lines in table.items()
    }
