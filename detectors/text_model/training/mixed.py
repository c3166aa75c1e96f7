"""What it is worth that a passage stands out: measured on texts into which another was put.

Long texts by people, of sources that their model was never trained on, are assessed three ways: as
they are, with a passage of another person's text of the same source and domain put in, and with one
of a model's text. What counts is the highest contrast of a text, so that however many windows a
text has, it is accused once; texts by two people keep a change of hand alone from accusing.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence

import msgspec

from detectors.models.calibration import Calibration, fit
from detectors.text_model.config import PATHS, Config, ScoringPath
from detectors.text_model.forward import Weights
from detectors.text_model.language import language
from detectors.text_model.long import reading
from detectors.text_model.long.pieces import Piece, pieces
from detectors.text_model.long.reading import Long
from detectors.text_model.long.windows import LONG_FROM, Window, spans, windows
from detectors.text_model.normalise import normalise
from detectors.text_model.training.records import Labelled

LEAST = 100
"""Long texts of either label that a language needs."""
MOST = 40
"""Texts of a source, domain and label: more of one kind add little, and each is read whole."""
SHORTEST, LONGEST = 80, 200
"""Words of a passage that is put in."""
SEED = 0
ONE_HAND, TWO_HANDS, MODEL = "one hand", "two hands", "a model's passage"


class Known(msgspec.Struct, frozen=True):
    """A long text of which is known who wrote it."""

    text: Labelled
    read: Long


class Made(msgspec.Struct, frozen=True):
    """A long text with what was put into it."""

    host: Labelled
    kind: str
    """`ONE_HAND`, `TWO_HANDS` or `MODEL`."""
    read: Long
    passage: Window
    """Where it lies; empty in a text by one hand."""


def long_texts(
    texts: Sequence[Labelled], config: Config, say: Callable[[str], None], least: int = LEAST
) -> list[Known]:
    """Return up to 40 long texts of each source, domain and label.

    Args:
        texts: of any length and language; those that the language model reads count.
        config: of the model.
        say: told of progress.
        least: texts of either label without which none are given.
    """
    groups: defaultdict[tuple[str, str, bool], list[tuple[Labelled, list[Piece]]]]
    groups = defaultdict(list)
    for text in texts:
        if len(text.text.split()) <= LONG_FROM:
            continue
        if language(normalise(text.text)) in config.languages:
            groups[text.source, text.domain, text.ai].append((text, pieces(text.text)))
    draw = random.Random(SEED)  # noqa: S311 - a sample
    chosen = [
        one
        for _, group in sorted(groups.items())
        for one in draw.sample(group, min(MOST, len(group)))
    ]
    if min(sum(text.ai == ai for text, _ in chosen) for ai in (True, False)) < least:
        return []
    say(f"reading {len(chosen)} long texts whole")
    return [Known(text, reading.load_cached(found)) for text, found in chosen]


def made(known: Sequence[Known]) -> list[Made]:
    """Build three of each text by a person: as it is, with a person's passage, a model's."""
    draw = random.Random(SEED)  # noqa: S311 - a sample
    alone = [Made(one.text, ONE_HAND, one.read, Window(0, 0)) for one in known if not one.text.ai]
    span = (SHORTEST, LONGEST)
    return [
        *alone,
        *holding(known, draw, span, ai=False),
        *holding(known, draw, span, ai=True),
    ]


def holding(
    known: Sequence[Known], draw: random.Random, span: tuple[int, int], *, ai: bool
) -> list[Made]:
    """Put some sentences of another text between two sentences of each text by a person.

    Args:
        known: hosts and givers.
        draw: what chooses.
        span: least and most words of the passage; whole sentences, so it may be longer.
        ai: whether a model wrote it. If not, it is of the host's source and domain; a model's is
            where there is one, else of the host's kind of text, else of any.
    """
    found = []
    for host in known:
        givers = [] if host.text.ai else _alike(host, [one for one in known if one.text.ai == ai])
        if givers:
            read, passage = _joined(host.read, draw.choice(givers).read, draw, draw.randint(*span))
            found.append(Made(host.text, MODEL if ai else TWO_HANDS, read, passage))
    return found


def calibrations(
    sample: Sequence[tuple[Sequence[Known], Weights]],
    config: Config,
    command: str,
    say: Callable[[str], None],
) -> dict[ScoringPath, dict[str, Calibration]]:
    """Return the calibrations of contrasts by path and language; empty where texts are too few.

    Args:
        sample: long texts, as `long_texts` gives them, with weights that never saw their families.
        config: of the model.
        command: what makes this calibration, for the record.
        say: told of progress.
    """
    assessed = [(made(known), weights) for known, weights in sample]
    mixed = [one for part, _ in assessed for one in part]
    if not mixed:
        return {}
    found: dict[ScoringPath, dict[str, Calibration]] = {}
    for path in PATHS:
        highest = [
            contrast(one.read, path, weights, config) for part, weights in assessed for one in part
        ]
        calibration = calibrated(mixed, highest, command)
        found[path] = dict.fromkeys(config.languages, calibration)
        say(f"passages, {path} path: {calibration.negatives} independent human texts")
    return found


def calibrated(mixed: Sequence[Made], highest: Sequence[float], command: str) -> Calibration:
    """Return the calibration of the highest contrast of each text."""
    return fit(
        highest,
        [one.kind == MODEL for one in mixed],
        [one.host.source for one in mixed],
        [(one.kind,) for one in mixed],
        command=command,
        scenes=[one.host.id for one in mixed],
    )


def contrast(read: Long, path: ScoringPath, weights: Weights, config: Config) -> float:
    """Return the highest contrast of a text's windows."""
    scored = [(run, read.score(run, path, weights, config)) for run in windows(read.pieces)]
    first = spans(scored, lambda _score, _contrast: False)
    return max((span.contrast for span in first), default=0.0)


def _alike(host: Known, givers: Sequence[Known]) -> list[Known]:
    """Return those of the host's source and domain; of models else of its kind, else all."""
    at = (host.text.source, host.text.domain)
    same = [one for one in givers if (one.text.source, one.text.domain) == at and one is not host]
    if same or not givers or not givers[0].text.ai:
        return same
    return [one for one in givers if _kind(one.text) == _kind(host.text)] or list(givers)


def _kind(text: Labelled) -> str:
    """Return the first word of a domain: `essay` of `essay-nonnative`."""
    return text.domain.split("-", 1)[0]


def _joined(host: Long, giver: Long, draw: random.Random, want: int) -> tuple[Long, Window]:
    """Put so many words of another text between two sentences of a text; return it and where."""
    first = draw.randrange(len(giver.pieces))
    while first and giver.cut(first, len(giver.pieces)).words < want:
        first -= 1
    behind = first + 1
    while behind < len(giver.pieces) and giver.cut(first, behind).words < want:
        behind += 1
    n = len(host.pieces)
    at = draw.randint(1, max(n - 1, 1))
    parts = [host.cut(0, at), giver.cut(first, behind), host.cut(at, n)]
    return reading.joined(parts), Window(at, at + behind - first)
