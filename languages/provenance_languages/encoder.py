"""The multilingual encoder in numpy: multilingual-e5-small (Wang et al. 2024), twelve blocks.

What is read is not the sentence's embedding, which says what a text is about, but the means over
its tokens after several blocks, which also say how it is written.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load_file

from detectors.decode.memory import loading
from detectors.models.quantised import unpack
from provenance_languages.tokenizer import FIRST, LAST, Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

WEIGHTS = Path(__file__).with_name("encoder.safetensors")
WIDTH, HEADS, BLOCKS = 384, 12, 12
EPSILON = 1e-12
"""Of the norms; the model's own."""
LONGEST = 256
"""Tokens that are read at once, some 170 words or 200 of Chinese."""
TAPS = (3, 6, 9, 12)
"""Blocks after which the tokens are looked at."""
MIDDLE = 8.0
"""The 4-bit integer that stands for 0."""


class Block:
    """One transformer block: attention and a hidden layer, a norm after each."""

    def __init__(self, tensors: "dict[str, Floats]") -> None:
        """Take the tensors of a block, by their names in it."""
        scale = np.float32((WIDTH // HEADS) ** -0.5)
        rows = [tensors["q.w"] * scale, tensors["k.w"], tensors["v.w"]]
        self._qkv = np.ascontiguousarray(np.concatenate(rows).T)
        self._qkv_bias = np.concatenate([tensors["q.b"] * scale, tensors["k.b"], tensors["v.b"]])
        self._out, self._out_bias = tensors["ao.w"].T, tensors["ao.b"]
        self._up, self._up_bias = tensors["fi.w"].T, tensors["fi.b"]
        self._down, self._down_bias = tensors["fo.w"].T, tensors["fo.b"]
        self._first = tensors["aln.w"], tensors["aln.b"]
        self._second = tensors["oln.w"], tensors["oln.b"]

    def __call__(self, tokens: "Floats") -> "Floats":
        """Return what this block makes of the tokens (n, 384)."""
        mixed = _attended(tokens @ self._qkv + self._qkv_bias)
        mixed = _normed(tokens + mixed @ self._out + self._out_bias, *self._first)
        hidden = _gelu(mixed @ self._up + self._up_bias)
        return _normed(mixed + hidden @ self._down + self._down_bias, *self._second)


def _normed(tokens: "Floats", gain: "Floats", bias: "Floats") -> "Floats":
    """Return tokens with mean 0 and deviation 1, times the gain, plus the bias."""
    tokens -= tokens.mean(-1, keepdims=True)
    square = np.einsum("ij,ij->i", tokens, tokens)[:, None] / np.float32(WIDTH)
    tokens /= np.sqrt(square + np.float32(EPSILON))
    tokens *= gain
    tokens += bias
    return tokens


def _attended(qkv: "Floats") -> "Floats":
    """Return attention of every token to all; queries come scaled."""
    query, key, value = qkv.reshape(len(qkv), 3, HEADS, -1).transpose(1, 2, 0, 3)
    share = query @ key.transpose(0, 2, 1)
    share -= share.max(-1, keepdims=True)
    np.exp(share, out=share)
    share /= share.sum(-1, keepdims=True)
    mixed: Floats = np.matmul(share, value)
    return mixed.transpose(1, 0, 2).reshape(len(qkv), WIDTH)


def _gelu(numbers: "Floats") -> "Floats":
    """Return x times the normal distribution's share below x, to 1e-6.

    The error function is Abramowitz and Stegun's 7.1.26.
    """
    size = np.abs(numbers) * np.float32(0.5**0.5)
    part: Floats = np.reciprocal(1 + np.float32(0.3275911) * size)
    series: Floats = np.float32(1.061405429) * part
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series += np.float32(factor)
        series *= part
    size *= size
    np.negative(size, out=size)
    np.exp(size, out=size)
    series *= size  # 1 - erf(|x| / sqrt 2)
    series *= np.abs(numbers)
    series *= np.float32(-0.5)
    np.add(series, np.maximum(numbers, 0), out=series)
    return series


class Encoder:
    """The encoder, its blocks unpacked once (85 MB), and its tokenizer."""

    def __init__(self, path: Path) -> None:
        """Read and unpack the weights."""
        stored = load_file(path)
        self._tokenizer = Tokenizer(stored)
        self._words = stored["emb.word.q"], stored["emb.word.scale"]
        self._positions = stored["emb.pos"].astype(np.float32)
        self._norm = stored["emb.ln.w"].astype(np.float32), stored["emb.ln.b"].astype(np.float32)
        self._blocks = [Block(_within(stored, f"l{at}.")) for at in range(BLOCKS)]

    def tokens(self, text: str, most: int = LONGEST) -> list[int]:
        """Return the tokens of a text, at most so many with those that start and end it."""
        return [FIRST, *self._tokenizer.encode(text, most - 2), LAST]

    def __call__(self, tokens: "Sequence[int]") -> "Floats":
        """Return the means over the tokens, (4, 384): after blocks 3, 6, 9 and 12."""
        streams = list(self.streams(tokens))
        return np.stack([streams[tap].mean(0) for tap in TAPS])

    def streams(self, tokens: "Sequence[int]") -> "Iterator[Floats]":
        """Yield the tokens (n, 384) before the first block and after each.

        Args:
            tokens: 2 to 512.
        """
        at = list(tokens)
        rows = _matrix(*(part[at] for part in self._words))
        stream = _normed(rows + self._positions[: len(at)], *self._norm)
        yield stream
        for block in self._blocks:
            stream = block(stream)
            yield stream


def _matrix(whole: "NDArray[np.uint8]", scale: "NDArray[np.float16]") -> "Floats":
    """Return a matrix whose 4-bit integers lie around 8."""
    low: NDArray[Any] = scale * np.float16(-MIDDLE)
    return unpack({"m.q": whole, "m.scale": scale, "m.min": low})["m"]


def _within(stored: "dict[str, NDArray[Any]]", prefix: str) -> "dict[str, Floats]":
    """Return the tensors below a prefix, without it, unpacked."""
    own = {n.removeprefix(prefix): v for n, v in stored.items() if n.startswith(prefix)}
    found = {n: v.astype(np.float32) for n, v in own.items() if n.count(".") == 1}
    names = {n.rpartition(".")[0] for n in own if n.count(".") == 2}
    return found | {n: _matrix(own[f"{n}.q"], own[f"{n}.scale"]) for n in names}


@cache
def encoder() -> Encoder:
    """Return the shipped encoder, unpacked once a process."""
    with loading():
        return Encoder(WEIGHTS)
