"""The two probes of a model, in numpy: what is generated, and what is a screen or chart."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import load_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


class Probes:
    """A model's weights."""

    def __init__(self, folder: Path, blocks: Sequence[int]) -> None:
        """Read the weights of a folder."""
        self._tensors = load_file(folder / "weights.safetensors")
        self._blocks = blocks

    def generated(self, tokens: "Floats") -> float:
        """Return the log odds that a picture was generated, from its class tokens (8, 768)."""
        return self._odds("generated", chosen(tokens, self._blocks))

    def graphic(self, tokens: "Floats") -> float:
        """Return the log odds that a picture is a screen, chart or drawing."""
        return self._odds("graphic", chosen(tokens, GRAPHIC_BLOCKS))

    def _odds(self, name: str, features: "Floats") -> float:
        weight, bias = self._tensors[f"{name}.weight"], self._tensors[f"{name}.bias"]
        return float(features.astype(np.float64) @ weight.astype(np.float64) + float(bias[0]))


GRAPHIC_BLOCKS = (8,)
"""Kinds of pictures are told apart later in the network than traces are; the eighth is the last."""


def chosen(tokens: "Floats", blocks: Sequence[int]) -> "Floats":
    """Return the features of some blocks, (..., 768 x blocks), from class tokens (..., 8, 768)."""
    picked: Floats = tokens[..., [block - 1 for block in blocks], :]
    return picked.reshape(*picked.shape[:-2], -1)


def colours(square: "NDArray[np.uint8]") -> int:
    """Return how many colours make up 99 % of a picture, 4 bits a channel, of 4,096."""
    coarse = (square >> 4).astype(np.uint16)
    keys = coarse[..., 0] << 8 | coarse[..., 1] << 4 | coarse[..., 2]
    shares = np.sort(np.bincount(keys.ravel(), minlength=4096))[::-1] / keys.size
    return int((np.cumsum(shares) < 0.99).sum()) + 1  # 99 %
