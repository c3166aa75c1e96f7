"""How people say in a field for AI systems that there was none, by how the words stand."""

import re
import tomllib
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("denials.toml")
MAX_READ = 2_000
"""Characters of a text that are read; the field names a system."""
LABEL = re.compile(r"\A[\w\s.-]{1,40}[:=]\s*(?=\S)")
"""What may stand before the answer: `AI used: none`."""


def denial(text: str) -> int | None:
    """Return where a text says that no AI was used; None where it does not say so.

    A text without a letter or a digit, such as a dash, says nothing and denies from its start.
    """
    said = re.sub(r"\s", " ", text[:MAX_READ])
    if not any(char.isalnum() for char in said):
        return 0
    answer, sentences = patterns()
    label = LABEL.match(said.strip())
    if answer.fullmatch(said.strip()[label.end() if label else 0 :]):
        return 0
    found = (pattern.search(said) for pattern in sentences)
    return min((hit.start() for hit in found if hit is not None), default=None)


@cache
def patterns() -> tuple[re.Pattern[str], tuple[re.Pattern[str], ...]]:
    """Return the pattern of a whole denial, and those of one in a sentence."""
    table = tomllib.loads(TABLE.read_text("utf-8"))
    no, ai, used, plain, phrases = (
        "|".join(table[name]) for name in ("not", "ai", "used", "plain", "phrases")
    )
    within = (
        rf"\A\s*(?:{plain})(?:\s*[(/;:,.!]|\s+[-\u2013\u2014])",
        rf"(?<![\w-])(?:{no})\s(?:[^.;,]{{0,40}}[\s'\u2019d])?(?:{ai}|{used})\b",
        rf"\b(?:{ai})\b(?:[^.;,]{{0,30}}\s)?(?:{no})(?![\w-])",
        phrases,
    )
    answer = re.compile(rf"(?:{plain}|{no}|false|0)[.!]?", re.IGNORECASE)
    return answer, tuple(re.compile(each, re.IGNORECASE) for each in within)
