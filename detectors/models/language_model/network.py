"""The language model in torch: what `forward.py` has to equal, and what runs on a GPU.

SmolLM2-135M: a llama (RMS norms before attention and before the gated layers, grouped queries,
rotations of neighbouring pairs), of which the first twelve of thirty blocks.
"""

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from safetensors.numpy import load_file
from torch import Tensor, nn
from torch.nn import functional

from detectors.models.language_model.forward import (
    BASE,
    EPSILON,
    HEAD,
    HEADS,
    HIDDEN,
    KEYS,
    SKIPPED,
    TAPS,
    WEIGHTS,
    WIDTH,
)
from detectors.models.quantised import steps, unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

TOKENS = 49_152


class Block(nn.Module):
    """A transformer block; the names are llama.cpp's."""

    def __init__(self) -> None:
        super().__init__()
        self.attn_norm = nn.RMSNorm(WIDTH, EPSILON)
        self.ffn_norm = nn.RMSNorm(WIDTH, EPSILON)
        self.attn_q = nn.Linear(WIDTH, HEADS * HEAD, bias=False)
        self.attn_k = nn.Linear(WIDTH, KEYS * HEAD, bias=False)
        self.attn_v = nn.Linear(WIDTH, KEYS * HEAD, bias=False)
        self.attn_output = nn.Linear(WIDTH, WIDTH, bias=False)
        self.ffn_gate = nn.Linear(WIDTH, HIDDEN, bias=False)
        self.ffn_up = nn.Linear(WIDTH, HIDDEN, bias=False)
        self.ffn_down = nn.Linear(HIDDEN, WIDTH, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the tokens (n, length, 576) after this block."""
        normed = self.attn_norm(tokens)
        query, key = (_rotated(_heads(of(normed))) for of in (self.attn_q, self.attn_k))
        value = _heads(self.attn_v(normed))
        mixed = functional.scaled_dot_product_attention(
            query, key, value, is_causal=True, enable_gqa=True
        )
        tokens = tokens + self.attn_output(mixed.transpose(1, 2).flatten(2))
        normed = self.ffn_norm(tokens)
        gated = functional.silu(self.ffn_gate(normed)) * self.ffn_up(normed)
        after: Tensor = tokens + self.ffn_down(gated)
        return after


def _heads(tokens: Tensor) -> Tensor:
    """Return (n, heads, length, 64)."""
    return tokens.reshape(*tokens.shape[:2], -1, HEAD).transpose(1, 2)


def _rotated(heads: Tensor) -> Tensor:
    """Return heads with each pair (2i, 2i + 1) turned by position x BASE^(-2i / 64)."""
    position = torch.arange(heads.shape[2], device=heads.device, dtype=torch.float32)
    steps = torch.arange(0, HEAD, 2, device=heads.device, dtype=torch.float32)
    angle = position[:, None] * BASE ** (-steps / HEAD)
    cos, sin = angle.cos().to(heads.dtype), angle.sin().to(heads.dtype)
    left, right = heads[..., 0::2], heads[..., 1::2]
    return torch.stack([left * cos - right * sin, left * sin + right * cos], -1).flatten(-2)


class LanguageModel(nn.Module):
    """The first twelve blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.token_embd = nn.Embedding(TOKENS, WIDTH)
        self.blk = nn.ModuleList(Block() for _ in range(max(TAPS)))

    def forward(self, tokens: Tensor) -> list[Tensor]:
        """Return the residual stream (n, length, 576) after blocks 6, 9 and 12."""
        stream = self.token_embd(tokens)
        found = []
        for at, block in enumerate(self.blk, 1):
            stream = block(stream)
            if at in TAPS:
                found.append(stream)
        return found


@cache
def language_model(device: str) -> LanguageModel:
    """Return the shipped model on a device, with weights rounded as `forward.py` has them."""
    stored = load_file(WEIGHTS)
    tensors = unpack({name: v for name, v in stored.items() if name not in ("letters", "merges")})
    for name, value in tensors.items():
        if name.startswith("blk.") and value.ndim == 2:  # a matrix
            whole, step = steps(value)
            tensors[name] = whole * step[:, None]
    model = LanguageModel()
    model.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    return model.eval().to(device)


@torch.inference_mode()
def read(texts: "Sequence[Sequence[int]]", device: str) -> "NDArray[np.float32]":
    """Read what `forward.LanguageModel` gives, of several texts at once.

    Args:
        texts: tokens of each, padded here; those of one length run fastest.
        device: `cpu`, `cuda`.

    Returns:
        (n, 3, 576).
    """
    longest = max(len(tokens) for tokens in texts)
    padded = [[*tokens, *[0] * (longest - len(tokens))] for tokens in texts]
    streams = language_model(device)(torch.tensor(padded, device=device))
    rows = []
    for at, tokens in enumerate(texts):
        kept = slice(min(SKIPPED, len(tokens) - 1), len(tokens))
        rows.append(torch.stack([stream[at, kept].mean(0) for stream in streams]))
    found: NDArray[np.float32] = torch.stack(rows).cpu().numpy()
    return found


@torch.inference_mode()
def sums(tokens: "Sequence[int]", ends: "Sequence[int]", device: str) -> "NDArray[np.float32]":
    """Return what `forward.LanguageModel.sums` gives, (parts, 3, 576)."""
    bounds = list(pairwise([SKIPPED, *(max(end, SKIPPED) for end in ends)]))
    streams = language_model(device)(torch.tensor([tokens], device=device))
    rows = [torch.stack([stream[0, a:b].sum(0) for stream in streams]) for a, b in bounds]
    found: NDArray[np.float32] = torch.stack(rows).cpu().numpy()
    return found
