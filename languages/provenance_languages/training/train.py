"""Training: a ridge logistic regression on readings, each less the centre of its language."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detectors.errors import ConfigError
from detectors.text_model.language import language
from detectors.text_model.normalise import normalise, words
from detectors.text_model.training.records import Labelled, read, splits_of
from detectors.text_model.training.train import newton
from provenance_languages.config import WEIGHTS, Config, Why, save_config
from provenance_languages.probe import FAR, Probe, save
from provenance_languages.training.readings import digest, readings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Readings = Mapping[str, NDArray[np.float32]]

MINIMUM_WORDS = 50
"""Shorter texts neither teach nor are judged."""
RIDGE = 150.0
"""On squared weights, against a log loss summed over the texts."""

SOURCES, OF_A_SOURCE = 4, 40
"""Families of sources of human texts that a language needs, and the texts each of them needs."""
GENERATORS, OF_A_GENERATOR = 5, 10
"""Generators that a language needs, and the texts each of them needs."""
NOT_FOR_WEIGHTS = frozenset({"BetaGouv", "GDT", "GNAD", "JavaScriptInfo", "ProGit"})
"""Families that assess and never train: their licences (CC BY-NC-SA, or to be read alone) allow no
weights under a free one."""


def train(data: Path, out: Path, splits: tuple[str, ...], say: Callable[[str], None]) -> None:
    """Write weights.safetensors and config.json (without calibrations) into a folder.

    Args:
        data: labelled texts, as for the text model.
        out: made where it is missing.
        splits: what to learn from; empty: all.
        say: told of progress.

    Raises:
        ConfigError: the data cannot be used.
    """
    splits = splits or splits_of(data)
    texts = usable(read(data, splits))
    silent = {code: why for code in languages(texts) if (why := lacking(code, texts))}
    known = tuple(code for code in languages(texts) if code not in silent)
    texts = [t for t in texts if t.language in known and t.family not in NOT_FOR_WEIGHTS]
    if not texts:
        raise ConfigError(
            f"{data}: no language has human texts of {SOURCES} families of sources and texts of"
            f" {GENERATORS} generators ({OF_A_SOURCE} and {OF_A_GENERATOR} of each,"
            f" {MINIMUM_WORDS} words and more)"
        )
    probe = fit(texts, readings(texts, say), known)
    out.mkdir(parents=True, exist_ok=True)
    save(out, probe)
    chosen = "".join(f" --split {split}" for split in splits)
    config = Config(
        encoder_sha256=digest(),
        minimum_words=MINIMUM_WORDS,
        texts=len(texts),
        sources=tuple(sorted({text.source for text in texts})),
        splits=splits,
        languages=known,
        command=f"provenance train text_languages --data {data.name} --out {out.name}{chosen}",
        silent=silent,
        weights_sha256=hashlib.sha256((out / WEIGHTS).read_bytes()).hexdigest(),
    )
    save_config(out, config)
    say(f"trained on {len(texts)} texts of {len(config.sources)} sources: {out}")


def usable(texts: Sequence[Labelled]) -> list[Labelled]:
    """Return the texts that are long enough, in the language that they are said to be in."""
    plain = ((text, normalise(text.text)) for text in texts)
    return [
        text
        for text, own in plain
        if words(own) >= MINIMUM_WORDS and language(own) == text.language
    ]


def languages(texts: Sequence[Labelled]) -> tuple[str, ...]:
    """Return the languages with texts of both labels, English apart, sorted."""
    labels = {(text.language, text.ai) for text in texts}
    found = {code for code, ai in labels if ai and (code, False) in labels}
    return tuple(sorted(found - {"en"}))


def lacking(code: str, texts: Sequence[Labelled]) -> Why | None:
    """Return what a language lacks to be trained on and measured, None where nothing."""
    mine = [text for text in texts if text.language == code]
    humans = Counter(text.family for text in mine if not text.ai)
    models = Counter(text.generator for text in mine if text.ai)
    if sum(n >= OF_A_SOURCE for n in humans.values()) < SOURCES:
        return "sources"
    return "generators" if sum(n >= OF_A_GENERATOR for n in models.values()) < GENERATORS else None


def fit(
    texts: Sequence[Labelled],
    read_as: "Readings",
    known: Sequence[str],
    start: Probe | None = None,
) -> Probe:
    """Return the probe that these texts teach.

    A source and label weighs as the square root of its texts, the labels of a language alike, a
    language as its texts.

    Args:
        texts: in the languages known.
        read_as: readings by id.
        known: languages, in the order of the centres; one of them may lack texts.
        start: a probe of nearly the same texts, which saves most steps; the end is the same.

    Raises:
        ConfigError: no language has texts of both labels.
    """
    rows = np.stack([read_as[text.id] for text in texts])
    ai = np.array([text.ai for text in texts])
    at = np.array([known.index(text.language) for text in texts])
    shares = _shares(texts, ai, at)
    centre = np.zeros((len(known), rows.shape[1]), np.float32)
    kept = np.zeros(len(texts), bool)
    for row in sorted(set(at.tolist())):
        sides = [(at == row) & (ai == label) for label in (True, False)]
        if not all(side.any() for side in sides):
            continue  # a language with one label left tells nothing
        kept |= at == row
        means = [np.average(rows[side], 0, shares[side]) for side in sides]
        centre[row] = (means[0] + means[1]) / 2
    if not kept.any():
        raise ConfigError("without a family of sources no language has texts of both labels")
    off = rows[kept] - centre[at[kept]]
    spread = off.std(0) + np.float32(1e-6)
    columns = (off / spread).clip(-FAR, FAR)
    part = shares[kept] * kept.sum() / shares[kept].sum()
    near = None if start is None else np.append(start.weights, start.bias)
    weights, bias = newton(columns, ai[kept].astype(np.float64), part, RIDGE, near)
    return Probe(
        weights=weights.astype(np.float32),
        bias=np.array([bias], np.float32),
        spread=spread,
        centre=centre,
    )


def _shares(
    texts: Sequence[Labelled], ai: "NDArray[np.bool_]", at: "NDArray[np.int64]"
) -> "NDArray[np.float64]":
    """Return the weight of each text."""
    counts = Counter((text.source, text.ai) for text in texts)
    shares = np.array([text.weight * counts[text.source, text.ai] ** -0.5 for text in texts])
    for row in set(at.tolist()):
        for label in (True, False):
            side = (at == row) & (ai == label)
            if side.any():
                shares[side] *= (at == row).sum() / 2 / shares[side].sum()
    return shares
