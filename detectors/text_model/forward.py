"""Scores of texts, from weights and without torch."""

import pathlib

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from safetensors.numpy import save as packed

from detectors.models.language_model.forward import language_model
from detectors.storing.atomic import atomic_write
from detectors.text_model.config import WEIGHTS, Config, ScoringPath
from detectors.text_model.features import grams, style
from detectors.text_model.normalise import words

CLIP = 3.0
"""Standard deviations beyond which a number of style counts no further."""
FAR = 6.0
"""Standard deviations beyond which a number of the language model counts no further."""


class Seen(msgspec.Struct, frozen=True):
    """What the model sees of a text."""

    buckets: NDArray[np.int32]
    """Buckets of the n-grams it has, rising, each once."""
    style: NDArray[np.float32]
    """The numbers that `features.STYLE` names."""
    words: int
    """How many it has."""
    reading: NDArray[np.float32] | None = None
    """What the language model makes of it, one number a probe's weight; None where not read."""


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """Two scores: logistic regressions on n-grams and style, and on the language model's middle."""

    grams: NDArray[np.float16]
    """(2^character_bits + 2^word_bits,)."""
    style: NDArray[np.float32]
    """(35,), per standard deviation."""
    mean: NDArray[np.float32]
    """(35,), of the numbers of style."""
    deviation: NDArray[np.float32]
    """(35,), above 0."""
    bias: NDArray[np.float32]
    """(1,)."""
    probe: NDArray[np.float32]
    """(k,), per standard deviation of a reading's numbers."""
    usual: NDArray[np.float32]
    """(k,), means of a reading's numbers."""
    spread: NDArray[np.float32]
    """(k,), their deviations, above 0."""
    full: NDArray[np.float32]
    """(3,): bias of the full score, the share of the fast score in it, and `train.DAMPING`."""

    def score(self, seen: Seen, path: ScoringPath) -> float:
        """Return the natural log odds that a model wrote the text, 3 decimals, not calibrated.

        Args:
            seen: with a reading, for the full path.
            path: which score is wanted.
        """
        part = self.grams[seen.buckets].astype(np.float64).sum() / max(seen.buckets.size, 1) ** 0.5
        manner = standard(seen.style, self.mean, self.deviation).astype(np.float64) @ self.style
        odds = float(part + manner + self.bias[0])
        if path == "full" and seen.reading is not None:
            distances = standard(seen.reading, self.usual, self.spread, FAR).astype(np.float64)
            odds = float(distances @ self.probe + self.full[0] + self.full[1] * odds)
            odds *= float(seen.words / (seen.words + self.full[2])) ** 0.5
        return round(odds, 3) + 0.0


def see(text: str, config: Config) -> Seen:
    """Return what a model of this configuration sees of a normalised text."""
    buckets = grams(text, config.character_bits, config.word_bits).astype(np.int32)
    return Seen(buckets, style(text), words(text))


def read(text: str, device: str) -> NDArray[np.float32]:
    """Read what the language model makes of a normalised text, (k,).

    Args:
        text: normalised.
        device: `cpu`: by onnxruntime; `cuda`: by torch.
    """
    model = language_model()
    if device == "cpu":
        return model(model.tokens(text)).ravel()
    from detectors.models.language_model import network

    return network.read([model.tokens(text)], device).ravel()


def standard(
    numbers: NDArray[np.float32],
    mean: NDArray[np.float32],
    deviation: NDArray[np.float32],
    most: float = CLIP,
) -> NDArray[np.float32]:
    """Return numbers in standard deviations from their mean, at most so many."""
    distances: NDArray[np.float32] = (numbers - mean) / deviation
    return distances.clip(-most, most)


def load(folder: pathlib.Path) -> Weights:
    """Read the weights in a folder that `load_config` found to be whole."""
    return Weights(**load_file(folder / WEIGHTS))


def save(folder: pathlib.Path, weights: Weights) -> None:
    """Write weights into a folder."""
    atomic_write(folder / WEIGHTS, packed(msgspec.structs.asdict(weights)))
