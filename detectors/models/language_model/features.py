"""Readings of many texts for training, kept in the user's cache folder."""

import functools
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detectors.models.language_model.forward import (
    GRAPH,
    STEPS,
    TAPS,
    WEIGHTS,
    WIDTH,
    language_model,
)
from detectors.models.onnx_runtime import torch_finds_a_gpu
from detectors.storing.atomic import appearing

if TYPE_CHECKING:
    from numpy.typing import NDArray

BATCH = 64
"""Texts read at once on a GPU."""
TOLD = 1000
"""Texts after which progress is told."""


def readings(texts: Sequence[str], say: Callable[[str], None]) -> "NDArray[np.float32]":
    """Read what the language model makes of normalised texts, (n, 3, 576).

    The first time about 0.12 CPU s a text; afterwards they come from the cache, which holds
    numbers of 16 bits named for the hash of the text.

    Args:
        texts: normalised.
        say: is told of progress.
    """
    folder = cache()
    out = np.empty((len(texts), len(TAPS), WIDTH), np.float32)
    waiting: list[int] = []
    for at, text in enumerate(texts):
        kept = folder / name(text)
        if kept.exists():
            out[at] = np.load(kept, allow_pickle=False)
        else:
            waiting.append(at)
    waiting.sort(key=lambda at: len(texts[at]))
    for start in range(0, len(waiting), BATCH):
        part = waiting[start : start + BATCH]
        if start // TOLD != (start + BATCH) // TOLD:
            say(f"language model: {start} of {len(waiting)} texts read")
        for at, reading in zip(part, _read([texts[at] for at in part]), strict=True):
            out[at] = reading.astype(np.float16)  # as it will be read next time
            with appearing(folder / name(texts[at])) as file:
                np.save(file, reading.astype(np.float16), allow_pickle=False)
    return out


def _read(texts: Sequence[str]) -> "NDArray[np.float32]":
    """Read the readings of some texts of like length."""
    model = language_model()
    tokens = [model.tokens(text) for text in texts]
    if device() == "cuda":
        from detectors.models.language_model.network import read

        return read(tokens, "cuda")
    return np.stack([model(one) for one in tokens])  # the engine of `check`, no slower on a CPU


def device() -> str:
    """Return where many texts are read: `cuda` where there is a GPU, else `cpu`."""
    return "cuda" if torch_finds_a_gpu() else "cpu"


def name(text: str) -> str:
    """Return the file name of a text's reading."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() + ".npy"


def cache() -> Path:
    """Return the cache folder of the shipped model: other weights or operations have another."""
    from platformdirs import user_cache_path

    folder = user_cache_path("provenance-check") / f"readings-{digest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@functools.cache
def digest() -> str:
    """Return the hash of the shipped weights, their steps and the graph that runs on them, hex."""
    parts = (WEIGHTS, STEPS, GRAPH)
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()
