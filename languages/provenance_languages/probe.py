"""The probe: a reading of the encoder against what is usual in the language, as log odds."""

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from safetensors.numpy import load_file
from safetensors.numpy import save as packed

from detectors.storing.atomic import atomic_write
from provenance_languages.config import WEIGHTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

DAMPING = 150
"""Words k: the log odds of a text of n words are taken times sqrt(n / (n + k)). The fewer words,
the more the means of their few tokens stray."""
FAR = 4.0
"""Standard deviations beyond which a number of a reading counts as so far only."""
_CJK = "\u3000-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff60"
_LOOSE = re.compile(f"(?<=[{_CJK}]) | (?=[{_CJK}])")


def wording(text: str) -> str:
    """Return a normalised text without spaces beside Chinese and Japanese letters and marks.

    Whether they stand there says how a page was laid out, not who wrote it.
    """
    return _LOOSE.sub("", text)


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """Logistic regression on readings less the centre of their language."""

    weights: "Floats"
    """(k,), per standard deviation."""
    bias: "Floats"
    """(1,)."""
    spread: "Floats"
    """(k,), deviations of the numbers of a reading within a language, above 0."""
    centre: "Floats"
    """(languages, k): halfway between the means of texts by people and by models."""

    def score(self, reading: "Floats", language: int, words: int) -> float:
        """Return the natural log odds that a model wrote the text, 3 decimals, not calibrated.

        Args:
            reading: (k,), as the encoder's means lie after one another.
            language: row of its centre.
            words: of the text.
        """
        off = ((reading - self.centre[language]) / self.spread).clip(-FAR, FAR)
        odds = float(off.astype(np.float64) @ self.weights + self.bias[0])
        odds *= math.sqrt(words / (words + DAMPING))
        return round(odds, 3) + 0.0


def load(folder: Path) -> Probe:
    """Read the probe in a folder that `load_config` found to be whole."""
    return Probe(**load_file(folder / WEIGHTS))


def save(folder: Path, probe: Probe) -> None:
    """Write a probe into a folder."""
    atomic_write(folder / WEIGHTS, packed(msgspec.structs.asdict(probe)))
