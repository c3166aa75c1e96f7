"""The figures of a model and the page that shows them, both written by `evaluate`."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from detectors.models.calibration import Calibration
from detectors.models.language_model.forward import LONGEST
from detectors.models.statistics import auroc, auroc_interval, wilson
from detectors.text_model.config import PATHS, Config
from detectors.text_model.long.windows import LONG_FROM
from detectors.text_model.training.train import DAMPING, MOST_READ, PARTS, PEOPLE

if TYPE_CHECKING:
    from detectors.text_model.training.measure import ScoredText

ACCUSED = 1.0
"""log10 LR from on which a human text counts as accused and an AI text as caught."""
SHOWN = 50
"""Texts of the smallest group that is shown."""
ROUNDS = 200
"""Rounds of the bootstrap."""
LENGTHS = ("up to 50 words", "51 to 150 words", "151 to 300 words", "over 300 words")


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """How well a score orders a group of texts."""

    name: str
    human: int
    ai: int
    auroc: float | None
    interval: tuple[float, float] | None
    """95 %, bootstrap."""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """How many texts of a group reach log10 LR 1."""

    name: str
    reached: int
    texts: int
    interval: tuple[float, float]
    """95 %, Wilson."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """metrics.json."""

    command: str
    trained: str
    """The command that trained the model."""
    texts: int
    judged: int
    """Texts long enough and in a calibrated language."""
    rankings: list[Ranking]
    """All, English, by length, by language."""
    sources: list[Ranking]
    """Ranking of each source: its family left out of training."""
    accused: list[Share]
    """Human texts by group: false accusations."""
    caught: list[Share]
    """AI texts by length and by generator."""
    fast: "Figures | None" = None
    """Figures of the same texts on the fast path alone."""


def figures(
    rows: Sequence[tuple["ScoredText", float | None]], known: Config, command: str
) -> Figures:
    """Return the figures of out-of-source scores and ratios.

    Args:
        rows: the texts with their log10 LR, None where one is not assessed.
        known: the model's configuration.
        command: what makes these figures.
    """
    cases = [case for case, _ in rows]
    humans = [row for row in rows if not row[0].text.ai]
    models = [row for row in rows if row[0].text.ai]
    return Figures(
        command=command,
        trained=known.command,
        texts=len(cases),
        judged=sum(ratio is not None for _, ratio in rows),
        rankings=_rankings(cases),
        sources=_by(cases, lambda case: case.text.source),
        accused=_shares(humans, lambda case: ("all human texts", *case.groups)),
        caught=_shares(models, _kinds),
    )


def _kinds(case: "ScoredText") -> tuple[str, ...]:
    """Return the groups of AI texts that are shown."""
    tongue = f"language {case.text.language}"
    return (
        "all AI texts",
        tongue,
        f"{tongue}, {case.length}",
        f"generator {case.text.generator}",
    )


def _rankings(cases: Sequence["ScoredText"]) -> list[Ranking]:
    """Return the rankings of all texts, of English ones by length, and by language."""
    english = [case for case in cases if case.text.language == "en"]
    lengths = {name: [case for case in english if case.length == name] for name in LENGTHS}
    return [
        _ranking("all", cases),
        _ranking("English", english),
        _ranking("English, over 50 words", [case for case in english if case.words > 50]),
        _ranking("English, over 150 words", [case for case in english if case.words > 150]),
        *[_ranking(f"English, {name}", lengths[name]) for name in LENGTHS],
        *_by(cases, lambda case: f"language {case.text.language}"),
    ]


def _by(cases: Sequence["ScoredText"], key: "Callable[[ScoredText], str]") -> list[Ranking]:
    """Return one ranking a group, by name."""
    groups: defaultdict[str, list[ScoredText]] = defaultdict(list)
    for case in cases:
        groups[key(case)].append(case)
    return [_ranking(name, groups[name]) for name in sorted(groups)]


def _ranking(name: str, cases: Sequence["ScoredText"]) -> Ranking:
    """Return how well the score orders these texts."""
    scores, labels = [case.score for case in cases], [case.text.ai for case in cases]
    area = auroc(scores, labels)
    ends = auroc_interval(scores, labels, rounds=ROUNDS)
    return Ranking(
        name=name,
        human=len(labels) - sum(labels),
        ai=sum(labels),
        auroc=None if area is None else round(area, 3),
        interval=None if ends is None else (round(ends[0], 3), round(ends[1], 3)),
    )


def _shares(
    rows: Sequence[tuple["ScoredText", float | None]],
    names: "Callable[[ScoredText], tuple[str, ...]]",
) -> list[Share]:
    """Return the share of each group of 50 and more that reaches log10 LR 1, the largest first."""
    groups: defaultdict[str, list[bool]] = defaultdict(list)
    for case, ratio in rows:
        for name in names(case):
            groups[name].append(ratio is not None and ratio >= ACCUSED)
    shown = {name: group for name, group in groups.items() if len(group) >= SHOWN}
    order = sorted(shown, key=lambda name: (-sum(shown[name]) / len(shown[name]), name))
    return [_share(name, sum(shown[name]), len(shown[name])) for name in order]


def _share(name: str, reached: int, texts: int) -> Share:
    """Return a share with its interval."""
    low, high = wilson(reached, texts)
    return Share(name=name, reached=reached, texts=texts, interval=(round(low, 4), round(high, 4)))


def page(figures: Figures, known: Config) -> str:
    """Return the card: Markdown, made of the figures alone."""
    learnt = ", ".join(known.sources)
    fast = "" if figures.fast is None else f"\n# The fast path alone\n{_results(figures.fast)}"
    return f"""# Card of the text model ({known.format})

Tells how much likelier a text's wording is from a model than from a person. The full path reads
texts in the languages {", ".join(known.languages)}: a linear probe on the middle of a frozen
language model (SmolLM2-135M; texts of more than {LONG_FROM} words {LONGEST} tokens at a time to
their end), and beside it, for the rare extremes, the fast path: hashed n-grams of characters and
words and style in numbers, logistic regression, no language model. The full score of a text of n
words is taken times sqrt(n / (n + {DAMPING})). Other languages, and every text under `--fast`, take
the fast path alone, which has its own calibration.

- Judged from {known.minimum_words} words on. Languages on the full path: {_tongues(known.full)}; on
  the fast path: {_tongues(known.fast)}. Every text is scored.
- Learnt from: {learnt}. The probe learnt from {known.texts_read} texts of these: the language model
  reads at most {MOST_READ} texts, the same number by each generator of a source and domain, and
  {PEOPLE} times as many by people; the n-grams learn from all.
- `{figures.trained}`
- `{figures.command}`

Every figure is for sources the scoring model never saw: of a source in the list above, texts are
scored by a model of the same recipe without that source's family (the name up to the hyphen), and
log10 likelihood ratios come from calibrations without it; families are left out in {PARTS} parts.
Of English texts those count that are read. {figures.texts} texts, {figures.judged} of them judged.
Intervals are 95 %.

## Calibration
{_calibrations(known)}

{_results(figures)}

## Limits
- Wording is no authorship. Formal, tidy prose (company reports, encyclopaedias, essay sites) looks
  like a model's; its groups bound what is said of every text.
- Texts that a model rewrote from a person's count as AI here and are the hardest to find.
- Labels are the sources'. Most human texts are from before 2022; people who write with an assistant
  today are in no source.
- Texts of the ELLIPSE corpus (learners of English) judge the model and never train it: their
  licence (CC BY-NC-SA) forbids it. Some other sources state no licence; the weights hold one number
  for each bucket of hashes and each of the probe, and no text.
{fast}"""


def _tongues(calibrations: Mapping[str, Calibration]) -> str:
    """Return the languages that are assessed."""
    return ", ".join(sorted(calibrations)) or "none: run `provenance calibrate text_model`"


def _results(figures: Figures) -> str:
    """Return the tables of a path's figures."""
    return f"""## Ranking (AUROC)
{_table(figures.rankings)}

## Ranking by source, its family left out
{_table(figures.sources)}

## False accusations: human texts at log10 LR 1 and more
{_counts(figures.accused)}

## Caught: AI texts at log10 LR 1 and more
{_counts(figures.caught)}
"""


def _calibrations(known: Config) -> str:
    """Return a table of the calibrations."""
    rows = [
        f"| {code}, {way} | {c.negatives} | {c.positives} | {c.floor} | {c.cap} | {len(c.groups)} |"
        for way in PATHS
        for code, c in sorted(known.calibrations(way).items())
    ]
    head = "| scores | independent human | independent AI | least | most | bounding groups |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


def _table(rankings: Sequence[Ranking]) -> str:
    """Return a table of rankings."""
    rows = [
        f"| {r.name} | {r.human} | {r.ai} | {_number(r.auroc)} | {_ends(r.interval)} |"
        for r in rankings
    ]
    return "\n".join(["| texts | human | AI | AUROC | interval |", "|---|---|---|---|---|", *rows])


def _counts(shares: Sequence[Share]) -> str:
    """Return a table of shares."""
    rows = [
        f"| {s.name} | {s.reached} of {s.texts} | {s.reached / s.texts:.3f} | {ends} |"
        for s in shares
        for ends in [_ends(s.interval)]
    ]
    return "\n".join(["| group | texts | share | interval |", "|---|---|---|---|", *rows])


def _number(value: float | None) -> str:
    """Return an AUROC, or a dash where a class is missing."""
    return "-" if value is None else f"{value:.3f}"


def _ends(interval: tuple[float, float] | None) -> str:
    """Return an interval, or a dash."""
    return "-" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"
