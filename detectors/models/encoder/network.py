"""The encoder in torch: what `forward.py` has to equal, and what runs on a GPU and in training."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.numpy import load_file
from torch import Tensor, nn

from detectors.models.encoder.forward import (
    BLOCKS,
    EPSILON,
    HEADS,
    HIDDEN,
    MEAN,
    PATCH,
    SIDE,
    STD,
    WEIGHTS,
    WIDTH,
)
from detectors.models.quantised import steps, unpack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Block(nn.Module):
    """A transformer block with its norms before attention and before the two dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(WIDTH, EPSILON)
        self.layer_norm2 = nn.LayerNorm(WIDTH, EPSILON)
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            self.add_module(name, nn.Linear(WIDTH, WIDTH))
        self.fc1 = nn.Linear(WIDTH, HIDDEN)
        self.fc2 = nn.Linear(HIDDEN, WIDTH)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (n, 197, 768) from the same."""
        normed = self.layer_norm1(tokens)
        q, k, v = (
            self.get_submodule(name)(normed).unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for name in ("q_proj", "k_proj", "v_proj")
        )
        mixed = nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        tokens = tokens + self.get_submodule("out_proj")(mixed)
        hidden = self.fc1(self.layer_norm2(tokens))
        out: Tensor = tokens + self.fc2(hidden * torch.sigmoid(1.702 * hidden))  # quick GELU
        return out


class Network(nn.Module):
    """The first eight blocks of CLIP ViT-B/16's image tower (arXiv 2103.00020)."""

    def __init__(self) -> None:
        super().__init__()
        self.class_embedding = nn.Parameter(torch.zeros(WIDTH))
        self.patch_embedding = nn.Conv2d(3, WIDTH, PATCH, PATCH, bias=False)
        self.position_embedding = nn.Embedding((SIDE // PATCH) ** 2 + 1, WIDTH)
        self.layer_norm0 = nn.LayerNorm(WIDTH, EPSILON)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))

    @classmethod
    def read(cls, path: Path) -> "Network":
        """Read the network with the weights of a packed file, rounded as `forward.py` has them."""
        network = cls()
        tensors = unpack(load_file(path))
        for name, value in tensors.items():
            if name.startswith("blocks.") and value.ndim == 2:  # a matrix
                whole, step = steps(value)
                tensors[name] = whole * step[:, None]
        network.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
        return network.eval().requires_grad_(requires_grad=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the class token after each block.

        Args:
            pixels: (n, 224, 224, 3), 0..255, any number type.

        Returns:
            (n, 8, 768), before any final norm.
        """
        device = self.class_embedding.device
        mean, std = (torch.tensor(values, device=device) for values in (MEAN, STD))
        scaled = (pixels.to(device, torch.float32) / 255 - mean) / std
        cells = self.patch_embedding(scaled.permute(0, 3, 1, 2)).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(cells), 1, -1)
        tokens = torch.cat((first, cells), 1) + self.position_embedding.weight
        tokens = self.layer_norm0(tokens)
        found = []
        for block in self.blocks:
            tokens = block(tokens)
            found.append(tokens[:, 0])
        return torch.stack(found, 1)


@cache
def network(device: str) -> Network:
    """Return the shipped encoder on a device (`cpu`, `cuda`), unpacked once a process."""
    return Network.read(WEIGHTS).to(device)


def encode(pixels: "NDArray[np.uint8]", device: str) -> "NDArray[np.float32]":
    """Return the class tokens (n, 8, 768) of pictures (n, 224, 224, 3)."""
    with torch.inference_mode():
        found: NDArray[np.float32] = network(device)(torch.from_numpy(pixels)).cpu().numpy()
    return found
