"""The encoder in numpy: the engine of `check` and `scan` on a CPU.

The same numbers as `network.py`, held together by a test. Layer norms are folded into the matrices
that follow them, and the last block is computed for its class token alone. Tokens are columns:
matrices (out, in) then multiply them as they lie in memory, which takes a fifteenth less time.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load_file

from detectors.packed import unpack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

WEIGHTS = Path(__file__).with_name("weights.safetensors")
SIDE = 224
"""Pixels of the square that the encoder sees."""
PATCH, HEADS, EPSILON = 16, 12, 1e-5
CHUNKS = 48
"""Parts of the hidden layer gated one by one, small enough for a core's cache."""
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""Of the pictures CLIP was trained on (openai/CLIP, clip.py)."""


class Block:
    """One transformer block, its layer norms folded away."""

    def __init__(self, tensors: "dict[str, Floats]") -> None:
        """Take the tensors of a block, by their names in it."""
        scale = np.float32((tensors["q_proj.weight"].shape[0] // HEADS) ** -0.5)
        tensors["q_proj.weight"] *= scale
        tensors["q_proj.bias"] *= scale
        names = ("q_proj", "k_proj", "v_proj")
        weight = np.concatenate([tensors.pop(f"{name}.weight") for name in names])
        bias = np.concatenate([tensors.pop(f"{name}.bias") for name in names])
        self.qkv = _folded(weight, bias, tensors, "layer_norm1")
        self.out = tensors["out_proj.weight"], tensors["out_proj.bias"][:, None]
        self.up = _folded(tensors["fc1.weight"], tensors["fc1.bias"], tensors, "layer_norm2")
        self.down = tensors["fc2.weight"], tensors["fc2.bias"][:, None]

    def __call__(self, tokens: "Floats", keep: int) -> "Floats":
        """Give the first `keep` tokens after this block, from all tokens (768, n) before it."""
        query, key, value = self._projected(_normed(tokens), keep)
        kept = self.out[0] @ _attended(query, key, value)
        kept += self.out[1]
        kept += tokens[:, :keep]
        hidden = self.up[0] @ _normed(kept)
        hidden += self.up[1]
        for part in np.split(hidden, CHUNKS):
            gate = part * np.float32(-1.702)  # quick GELU, in place and in the cache
            np.exp(gate, out=gate)
            gate += 1
            np.divide(part, gate, out=part)
        kept += self.down[0] @ hidden
        kept += self.down[1]
        return kept

    def _projected(self, normed: "Floats", keep: int) -> "tuple[Floats, Floats, Floats]":
        """Give the queries of the first `keep` tokens, and the keys and values of all."""
        width, (weight, bias) = len(normed), self.qkv
        if keep == normed.shape[1]:  # one product is quicker than two
            whole = weight @ normed
            whole += bias
            return whole[:width], whole[width : 2 * width], whole[2 * width :]
        query = weight[:width] @ normed[:, :keep] + bias[:width]
        both = weight[width:] @ normed + bias[width:]
        return query, both[:width], both[width:]


def _folded(
    weight: "Floats", bias: "Floats", tensors: "dict[str, Floats]", norm: str
) -> "tuple[Floats, Floats]":
    """Give matrix and bias that take plainly normed tokens: gain and shift go into them."""
    bias = bias + weight @ tensors[f"{norm}.bias"]
    weight *= tensors[f"{norm}.weight"]
    return weight, bias[:, None]


def _normed(tokens: "Floats") -> "Floats":
    """Give tokens, one a column, with mean 0 and variance 1."""
    centred: Floats = tokens - tokens.mean(0)
    spread = np.einsum("ij,ij->j", centred, centred) / np.float32(len(tokens))
    centred /= np.sqrt(spread + np.float32(EPSILON))
    return centred


def _attended(query: "Floats", key: "Floats", value: "Floats") -> "Floats":
    """Give softmax attention over all heads; queries are scaled already."""
    q, k, v = (x.reshape(HEADS, -1, x.shape[1]) for x in (query, key, value))
    share = k.transpose(0, 2, 1) @ q
    share -= share.max(1, keepdims=True)
    np.exp(share, out=share)
    share /= share.sum(1, keepdims=True)
    mixed: Floats = v @ share
    return mixed.reshape(query.shape)


class Encoder:
    """The eight blocks, unpacked once (230 MB)."""

    def __init__(self, path: Path) -> None:
        """Read and unpack the weights; about 0.3 CPU s."""
        stored = load_file(path)
        head = {name: value for name, value in stored.items() if not name.startswith("blocks.")}
        first = unpack(head)
        self.patch = first["patch_embedding.weight"].reshape(len(first["class_embedding"]), -1)
        self.place = first["position_embedding.weight"]
        self.place[0] += first["class_embedding"]
        norm = first["layer_norm0.weight"], first["layer_norm0.bias"]
        self.gain, self.shift = (values[:, None] for values in norm)
        count = 1 + max(int(name.split(".")[1]) for name in stored if name.startswith("blocks."))
        self.blocks = [Block(unpack(_within(stored, f"blocks.{i}."))) for i in range(count)]

    def __call__(self, pixels: "NDArray[np.uint8]") -> "Floats":
        """Give the class token after each block.

        Args:
            pixels: (224, 224, 3), 0..255.

        Returns:
            (8, 768), before any final norm.
        """
        mean, std = np.array(MEAN, np.float32), np.array(STD, np.float32)
        scaled = (pixels / np.float32(255) - mean) / std
        grid = SIDE // PATCH
        cells = scaled.reshape(grid, PATCH, grid, PATCH, 3).transpose(0, 2, 4, 1, 3)
        tokens = self.place.copy()
        tokens[1:] += cells.reshape(grid * grid, -1) @ self.patch.T
        tokens = _normed(np.ascontiguousarray(tokens.T)) * self.gain + self.shift
        found = []
        for at, block in enumerate(self.blocks, 1):
            tokens = block(tokens, 1 if at == len(self.blocks) else tokens.shape[1])
            found.append(tokens[:, 0].copy())
        return np.stack(found)


def _within(stored: "dict[str, NDArray[Any]]", prefix: str) -> "dict[str, NDArray[Any]]":
    """Give the tensors below a prefix, without it."""
    return {n.removeprefix(prefix): v for n, v in stored.items() if n.startswith(prefix)}


@cache
def encoder() -> Encoder:
    """Give the shipped encoder, unpacked once a process."""
    return Encoder(WEIGHTS)
