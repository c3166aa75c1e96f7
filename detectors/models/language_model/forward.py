"""The language model in numpy: the engine of `check` and `scan` on a CPU.

The same numbers as `network.py`, held together by a test. Gains of the norms are folded into the
matrices that follow them; rows of queries and keys are put in another order, so that the two
numbers that a rotation turns lie half a head apart.
"""

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load_file

from detectors.decode.memory import loading
from detectors.models.language_model.tokenizer import Tokenizer
from detectors.models.quantised import unpack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

WEIGHTS = Path(__file__).with_name("weights.safetensors")
WIDTH, HIDDEN, HEADS, KEYS, HEAD = 576, 1536, 9, 3, 64
BASE, EPSILON = 100_000.0, 1e-5
"""Base of the rotations and epsilon of the norms; the model's own metadata."""
LONGEST = 256
"""Tokens that are read, some 190 words."""
SKIPPED = 4
"""Tokens at the start that are not averaged: they have seen too little, the first one nothing."""
TAPS = (6, 9, 12)
"""Blocks after which the tokens are looked at."""


class Block:
    """One transformer block, its norms' gains folded away."""

    def __init__(self, tensors: "dict[str, Floats]") -> None:
        """Take the tensors of a block, by their names in it."""
        query = _turned(tensors["attn_q.weight"] * np.float32(HEAD**-0.5))
        rows = [query, _turned(tensors["attn_k.weight"]), tensors["attn_v.weight"]]
        self.qkv = np.concatenate(rows) * tensors["attn_norm.weight"]
        self.out = tensors["attn_output.weight"]
        rows = [tensors["ffn_gate.weight"], tensors["ffn_up.weight"]]
        self.up = np.concatenate(rows) * tensors["ffn_norm.weight"]
        self.down = tensors["ffn_down.weight"]

    def __call__(self, tokens: "Floats", cos: "Floats", sin: "Floats", mask: "Floats") -> None:
        """Add what this block makes of the tokens (n, 576) to them."""
        tokens += _attended(_normed(tokens) @ self.qkv.T, cos, sin, mask) @ self.out.T
        both = _normed(tokens) @ self.up.T
        gate, up = both[:, :HIDDEN], both[:, HIDDEN:]
        up *= gate
        gate *= -1
        np.exp(gate, out=gate)
        gate += 1
        up /= gate  # SwiGLU: gate / (1 + exp(-gate)) x up
        tokens += up @ self.down.T


def _turned(weight: "Floats") -> "Floats":
    """Return the rows of each head with the even ones first."""
    return weight.reshape(-1, HEAD // 2, 2, WIDTH).swapaxes(1, 2).reshape(-1, WIDTH)


def _normed(tokens: "Floats") -> "Floats":
    """Return tokens with mean square 1."""
    square = np.einsum("ij,ij->i", tokens, tokens)[:, None] / np.float32(WIDTH)
    normed: Floats = tokens / np.sqrt(square + np.float32(EPSILON))
    return normed


def _attended(qkv: "Floats", cos: "Floats", sin: "Floats", mask: "Floats") -> "Floats":
    """Return causal attention, three heads of queries to one of keys; queries come scaled."""
    n, edge = len(qkv), (HEADS + KEYS) * HEAD
    heads = qkv[:, :edge].reshape(n, HEADS + KEYS, HEAD).transpose(1, 0, 2)
    half = HEAD // 2
    left, right = heads[..., :half], heads[..., half:]
    turned = np.concatenate([left * cos - right * sin, left * sin + right * cos], -1)
    query = turned[:HEADS].reshape(KEYS, HEADS // KEYS * n, HEAD)
    value = qkv[:, edge:].reshape(n, KEYS, HEAD).transpose(1, 0, 2)
    share = (query @ turned[HEADS:].swapaxes(1, 2)).reshape(HEADS, n, n)
    share += mask
    share -= share.max(-1, keepdims=True)
    np.exp(share, out=share)
    share /= share.sum(-1, keepdims=True)
    mixed: Floats = (share.reshape(KEYS, -1, n) @ value).reshape(HEADS, n, HEAD)
    return mixed.transpose(1, 0, 2).reshape(n, WIDTH)


class LanguageModel:
    """The twelve blocks, unpacked once (180 MB), and the tokenizer."""

    def __init__(self, path: Path) -> None:
        """Read and unpack the weights; about 0.3 CPU s."""
        stored = load_file(path)
        self.tokenizer = Tokenizer(stored["letters"], stored["merges"])
        name = "token_embd.weight"
        self._embedding = {key: stored[f"{name}.{key}"] for key in ("q", "scale", "min")}
        self._blocks = [Block(unpack(_within(stored, f"blk.{at}."))) for at in range(max(TAPS))]

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

    def _streams(self, tokens: "Sequence[int]") -> "Iterator[Floats]":
        """Yield the residual stream (n, 576) after each tap, good until the next is asked for."""
        rows = {f"rows.{key}": value[list(tokens)] for key, value in self._embedding.items()}
        stream, n = unpack(rows)["rows"], len(tokens)
        angle = np.arange(n)[:, None] * BASE ** (-np.arange(0, HEAD, 2) / HEAD)
        cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
        mask = np.triu(np.full((n, n), -np.inf, np.float32), 1)
        for at, block in enumerate(self._blocks, 1):
            block(stream, cos, sin, mask)
            if at in TAPS:
                yield stream


def _within(stored: "dict[str, NDArray[Any]]", prefix: str) -> "dict[str, NDArray[Any]]":
    """Return the tensors below a prefix, without it."""
    return {n.removeprefix(prefix): v for n, v in stored.items() if n.startswith(prefix)}


@cache
def language_model() -> LanguageModel:
    """Return the shipped model, unpacked once a process."""
    with loading():
        return LanguageModel(WEIGHTS)
