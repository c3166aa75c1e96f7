"""The figures of each language and the page that shows them, both written by `evaluate`."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from detectors.models.statistics import auroc, auroc_interval, wilson
from provenance_languages.config import Config, Why

if TYPE_CHECKING:
    from detectors.text_model.training.measure import ScoredText
    from detectors.text_model.training.records import Labelled

TEN = 1.0
"""log10 LR from which on a human text counts as accused and an AI text as caught."""
ROUNDS = 200
"""Rounds of the bootstrap."""
WORDS: dict[Why, str] = {
    "sources": "too few sources of human texts",
    "generators": "too few generators",
    "ranking": "not ranked surely enough",
    "ratio": "supports no ratio of 10",
    "accused": "too many accused in a group left out",
}


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """How many texts of a group reach a ratio of 10."""

    name: str
    reached: int
    texts: int
    interval: tuple[float, float]
    """95 %, Wilson."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a language, its texts scored and judged without their families."""

    language: str
    human: int
    ai: int
    generators: int
    auroc: float | None
    interval: tuple[float, float] | None
    """95 %, bootstrap over texts."""
    judged: bool
    why: Why | None
    """What it lacks, where it is not judged."""
    negatives: int
    """Independent human texts of the calibration; 0 where there is none."""
    positives: int
    accused: tuple[Share, ...]
    """Human texts, all, by source and by length, that are accused, or would be if the language were
    judged; none where it was not trained on."""
    caught: tuple[Share, ...]
    """AI texts, all, by source and by generator."""


def measured(
    code: str,
    cases: Sequence["ScoredText"],
    ratios: Sequence[float | None],
    known: Config,
) -> Measured:
    """Return the figures of a language.

    Args:
        code: of the language.
        cases: its texts.
        ratios: log10 LR of each by a calibration without its family; None: there is none.
        known: the probe's configuration.
    """
    scores, labels = [case.score for case in cases], [case.text.ai for case in cases]
    area, ends = auroc(scores, labels), auroc_interval(scores, labels, rounds=ROUNDS)
    made = known.calibrations.get(code)
    rows = list(zip(cases, ratios, strict=True))
    return Measured(
        language=code,
        human=labels.count(False),
        ai=labels.count(True),
        generators=len({case.text.generator for case in cases if case.text.ai}),
        auroc=None if area is None else round(area, 3),
        interval=None if ends is None else (round(ends[0], 3), round(ends[1], 3)),
        judged=made is not None,
        why=known.silent.get(code),
        negatives=made.negatives if made else 0,
        positives=made.positives if made else 0,
        accused=_shares([row for row in rows if not row[0].text.ai]),
        caught=_shares([row for row in rows if row[0].text.ai]),
    )


def counted(code: str, texts: Sequence["Labelled"], known: Config) -> Measured:
    """Return the numbers of a language that lacks sources or generators: nothing else is known."""
    mine = [text for text in texts if text.language == code]
    labels = [text.ai for text in mine]
    return Measured(
        language=code,
        human=labels.count(False),
        ai=labels.count(True),
        generators=len({text.generator for text in mine if text.ai}),
        auroc=None,
        interval=None,
        judged=False,
        why=known.silent[code],
        negatives=0,
        positives=0,
        accused=(),
        caught=(),
    )


def _shares(rows: Sequence[tuple["ScoredText", float | None]]) -> tuple[Share, ...]:
    """Return the share of all, of each source and of each generator that reaches a ratio of 10."""
    groups: defaultdict[str, list[bool]] = defaultdict(list)
    for case, ratio in rows:
        text = case.text
        names = {"all", f"{text.source} / {text.domain}"}
        for name in names | ({f"generator {text.generator}"} if text.ai else {case.length}):
            groups[name].append(ratio is not None and ratio >= TEN)
    return tuple(_share(name, groups[name]) for name in sorted(groups))


def _share(name: str, hits: Sequence[bool]) -> Share:
    """Return a share with its interval."""
    low, high = wilson(sum(hits), len(hits))
    ends = (round(low, 4), round(high, 4))
    return Share(name=name, reached=sum(hits), texts=len(hits), interval=ends)


def page(known: Config, figures: Sequence[Measured], command: str) -> str:
    """Return the card: Markdown, made of the figures alone."""
    judged = ", ".join(one.language for one in figures if one.judged) or "none"
    silent = ", ".join(one.language for one in figures if not one.judged) or "none"
    return f"""# Card of the model of languages ({known.format})

Tells how much likelier a text's wording is from a model than from a person, in languages that the
built-in text model does not read: a linear probe on the means over the first 256 tokens after
blocks 3, 6, 9 and 12 of a frozen encoder (multilingual-e5-small, 4 bits), each less the centre of
its language.

- Judged from {known.minimum_words} words on: {judged}. Not judged: {silent}.
- Trained on {known.texts} texts of {len(known.sources)} sources (`sources.tsv`).
- `{known.command}`
- `{command}`

Every figure is for sources that the scoring probe never saw: a text is scored by a probe without
its source's family (the name up to the hyphen, in all languages at once), and ratios come from
calibrations without it. Intervals are 95 %.

{tables(figures)}
## Limits
- Wording is no authorship. Kinds of writing that no source here has may read like a model's.
- Most AI texts are answers to requests; a text that a model rewrote from a person's is harder to
  find, and few are here.
- Human texts are from before November 2022, except one collection of French essays; many are
  translations or technical prose, few are posts.
- Of a text its first 256 tokens are read, some 170 words.
"""


def tables(figures: Sequence[Measured]) -> str:
    """Return the tables of the figures."""
    rows = "\n".join(_row(one) for one in figures)
    details = "\n".join(_details(one) for one in figures if one.accused)
    return f"""## Languages
| language | human | AI | generators | AUROC | caught at a ratio of 10 | accused | judged |
|---|---|---|---|---|---|---|---|
{rows}

Where a language is not judged, its shares are those that would be caught and accused.

{details}"""


def _row(one: Measured) -> str:
    """Return a language's row."""
    rank = "-"
    if one.auroc is not None and one.interval is not None:
        rank = f"{one.auroc:.3f} [{one.interval[0]:.3f}, {one.interval[1]:.3f}]"
    counts = [_all(one.caught), _all(one.accused)]
    verdict = "yes" if one.judged else f"no: {WORDS[one.why]}" if one.why else "no"
    cells = [one.language, one.human, one.ai, one.generators, rank, *counts, verdict]
    return f"| {' | '.join(map(str, cells))} |"


def _all(shares: Sequence[Share]) -> str:
    """Return the share of all texts, or a dash."""
    return next((_said(share) for share in shares if share.name == "all"), "-")


def _said(share: Share) -> str:
    """Return a share with its numbers and interval."""
    part, (low, high) = share.reached / share.texts, share.interval
    return f"{share.reached} of {share.texts} ({part:.3f} [{low:.3f}, {high:.3f}])"


def _details(one: Measured) -> str:
    """Return the groups of a language that is judged."""
    parts = []
    for what, shares in (("human texts accused", one.accused), ("AI texts caught", one.caught)):
        rows = "\n".join(f"| {s.name} | {_said(s)} |" for s in shares)
        parts.append(f"| {one.language}: {what} | at a ratio of 10 and more |\n|---|---|\n{rows}\n")
    return "\n".join(parts)
