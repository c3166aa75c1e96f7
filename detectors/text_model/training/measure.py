"""What scores of labelled texts are worth: calibrations by language, and what these are worth."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from detectors.errors import ConfigError
from detectors.models.calibration import Calibration, fit, independent
from detectors.models.report import AssessedItem, PathReport, left_out, limit, supported
from detectors.text_model.language import language
from detectors.text_model.normalise import normalise, words
from detectors.text_model.training.records import UNKNOWN, Labelled, read, splits_of

LEAST = 100
"""Independent texts of either label that a language needs before it is assessed."""
MINIMUM_WORDS = 50
"""Shorter texts are never assessed, so they calibrate nothing."""
EVERY = 500
"""Texts between two words on progress."""


class Scores(Protocol):
    """What scores texts."""

    def score(self, text: str) -> float:
        """Return a text's score, higher for AI."""
        ...


class ScoredText(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled text as the detector would meet it, with an out-of-source score."""

    text: Labelled
    score: float
    words: int
    language: str | None
    """As told from the text."""

    @property
    def length(self) -> str:
        """The length bin of the figures."""
        bins = ((50, "up to 50 words"), (150, "51 to 150 words"), (300, "151 to 300 words"))
        return next((name for most, name in bins if self.words <= most), "over 300 words")

    @property
    def writers(self) -> str:
        """Whether its writer writes a first language."""
        native = {True: "native writers", False: "not native writers", None: "writers not known"}
        return native[self.text.native]

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of writers it stands for: each may bound a calibration."""
        return (
            f"{self.text.source} / {self.text.domain}",
            f"language {self.text.language}",
            self.length,
            self.writers,
        )


def calibrations(
    data: Path,
    splits: tuple[str, ...],
    scorer: Scores,
    *,
    command: str,
    threshold: float,
    say: Callable[[str], None],
) -> tuple[dict[str, Calibration], PathReport]:
    """Return the calibration of each language with 100 independent texts of either label.

    A foreign model's own training texts are not known here: ratios hold only where the labelled
    texts are none of them.

    Args:
        data: labelled texts, as `records.read` takes them.
        splits: names of them; empty: all.
        scorer: the model.
        command: that makes the calibrations, for the record.
        threshold: the likelihood ratio that one language at least has to support.
        say: told of progress.

    Returns:
        The calibrations by language, and what they are worth.

    Raises:
        ConfigError: the data cannot be used, no language has enough texts, or none supports the
            threshold.
    """
    blank = [_unscored(text) for text in read(data, splits or splits_of(data))]
    tongues = _enough(blank)
    if not tongues:
        raise ConfigError(
            f"{data}: no language has {LEAST} independent texts of either label with"
            f" {MINIMUM_WORDS} words and more (at most 100 count of one source)"
        )
    supported(threshold, tongues)
    waiting = [case for case in blank if _is_judged(case, tongues, MINIMUM_WORDS)]
    cases = _scored(waiting, scorer, say)
    made = {code: fitted([c for c in cases if c.language == code], command) for code in tongues}
    for code, calibration in made.items():
        say(f"{code}: {calibration.negatives} independent human texts, cap {calibration.cap}")
    silent = [case for case in blank if not _is_judged(case, tongues, MINIMUM_WORDS)]
    return made, path_report("full", [*cases, *silent], made, MINIMUM_WORDS)


def _unscored(text: Labelled) -> ScoredText:
    """Return a text with what is told of it before it is scored."""
    own = normalise(text.text)
    return ScoredText(text=text, score=0.0, words=words(own), language=language(own))


def _scored(
    waiting: Sequence[ScoredText], scorer: Scores, say: Callable[[str], None]
) -> list[ScoredText]:
    """Return texts with their scores."""
    cases = []
    for done, case in enumerate(waiting):
        score = scorer.score(normalise(case.text.text))
        cases.append(msgspec.structs.replace(case, score=score))
        if done % EVERY == 0:
            say(f"scored {done} of {len(waiting)} texts")
    return cases


def _enough(cases: Sequence[ScoredText]) -> dict[str, int]:
    """Return the languages with enough texts of either label, with their independent human ones."""
    found = {}
    for code in sorted({case.language for case in cases if case.language}):
        mine = [c for c in cases if c.language == code and c.words >= MINIMUM_WORDS]
        people, models = ([c for c in mine if c.text.ai == ai] for ai in (False, True))
        if min(humans := count(people), count(models)) >= LEAST:
            found[code] = humans
    return found


def count(cases: Sequence[ScoredText]) -> int:
    """Return how many independent texts these are: of one author one, of one source at most 100."""
    return independent([case.text.source for case in cases], scenes(cases))


def scenes(cases: Sequence[ScoredText]) -> list[str]:
    """Return the author of each text, or what stands for it where none is stated: the text's id."""
    return [case.text.id if (name := case.text.author) is None else f"by {name}" for case in cases]


def fitted(cases: Sequence[ScoredText], command: str) -> Calibration:
    """Return the calibration of one language's texts.

    Raises:
        ConfigError: a label is missing.
    """
    return fit(
        [case.score for case in cases],
        [case.text.ai for case in cases],
        [case.text.source for case in cases],
        [case.groups for case in cases],
        command=command,
        scenes=scenes(cases),
    )


def path_report(
    path: str, cases: Sequence[ScoredText], made: Mapping[str, Calibration], minimum: int
) -> PathReport:
    """Return what calibrations are worth on the texts they were made of.

    Args:
        path: `full` or `fast`.
        cases: all texts of the path; those of other languages, and shorter ones, are not assessed.
        made: the calibrations by language.
        minimum: words that a judged text has.
    """
    limits, rows = [], [_row(case) for case in cases if not _is_judged(case, made, minimum)]
    for code, calibration in sorted(made.items()):
        mine = [c for c in cases if c.language == code and c.words >= minimum]
        ratios, how = left_out(
            [case.text.ai for case in mine],
            [case.score for case in mine],
            [case.text.family for case in mine],
            scenes(mine),
            lambda rest, mine=mine: fitted([mine[at] for at in rest], ""),  # type: ignore[misc]  # bound as it is now
        )
        limits.append(limit(code, calibration, how))
        rows += [_row(case, ratio) for case, ratio in zip(mine, ratios, strict=True)]
    return PathReport(path=path, limits=tuple(limits), rows=tuple(rows))


def _is_judged(case: ScoredText, tongues: Mapping[str, object], minimum: int) -> bool:
    """Tell whether a text is long enough and in a language that is assessed."""
    return case.language in tongues and case.words >= minimum


def _row(case: ScoredText, *ratio: float | None) -> AssessedItem:
    """Return a text as the report counts it; without a ratio it was not assessed."""
    stated = case.text.language
    return AssessedItem(
        ai=case.text.ai,
        assessed=bool(ratio),
        log10_lr=ratio[0] if ratio else None,
        source=case.text.source,
        scene=case.text.author,
        groups=(
            ("domain", case.text.domain),
            ("language", (case.language or UNKNOWN) if stated == UNKNOWN else stated),
            ("length", case.length),
            ("writers", case.writers),
        ),
    )
