"""Training: one pass of text after text over the n-grams, Newton's method over style and probe.

The recipe is fixed and seeded, so that a model with some sources left out differs by nothing else.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.errors import ConfigError
from detectors.models.language_model.features import TOLD, readings
from detectors.models.language_model.features import digest as reader_digest
from detectors.text_model import config as files
from detectors.text_model.config import Config
from detectors.text_model.forward import FAR, Seen, Weights, save, see, standard
from detectors.text_model.language import language
from detectors.text_model.long import reading
from detectors.text_model.long.pieces import pieces
from detectors.text_model.long.windows import LONG_FROM
from detectors.text_model.normalise import normalise
from detectors.text_model.training.records import Labelled, read

PARTS = 12
"""Parts in which families are left out, where scores are measured."""
CHARACTER_BITS, WORD_BITS = 19, 18
"""Half a million and a quarter of a million buckets: 1.5 MB as 16-bit numbers."""
MINIMUM_WORDS = 50
"""Below, ranking is too weak for anything but noise to pass a calibration."""
EPOCHS = 2
RATE = 1.0
"""Rate of the first step; step t of n texts an epoch takes RATE / sqrt(1 + t / n)."""
SEED = 0
RIDGE = 30.0
"""On squared weights of style, against a log loss summed over the texts."""
PROBE_RIDGE = 1000.0
"""On those of the probe. A third or three times as much ranks unseen sources no better."""
BESIDE = 0.4
"""Weight of the fast score in the full one."""
DAMPING = 180
"""Words k: the full score of a text of n words is taken times sqrt(n / (n + k)). The fewer words,
the more their few tokens' means stray, and the wildest scores of people were of their shortest
texts. Left-out texts cannot tell 120 from 250; this value was chosen by looking at `dev`
(docs/text-model.md, "Few words")."""
LANGUAGES = ("en",)
"""That the language model was made of."""
MOST_READ, PEOPLE = 21_500, 8
"""Texts that the language model reads at most, which takes most of the time. Of more, n by each
generator of a source and domain are read and 8 n by people; the others teach the n-grams alone."""
MANNER = 0.3
"""Share of style: standard deviations of its log odds in one of the n-grams'. More of it ranks
languages without training texts better and the far tail of formal English prose worse."""
NEWTON_STEPS = 12
SETTLED = 1e-4
"""Largest move of a weight after which no more steps are taken; the next is its square."""
NOT_FOR_WEIGHTS = frozenset({"ELLIPSE", "TweepFake"})
"""Families that assess and never train. ELLIPSE's licence (CC BY-NC-SA) allows no weights under a
free one. TweepFake's labels are of accounts, its bots Markov chains and networks of before 2020: a
probe that learns from them ranks everything else worse (AUROC .847 instead of .863 on unseen
English sources)."""
BEFORE_DIALOGUE = frozenset({
    "bloom-7b", "bloomz-7b", "falcon-7b", "flan-t5-11b", "flan-t5-xxl", "gemma-7b-base", "gpt2-xl",
    "llama-2-13b-base", "llama-3-8b-base", "opt-13b", "phi-2", "text-babbage-001",
    "text-curie-001", "text-davinci-003",
})  # fmt: skip
"""Generators that assess and never train: not tuned on dialogue, as what people use today is. A
probe that learns from them too ranks unseen sources worse (docs/text-model.md)."""


def train(data: Path, out: Path, splits: tuple[str, ...], say: Callable[[str], None]) -> None:
    """Write weights.safetensors and config.json (without a calibration) into a folder.

    Args:
        data: folder of `SPLIT.jsonl.gz` files.
        out: made where it is missing.
        splits: what to learn from; empty: `train`.
        say: told of progress.

    Raises:
        ConfigError: the data cannot be used.
    """
    splits = splits or ("train",)
    every = read(data, splits)
    texts = [text for text in every if may_train(text)]
    if len({text.ai for text in texts}) < 2:  # human and AI
        raise ConfigError(f"{data}: training needs texts of both labels, human and ai")
    chosen = "".join(f" --split {split}" for split in splits)
    config = Config(
        character_bits=CHARACTER_BITS,
        word_bits=WORD_BITS,
        minimum_words=MINIMUM_WORDS,
        languages=LANGUAGES,
        reader_sha256=reader_digest(),
        texts_read=0,
        sources=tuple(sorted({text.source for text in texts})),
        splits=splits,
        command=f"provenance train text_model --data {data.name} --out {out.name}{chosen}",
        weights_sha256="",
    )
    say(f"reading {len(texts)} texts")
    seen = look(texts, config, say, drawn(every))
    weights = fit(texts, seen, config)
    out.mkdir(parents=True, exist_ok=True)
    save(out, weights)
    digest = hashlib.sha256((out / files.WEIGHTS).read_bytes()).hexdigest()
    read_too = sum(_is_read(text, seen) for text in texts)
    files.save_config(
        out, msgspec.structs.replace(config, weights_sha256=digest, texts_read=read_too)
    )
    say(f"trained on {len(texts)} texts of {len(config.sources)} sources: {out}")


def may_train(text: Labelled) -> bool:
    """Tell whether a text may be trained on."""
    return text.family not in NOT_FOR_WEIGHTS and text.generator not in BEFORE_DIALOGUE


def look(
    texts: Sequence[Labelled], config: Config, say: Callable[[str], None], chosen: set[str]
) -> dict[str, Seen]:
    """Return what the model sees of each text, by its id: readings of those that are read, too.

    Long texts are read to their end, as the command reads them.

    Args:
        texts: to look at.
        config: of the model.
        say: told of progress.
        chosen: ids of those that the language model reads, if it knows their language.
    """
    plain = {text.id: normalise(text.text) for text in texts}
    seen = {name: see(text, config) for name, text in plain.items()}
    known = [text for text in texts if text.id in chosen]
    read = [text for text in known if language(plain[text.id]) in config.languages]
    whole = [text for text in read if seen[text.id].words > LONG_FROM]
    at_once = [text.id for text in read if seen[text.id].words <= LONG_FROM]
    made: dict[str, NDArray[np.float32] | None] = {}
    for name, found in zip(at_once, readings([plain[i] for i in at_once], say), strict=True):
        made[name] = found.ravel()
    for done, text in enumerate(whole):
        if done % TOLD == 0:
            say(f"language model: {done} of {len(whole)} long texts read")
        made[text.id] = reading.load_cached(pieces(text.text)).mean
    return {
        name: msgspec.structs.replace(one, reading=made.get(name)) for name, one in seen.items()
    }


def drawn(texts: Sequence[Labelled]) -> set[str]:
    """Return the ids of those that are read: all, or as many of each kind as `MOST_READ` allows.

    Which of a kind is drawn by the hashes of ids, so that it depends on its number alone.

    Args:
        texts: all of the splits, those that do not teach too.
    """
    kinds: defaultdict[tuple[object, ...], list[Labelled]] = defaultdict(list)
    for text in sorted(texts, key=lambda text: hashlib.sha256(text.id.encode()).digest()):
        kinds[text.source, text.domain, text.generator, text.ai].append(text)
    turns = sorted(
        (at // (1 if text.ai else PEOPLE), text.id)
        for kind in kinds.values()
        for at, text in enumerate(kind)
    )
    if len(turns) <= MOST_READ:
        return {name for _, name in turns}
    behind = turns[MOST_READ][0]
    return {name for turn, name in turns if turn < behind}


def fit(
    texts: Sequence[Labelled],
    seen: Mapping[str, Seen],
    config: Config,
    start: Weights | None = None,
) -> Weights:
    """Return the weights that the recipe learns from these texts.

    Args:
        texts: of both labels.
        seen: by id, of at least these texts.
        config: its sizes count.
        start: what the probe starts from: weights trained on nearly the same texts save most of
            its steps. It ends at the same place.
    """
    labels = np.array([text.ai for text in texts], np.float64)
    shares = balance(texts)
    rows = [seen[text.id] for text in texts]
    numbers = np.stack([row.style for row in rows])
    mean, deviation = numbers.mean(0), numbers.std(0) + np.float32(1e-6)
    styles = standard(numbers, mean, deviation)
    size = (1 << config.character_bits) + (1 << config.word_bits)
    grams, bias = _descend([row.buckets for row in rows], labels, shares, size)
    manner, offset = newton(styles.astype(np.float64), labels, shares, RIDGE)
    odds = [grams[row.buckets].sum() / row.buckets.size**0.5 for row in rows]
    scale = MANNER * float(np.std(odds)) / max(float(np.std(styles @ manner)), 1e-9)
    read_too = [text for text in texts if _is_read(text, seen)]
    probe, usual, spread, full = _probe(read_too, seen, start)
    return Weights(
        grams=grams.astype(np.float16),
        style=(scale * manner).astype(np.float32),
        mean=mean,
        deviation=deviation,
        bias=np.array([bias + scale * offset], np.float32),
        probe=probe,
        usual=usual,
        spread=spread,
        full=np.array([full, BESIDE, DAMPING], np.float32),
    )


def _is_read(text: Labelled, seen: Mapping[str, Seen]) -> bool:
    """Tell whether the language model reads a text."""
    return seen[text.id].reading is not None


def _probe(
    texts: Sequence[Labelled], seen: Mapping[str, Seen], start: Weights | None
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], float]:
    """Return the probe on the readings of these texts: weights, means, deviations, bias."""
    if len({text.ai for text in texts}) < 2:  # human and AI
        raise ConfigError("training needs texts of both labels in a language that is read: English")
    rows = np.stack([row for text in texts if (row := seen[text.id].reading) is not None])
    usual, spread = rows.mean(0), rows.std(0) + np.float32(1e-6)
    labels = np.array([text.ai for text in texts], np.float64)
    columns = standard(rows, usual, spread, FAR)
    near = None if start is None else np.append(start.probe, start.full[0])
    probe, bias = newton(columns, labels, balance(texts), PROBE_RIDGE, near)
    return probe.astype(np.float32), usual, spread, bias


def balance(texts: Sequence[Labelled]) -> NDArray[np.float64]:
    """Return the weights, mean 1: own / sqrt(texts of the source and label), labels equal.

    Equal labels keep the odds of models comparable that were trained with different sources left
    out.
    """
    counts = Counter((text.source, text.label) for text in texts)
    raw = np.array([text.weight * counts[text.source, text.label] ** -0.5 for text in texts])
    ai = np.array([text.ai for text in texts])
    for label in (True, False):
        raw[ai == label] *= len(texts) / 2 / raw[ai == label].sum()
    return raw


def _descend(
    buckets: Sequence[NDArray[np.int32]],
    labels: NDArray[np.float64],
    shares: NDArray[np.float64],
    size: int,
) -> tuple[NDArray[np.float64], float]:
    """Return weights and bias of a logistic regression, averaged over the steps of its descent.

    The average (Polyak and Juditsky 1992) is kept as weights - steps weighted by their time / time.
    """
    draw = np.random.default_rng(SEED)
    weights, drift = np.zeros(size, np.float64), np.zeros(size, np.float64)
    bias, step, n = 0.0, 0, len(buckets)
    for _ in range(EPOCHS):
        for k in draw.permutation(n):
            row = buckets[k]
            length = row.size**0.5
            odds = weights[row].sum() / length + bias
            rate = RATE / (1 + step / n) ** 0.5
            move = -rate * shares[k] * (1 / (1 + np.exp(-odds)) - labels[k])
            weights[row] += move / length
            drift[row] += step * move / length
            bias += 0.01 * move
            step += 1
    return weights - drift / step, bias


def newton(
    numbers: NDArray[np.floating],
    labels: NDArray[np.float64],
    shares: NDArray[np.float64],
    penalty: float,
    start: NDArray[np.floating] | None = None,
) -> tuple[NDArray[np.float64], float]:
    """Return weights and bias of a ridge logistic regression, by Newton's method.

    Products are taken in the precision of the numbers, the equations solved in 64 bits.
    """
    columns = np.hstack([numbers, np.ones((len(numbers), 1), numbers.dtype)])
    ridge = np.full(columns.shape[1], penalty)
    ridge[-1] = 1e-6
    weights = np.zeros(columns.shape[1]) if start is None else start.astype(np.float64)
    for _ in range(NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-(columns @ weights.astype(columns.dtype)).astype(np.float64)))
        slope = (shares * (chance - labels)).astype(columns.dtype) @ columns + ridge * weights
        pull = (shares * chance * (1 - chance)).astype(columns.dtype)
        move = np.linalg.solve((columns * pull[:, None]).T @ columns + np.diag(ridge), slope)
        weights = weights - move
        if np.abs(move).max() < SETTLED:
            break
    return weights[:-1], float(weights[-1])
