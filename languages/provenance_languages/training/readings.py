"""Readings of many texts, kept in the user's cache folder."""

import functools
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detectors.storing.atomic import appearing
from detectors.text_model.normalise import normalise
from detectors.text_model.training.records import Labelled
from provenance_languages.encoder import WEIGHTS, encoder
from provenance_languages.probe import wording

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLD = 500
"""Texts after which progress is told."""


def readings(
    texts: Sequence[Labelled], say: Callable[[str], None]
) -> "dict[str, NDArray[np.float32]]":
    """Return the reading of each text, (k,), by its id.

    The first time about 0.2 CPU s a text; afterwards they come from the cache, which holds numbers
    of 16 bits named for the hash of the wording.

    Args:
        texts: labelled texts.
        say: is told of progress.
    """
    found = {}
    for done, text in enumerate(texts):
        if done % TOLD == 0:
            say(f"encoder: {done} of {len(texts)} texts read")
        found[text.id] = _reading(wording(normalise(text.text)))
    return found


def _reading(text: str) -> "NDArray[np.float32]":
    """Return the reading of a wording."""
    kept = cache() / f"{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()}.npy"
    if not kept.exists():
        model = encoder()
        made = model(model.tokens(text)).ravel().astype(np.float16)
        with appearing(kept) as file:
            np.save(file, made, allow_pickle=False)
    stored: NDArray[np.float16] = np.load(kept, allow_pickle=False)
    return stored.astype(np.float32)


@functools.cache
def digest() -> str:
    """Return the hash of the encoder's weights, hex."""
    return hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()


def cache() -> Path:
    """Return the cache folder of the shipped encoder: other weights have another one."""
    from platformdirs import user_cache_path

    folder = user_cache_path("provenance-check") / f"readings-{digest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
