"""The language model in onnxruntime: the engine of `check` and `scan` on a CPU.

The same numbers as `network.py`, held together by a test; `language_model_graph.py` describes what
is run.
"""

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load_file

from detectors.decode.memory import loading
from detectors.models.language_model.tokenizer import Tokenizer
from detectors.models.onnx_runtime import Engine
from detectors.models.quantised import integers, unpack
from detectors.models.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

WEIGHTS = Path(__file__).with_name("weights.safetensors")
STEPS = Path(__file__).with_name("steps.safetensors")
"""What `quantised.steps` gives of each matrix of the weights: it takes longer than reading them."""
GRAPH = Path(__file__).with_name("graph.onnx")
WIDTH, HIDDEN, HEADS, KEYS, HEAD = 576, 1536, 9, 3, 64
BASE, EPSILON = 100_000.0, 1e-5
"""Base of the rotations and epsilon of the norms; the model's own metadata."""
LONGEST = 256
"""Tokens that are read, some 190 words."""
SKIPPED = 4
"""Tokens at the start that are not averaged: they have seen too little, the first one nothing."""
TAPS = (6, 9, 12)
"""Blocks after which the tokens are looked at."""


class LanguageModel:
    """The twelve blocks, unpacked once, and the tokenizer."""

    def __init__(self, path: Path) -> None:
        """Read and unpack the weights, and load the graph with them."""
        stored, name = Stored(path), "token_embd.weight"
        self.tokenizer = Tokenizer(stored.read("letters"), stored.read("merges"))
        self._embedding = {key: stored.mapped(f"{name}.{key}") for key in ("q", "scale", "min")}
        self._engine = Engine(GRAPH.read_bytes(), _weights(stored))

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a text that are read."""
        return self.tokenizer.encode(text, LONGEST)

    def __call__(self, tokens: "Sequence[int]") -> "Floats":
        """Return the means over the tokens of the residual stream.

        Args:
            tokens: 1 to 256, the first one 0.

        Returns:
            (3, 576): after blocks 6, 9 and 12. The first four tokens do not count, but the last
            token always does. Deviations beside the means made a probe worse on unseen sources.
        """
        first = min(SKIPPED, len(tokens) - 1)
        return np.stack([stream[first:].mean(0) for stream in self._streams(tokens)])

    def sums(self, tokens: "Sequence[int]", ends: "Sequence[int]") -> "Floats":
        """Return the sums of the residual stream over the tokens of each part.

        Args:
            tokens: 1 to 256, the first one 0.
            ends: behind the last token of each part, rising; the first part begins at 0.

        Returns:
            (parts, 3, 576). The first four tokens do not count.
        """
        bounds = list(pairwise([SKIPPED, *(max(end, SKIPPED) for end in ends)]))
        streams = self._streams(tokens)
        parts = [[stream[a:b].sum(0) for a, b in bounds] for stream in streams]
        return np.array(parts, np.float32).swapaxes(0, 1)

    def _streams(self, tokens: "Sequence[int]") -> "list[Floats]":
        """Return the residual stream (n, 576) after each tap."""
        rows = {f"rows.{key}": value[list(tokens)] for key, value in self._embedding.items()}
        stream, n = unpack(rows)["rows"], len(tokens)
        angle = np.arange(n)[:, None] * BASE ** (-np.arange(0, HEAD, 2) / HEAD)
        cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
        given = {"tokens": stream[None], "cos": cos, "sin": sin}
        sizes = {"length": np.array([n], np.int32), "last": np.array([n - 1], np.int32)}
        return [found[0] for found in self._engine(given | sizes)]


JOINED = {
    "qkv": ("attn_q", "attn_k", "attn_v"),
    "attn_output": ("attn_output",),
    "ffn_up": ("ffn_gate", "ffn_up"),
    "ffn_down": ("ffn_down",),
}
"""Product of a block → the matrices that it takes at once."""


def _weights(stored: Stored) -> "dict[str, NDArray[Any]]":
    """Return the tensors of all blocks by their names in the graph: (in, out), integers and steps.

    Args:
        stored: the file of weights.
    """
    found: dict[str, NDArray[Any]] = {}
    steps = load_file(STEPS)
    for at in range(max(TAPS)):
        for norm in ("attn_norm", "ffn_norm"):
            name = f"blk.{at}.{norm}.weight"
            found[name] = stored.read(name).astype(np.float32)
        for product, parts in JOINED.items():
            names = [f"blk.{at}.{part}.weight" for part in parts]
            whole, scale, low = (
                np.concatenate([stored.read(f"{name}.{part}") for name in names])
                for part in ("q", "scale", "min")
            )
            step = np.concatenate([steps[name] for name in names])
            found[f"blk.{at}.{product}.weight"] = integers(whole, scale, low, step)
            found[f"blk.{at}.{product}.step"] = step
    return found


@cache
def language_model() -> LanguageModel:
    """Return the shipped model, unpacked once a process."""
    with loading():
        return LanguageModel(WEIGHTS)
