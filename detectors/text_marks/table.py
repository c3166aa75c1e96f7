"""The table of marks: `marks.toml`, and in `languages.toml` how models speak in other languages."""

import tomllib
from importlib.resources import files
from typing import Any

import msgspec

from detectors.signal import Claim

UNMEASURED = 0.6
"""log10 ratio of a sentence that is known in a language of which no texts were counted: half of
what the counted ones of English have."""
_MARKS = "!,.\uff01\uff0c\u3002\u3001~:"
_STOPS = ":\uff1a\n.!?\u3002\uff01\uff1f"


class Mark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row."""

    id: str
    family: str
    claim: Claim | None = None
    """What a match claims that is no talk about the mark and has no innocent reading."""
    pattern: str | None = None
    scan: str | None = None
    """A function of hidden.py, where a pattern is not enough."""
    speech: bool = False
    """A sentence in which a model speaks: one that is reported is talk, whatever surrounds it."""
    opening: bool = False
    """Only looked for where the text begins."""
    markup: bool = False
    """Looked for in the source of a page, not in what its reader sees."""
    needles: tuple[str, ...] = ()
    """Lower case; the row is only searched where the text has one of them."""
    log10_lr: float | None = None
    """log10(share of models / 95 % upper bound of the share of people); null: not measured."""
    human: tuple[int, int] | None = None
    """Texts by people with the mark, and all."""
    ai: tuple[int, int] | None = None
    """Texts by models with the mark, and all."""
    reason: str | None = None
    """The sentence's code behind `text_marks.`, where rows share one; else the id."""
    source: str | None = None
    """Who writes or publishes it."""
    note: str = ""


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a model speaks of itself and hands its work over, in one language."""

    name: str
    self: str
    """Regular expression of: as a language model, I."""
    needles: tuple[str, ...]
    yes: str | None = None
    """Alternatives of the word that a hand-over begins with."""
    here: str | None = None
    """Alternatives of: here is."""
    work: str | None = None
    """Alternatives of what is handed over: a version, a draft, a summary."""
    human: int | None = None
    """Texts by people in this language in which neither was found; none: not counted."""


def marks() -> list[Mark]:
    """Return all rows, those of languages behind the others of their family."""
    here = files("detectors.text_marks")
    table = tomllib.loads(here.joinpath("marks.toml").read_text("utf-8"))
    spoken = tomllib.loads(here.joinpath("languages.toml").read_text("utf-8"))
    rows = msgspec.convert(table["mark"], list[Mark])
    for code, said in spoken.items():
        rows += _rows(code, msgspec.convert(said, Words))
    return rows


def _rows(code: str, words: Words) -> list[Mark]:
    """Return the rows of a language."""
    shared: dict[str, Any] = {
        "claim": Claim.AI_GENERATED,
        "log10_lr": UNMEASURED,
        "human": (0, words.human) if words.human else None,
        "source": f"how chat assistants say it in {words.name}",
        "note": words.name,
    }
    own = Mark(
        id=f"residue.assistant_phrase.{code}",
        family="residue.assistant_phrase",
        pattern=words.self.replace(" ", r"\ "),
        speech=True,
        needles=words.needles,
        reason="residue.assistant_phrase",
        **shared,
    )
    if words.yes is None:
        return [own]
    pattern = (
        rf"\s{{0,20}}[\xa1]?(?:{words.yes})\s?[{_MARKS}]{{1,2}}\s{{0,3}}(?:{words.here})"
        rf"[^{_STOPS}]{{0,160}}?(?:{words.work})[^{_STOPS}]{{0,160}}[:\uff1a]"
    )
    over = Mark(
        id=f"residue.preamble.{code}",
        family="residue.preamble",
        pattern=pattern.replace(" ", r"\ "),
        opening=True,
        reason="residue.preamble",
        **shared,
    )
    return [own, over]
