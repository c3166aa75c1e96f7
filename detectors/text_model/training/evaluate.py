"""What a text model's scores are worth, and how it does: always on sources it was never trained on.

Texts of a source the model was trained on are scored by a model of the same recipe and texts that
never saw the source's family. Ratios in the figures come from calibrations that never saw the
family either, so that a figure is what a new source would meet. Families are left out in twelve
parts, several small ones at once: a model for each would take hours and have seen more.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from detectors.errors import ConfigError
from detectors.models.calibration import Calibration
from detectors.models.report import PathReport, supported
from detectors.models.statistics import auroc_interval
from detectors.storing.atomic import atomic_write, write_json
from detectors.text_model import config
from detectors.text_model.config import PATHS, Config
from detectors.text_model.forward import Seen, Weights, load
from detectors.text_model.language import language
from detectors.text_model.normalise import normalise, words
from detectors.text_model.training import card, mixed
from detectors.text_model.training.measure import LEAST, ScoredText, fitted, path_report
from detectors.text_model.training.records import Labelled, family, read, splits_of
from detectors.text_model.training.train import PARTS, drawn, fit, look, may_train

FAMILIES = 2
"""Families of sources with human texts that a language needs: one tells nothing of the next."""
RANKS = 0.7
"""Lower end of the AUROC's interval that a language needs."""


def calibrate(
    data: Path,
    model: Path,
    splits: tuple[str, ...],
    say: Callable[[str], None],
    threshold: float = 0.0,
) -> list[PathReport]:
    """Write the calibrations of the languages that allow one into the model's config.json.

    Args:
        data: labelled texts, with those the model was trained on.
        model: folder of a trained model.
        splits: what to calibrate on; empty: all there are.
        say: told of progress.
        threshold: the likelihood ratio that the sample has to support; 0: whatever it does.

    Returns:
        What the calibrations are worth, by path.

    Raises:
        ConfigError: data or model cannot be used, or no language supports the threshold.
    """
    known = config.load_config(model)
    chosen = "".join(f" --split {split}" for split in splits)
    command = f"provenance calibrate text_model --data {data.name} --model {model.name}{chosen}"
    chosen_splits = splits or splits_of(data)
    seen: dict[str, Seen] = {}
    cases = held_out(data, model, chosen_splits, say, seen)
    made = {path: calibrations(cases[path], known, command) for path in PATHS}
    rested = {
        f"{code}, {path} path": one.negatives
        for path in PATHS
        for code, one in sorted(made[path].items())
    }
    for name, negatives in rested.items():
        say(f"{name}: {negatives} independent human texts")
    supported(threshold, rested)
    ways = [path_report(path, cases[path], made[path], known.minimum_words) for path in PATHS]
    judges = _judges(data, model, chosen_splits, seen, say)
    sample = [
        (mixed.long_texts([t for t in texts if seen[t.id].reading is not None], known, say), judge)
        for texts, judge in judges
    ]
    passages = mixed.calibrations(sample, known, command, say)
    fresh = msgspec.structs.replace(known, full=made["full"], fast=made["fast"], passages=passages)
    config.save_config(model, fresh)
    return ways


def evaluate(data: Path, model: Path, splits: tuple[str, ...], say: Callable[[str], None]) -> None:
    """Write metrics.json and card.md into the model's folder.

    Args:
        data: labelled texts, as `records.read` takes them, with those the model was trained on.
        model: folder of a trained model.
        splits: what to assess; empty: `dev`.
        say: told of progress.

    Raises:
        ConfigError: data or model cannot be used.
    """
    known, splits = config.load_config(model), splits or ("dev",)
    chosen = "".join(f" --split {split}" for split in splits)
    command = f"provenance evaluate text_model --data {data.name} --model {model.name}{chosen}"
    cases = held_out(data, model, splits, say, {})
    fast = assessed(cases["fast"], known)
    full = assessed(cases["full"], known)
    unread = [row for row in fast if row[0].language not in known.languages]
    metrics = msgspec.structs.replace(
        card.figures([*full, *unread], known, command),
        fast=card.figures(fast, known, command),
    )
    write_json(model / "metrics.json", metrics)
    atomic_write(model / "card.md", card.page(metrics, known).encode())
    say(f"judged on {len(fast)} texts: {model / 'card.md'}")


def held_out(
    data: Path,
    model: Path,
    splits: tuple[str, ...],
    say: Callable[[str], None],
    seen: dict[str, Seen],
) -> dict[config.ScoringPath, list[ScoredText]]:
    """Return the texts of some splits with scores by models that never saw their family.

    Args:
        data: labelled texts.
        model: folder of a trained model.
        splits: what to judge.
        say: told of progress.
        seen: receives what the model sees of these texts and of those it was trained on.

    Returns:
        By path: every text on the fast one, those that the language model reads on the full one.
    """
    known, texts = config.load_config(model), read(data, splits)
    say(f"reading {len(texts)} texts")
    seen |= look(texts, known, say, drawn(texts))
    learnt = {family(source) for source in known.sources}
    folds = parts([text for text in texts if text.family in learnt])
    lessons = _lessons(data, known, seen, say) if folds else []
    shipped = load(model)
    judges = dict.fromkeys((text.family for text in texts), shipped)
    for fold in folds:
        say(f"training without {', '.join(sorted(fold))}")
        rest = [text for text in lessons if text.family not in fold]
        judges |= dict.fromkeys(fold, fit(rest, seen, known, shipped))
    cases: dict[config.ScoringPath, list[ScoredText]] = {"full": [], "fast": []}
    for text in texts:
        one, own = seen[text.id], normalise(text.text)
        for path in PATHS if one.reading is not None else PATHS[1:]:
            score = judges[text.family].score(one, path)
            case = ScoredText(text=text, score=score, words=words(own), language=language(own))
            cases[path].append(case)
    return cases


def parts(texts: Sequence[Labelled]) -> list[set[str]]:
    """Return the families of texts in twelve parts of like size, or as many as there are."""
    sizes = Counter(text.family for text in texts)
    found: list[set[str]] = [set() for _ in range(min(PARTS, len(sizes)))]
    for name, _ in sorted(sizes.items(), key=lambda size: (-size[1], size[0])):
        min(found, key=lambda part: sum(sizes[one] for one in part)).add(name)
    return found


def _judges(
    data: Path,
    model: Path,
    splits: tuple[str, ...],
    seen: dict[str, Seen],
    say: Callable[[str], None],
) -> list[tuple[list[Labelled], Weights]]:
    """Return the texts of each split with weights that were trained on no family of that split.

    A text into which another one is put is of two families, so whole splits are left out at once.
    A split without which nothing is left to learn from judges nothing.
    """
    known, found = config.load_config(model), []
    lessons = _lessons(data, known, seen, say) if set(splits) & set(known.splits) else []
    for split in splits:
        texts = read(data, (split,))
        if split not in known.splits:
            found.append((texts, load(model)))
            continue
        families = {text.family for text in texts}
        rest = [text for text in lessons if text.family not in families]
        if len({text.ai for text in rest}) > 1:
            say(f"training without {split}")
            found.append((texts, fit(rest, seen, known)))
    return found


def _lessons(
    data: Path, known: Config, seen: dict[str, Seen], say: Callable[[str], None]
) -> list[Labelled]:
    """Return the texts the model was trained on, and see those not seen yet.

    Raises:
        ConfigError: they are not among the data.
    """
    if missing := [split for split in known.splits if split not in splits_of(data)]:
        raise ConfigError(
            f"{data}: the model learnt from sources that are judged here, and to leave them out it"
            f" has to learn anew; the split it learnt from is missing: {', '.join(missing)}"
        )
    every = read(data, known.splits)
    texts = [text for text in every if may_train(text)]
    seen |= look([text for text in texts if text.id not in seen], known, say, drawn(every))
    return texts


def calibrations(
    cases: Sequence[ScoredText], known: Config, command: str
) -> dict[str, Calibration]:
    """Return the calibration of each language whose texts allow one.

    Texts count that are long enough to be assessed. A language needs 100 independent texts of
    either label, human ones of two families, and a ranking that is surely better than chance.
    """
    made: dict[str, Calibration] = {}
    for code in sorted({case.language for case in cases if case.language}):
        mine = [c for c in cases if c.language == code and c.words >= known.minimum_words]
        scores, labels = [case.score for case in mine], [case.text.ai for case in mine]
        homes = {case.text.family for case in mine if not case.text.ai}
        ranks = auroc_interval(scores, labels, rounds=200)
        if len(homes) < FAMILIES or ranks is None or ranks[0] < RANKS:
            continue
        calibration = fitted(mine, command)
        if min(calibration.negatives, calibration.positives) >= LEAST:
            made[code] = calibration
    return made


def assessed(cases: Sequence[ScoredText], known: Config) -> list[tuple[ScoredText, float | None]]:
    """Return each text with its log10 LR by calibrations without its part of families, or None.

    Args:
        cases: of one path.
        known: the model's configuration.
    """
    by_family: dict[str, Mapping[str, Calibration]] = {}
    for part in parts([case.text for case in cases]):
        made = calibrations([case for case in cases if case.text.family not in part], known, "")
        by_family |= dict.fromkeys(part, made)
    rows: list[tuple[ScoredText, float | None]] = []
    for case in cases:
        calibration = by_family[case.text.family].get(case.language or "")
        long = case.words >= known.minimum_words
        rows.append((case, calibration.log10_lr(case.score) if calibration and long else None))
    return rows
