"""Which languages are judged and what their scores are worth: always on sources never trained on.

A text is scored by a probe that never saw its source's family (the name up to the hyphen, in any
language), and what is counted of a calibration comes from one without the family too.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median, stdev

import msgspec

from detectors.errors import ConfigError
from detectors.models.calibration import Calibration
from detectors.models.report import AssessedItem, PathReport, left_out, limit, supported
from detectors.models.statistics import auroc_interval
from detectors.storing.atomic import atomic_write, write_json
from detectors.text_model.normalise import normalise, words
from detectors.text_model.training.measure import ScoredText, fitted, scenes
from detectors.text_model.training.records import Labelled, family, read, splits_of
from provenance_languages.config import Config, Why, load_config, save_config
from provenance_languages.probe import load
from provenance_languages.training.card import WORDS, Measured, counted, measured, page
from provenance_languages.training.readings import readings
from provenance_languages.training.train import fit, usable

RANKS = 0.7
"""Lower end of the AUROC's interval that a language needs."""
TEN = 1.0
"""log10 LR that a language has to support, and from which on a human text counts as accused."""
MOST = 0.02
"""Largest share of accused human texts in any group of 100 and more; a group of 30 to 99 may have
one text more."""
SMALL, LARGE = 30, 100
MARGIN = 0.5
"""Standard deviations between sources by which human texts count as higher than they scored, where
a calibration is made: the next source may lie that much off, and its texts shall not be accused."""
OF_A_SPREAD = 20
"""Human texts of a family that tell where it lies."""


def calibrate(
    data: Path,
    model: Path,
    splits: tuple[str, ...],
    say: Callable[[str], None],
    threshold: float = 0.0,
) -> list[PathReport]:
    """Write into config.json the calibrations of the languages that may be judged.

    Args:
        data: labelled texts, with those that the probe was trained on.
        model: folder of a trained probe.
        splits: what to calibrate on; empty: what it was trained on.
        say: told of progress.
        threshold: the likelihood ratio that the sample has to support.

    Returns:
        What the calibrations are worth.

    Raises:
        ConfigError: data or model cannot be used, or no language supports the threshold.
    """
    known = load_config(model)
    cases = held_out(data, known, model, splits, say)
    command = f"provenance calibrate text_languages --data {data.name} --model {model.name}"
    made: dict[str, Calibration] = {}
    silent = {code: why for code, why in known.silent.items() if code not in known.languages}
    for code in known.languages:
        mine = [case for case in cases if case.text.language == code]
        found = judged(mine, command)
        if isinstance(found, Calibration):
            made[code] = found
        else:
            silent[code] = found
        say(f"{code}: {found if code in silent else 'judged'}")
    if not made:
        lacks = ", ".join(f"{code} ({WORDS[why]})" for code, why in silent.items())
        raise ConfigError(f"{data}: no language can be judged: {lacks}. Nothing was written")
    supported(threshold, {code: one.negatives for code, one in made.items()})
    save_config(model, msgspec.structs.replace(known, calibrations=made, silent=silent))
    return [_report(cases, made)]


def evaluate(data: Path, model: Path, splits: tuple[str, ...], say: Callable[[str], None]) -> None:
    """Write metrics.json and card.md into the model's folder.

    Args:
        data: labelled texts, with those that the probe was trained on.
        model: folder of a calibrated probe.
        splits: what to assess; empty: what it was trained on.
        say: told of progress.

    Raises:
        ConfigError: data or model cannot be used.
    """
    known = load_config(model)
    cases = held_out(data, known, model, splits, say)
    command = f"provenance evaluate text_languages --data {data.name} --model {model.name}"
    texts = usable(read(data, splits or known.splits))
    figures = [_measured(code, cases, known) for code in known.languages]
    figures += [counted(code, texts, known) for code in known.silent if code not in known.languages]
    figures.sort(key=lambda one: one.language)
    metrics = {"command": command, "trained": known.command, "languages": figures}
    write_json(model / "metrics.json", metrics)
    atomic_write(model / "card.md", page(known, figures, command).encode())
    say(f"{len(figures)} languages: {model / 'card.md'}")


def held_out(
    data: Path, known: Config, model: Path, splits: tuple[str, ...], say: Callable[[str], None]
) -> list[ScoredText]:
    """Return the texts with scores by probes that never saw their family."""
    every = [t for t in usable(read(data, splits_of(data))) if t.language in known.languages]
    chosen = {text.id for text in read(data, splits or known.splits)}
    read_as = readings(every, say)
    trained_on = [text for text in every if text.source in known.sources]
    folds: defaultdict[str, list[Labelled]] = defaultdict(list)
    for text in every:
        if text.id in chosen:
            folds[text.family].append(text)
    families = {family(source) for source in known.sources}
    cases, shipped = [], load(model)
    for fold, texts in sorted(folds.items()):
        say(f"training without {fold}")
        rest = [text for text in trained_on if text.family != fold]
        probe = fit(rest, read_as, known.languages, shipped) if fold in families else shipped
        for text in texts:
            n = words(normalise(text.text))
            score = probe.score(read_as[text.id], known.languages.index(text.language), n)
            cases.append(ScoredText(text=text, score=score, words=n, language=text.language))
    return cases


def judged(cases: Sequence[ScoredText], command: str) -> Calibration | Why:
    """Return the calibration of a language's texts, or what the language lacks."""
    ranks = auroc_interval([c.score for c in cases], [c.text.ai for c in cases], rounds=200)
    if ranks is None or ranks[0] < RANKS:
        return "ranking"
    made = calibrated(cases, command)
    if min(made.knots[-1][1], made.cap) < TEN:
        return "ratio"
    return "accused" if too_many(cases, ratios(cases)) else made


def calibrated(cases: Sequence[ScoredText], command: str) -> Calibration:
    """Return the calibration of a language's texts, human ones raised by the margin."""
    scores: defaultdict[str, list[float]] = defaultdict(list)
    for case in cases:
        if not case.text.ai:
            scores[case.text.family].append(case.score)
    middles = [median(own) for own in scores.values() if len(own) >= OF_A_SPREAD]
    margin = MARGIN * stdev(middles) if len(middles) > 1 else 0.0
    raised = [
        case if case.text.ai else msgspec.structs.replace(case, score=case.score + margin)
        for case in cases
    ]
    return fitted(raised, command)


def _report(cases: Sequence[ScoredText], made: Mapping[str, Calibration]) -> PathReport:
    """Return what the calibrations are worth, every ratio by one without the text's family."""
    rows, limits = [], []
    for code in sorted({case.text.language for case in cases}):
        mine = [case for case in cases if case.text.language == code]
        found = ratios(mine) if code in made else [None] * len(mine)
        rows += [_row(case, code in made, ratio) for case, ratio in zip(mine, found, strict=True)]
        if code in made:
            limits.append(limit(code, made[code], "source"))
    return PathReport(path="full", limits=tuple(limits), rows=tuple(rows))


def _row(case: ScoredText, assessed: bool, ratio: float | None) -> AssessedItem:
    """Return a text as the report counts it."""
    text = case.text
    return AssessedItem(
        ai=text.ai,
        assessed=assessed,
        log10_lr=ratio,
        source=text.source,
        scene=text.author,
        groups=(("domain", text.domain), ("language", text.language), ("length", case.length)),
    )


def ratios(cases: Sequence[ScoredText]) -> list[float | None]:
    """Return the log10 LR of each text of a language by a calibration without its family."""
    found, _ = left_out(
        [case.text.ai for case in cases],
        [case.score for case in cases],
        [case.text.family for case in cases],
        scenes(cases),
        lambda rest: calibrated([cases[at] for at in rest], ""),
    )
    return found


def too_many(cases: Sequence[ScoredText], found: Sequence[float | None]) -> list[str]:
    """Return the groups of human texts of which too many are accused."""
    groups: defaultdict[str, list[bool]] = defaultdict(list)
    for case, ratio in zip(cases, found, strict=True):
        for name in () if case.text.ai else case.groups:
            groups[name].append(ratio is not None and ratio >= TEN)
    return [
        name
        for name, hits in sorted(groups.items())
        if len(hits) >= SMALL and sum(hits) > MOST * len(hits) + (len(hits) < LARGE)
    ]


def _measured(code: str, cases: Sequence[ScoredText], known: Config) -> Measured:
    """Return the figures of a language."""
    mine = [case for case in cases if case.text.language == code]
    return measured(code, mine, ratios(mine), known)
