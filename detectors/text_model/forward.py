"""Scores of texts, from weights and without torch."""

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from detectors.text_model.config import WEIGHTS, Config
from detectors.text_model.features import grams, style

CLIP = 3.0
"""Standard deviations beyond which a number of style counts no further."""


class Seen(msgspec.Struct, frozen=True):
    """What the model sees of a text."""

    buckets: NDArray[np.int32]
    """Of the n-grams it has, rising, each once."""
    style: NDArray[np.float32]
    """The numbers that `features.STYLE` names."""


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """A logistic regression on n-grams present (each text of length 1) and on style."""

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

    def score(self, seen: Seen) -> float:
        """Give the natural log odds that a model wrote the text, 3 decimals, not calibrated."""
        part = self.grams[seen.buckets].astype(np.float64).sum() / max(seen.buckets.size, 1) ** 0.5
        manner = standard(seen.style, self.mean, self.deviation).astype(np.float64) @ self.style
        return round(float(part + manner + self.bias[0]), 3) + 0.0


def see(text: str, config: Config) -> Seen:
    """Give what a model of this configuration sees of a normalised text."""
    buckets = grams(text, config.character_bits, config.word_bits).astype(np.int32)
    return Seen(buckets, style(text))


def standard(
    numbers: NDArray[np.float32], mean: NDArray[np.float32], deviation: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Give numbers of style in standard deviations from their mean, at most 3."""
    distances: NDArray[np.float32] = (numbers - mean) / deviation
    return distances.clip(-CLIP, CLIP)


def load(folder: Path) -> Weights:
    """Read the weights in a folder that `config.read` found to be whole."""
    return Weights(**load_file(folder / WEIGHTS))


def save(folder: Path, weights: Weights) -> None:
    """Write weights into a folder."""
    save_file(msgspec.structs.asdict(weights), folder / WEIGHTS)
