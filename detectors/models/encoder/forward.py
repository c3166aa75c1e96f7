"""The encoder in onnxruntime: the engine of `check` and `scan` on a CPU.

The same numbers as `network.py`, held together by a test. `graph.py` describes what is run.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load_file

from detectors.decode.memory import loading
from detectors.models.onnx_runtime import Engine
from detectors.models.quantised import integers, unpack
from detectors.models.stored import Stored

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

WEIGHTS = Path(__file__).with_name("weights.safetensors")
STEPS = Path(__file__).with_name("steps.safetensors")
"""What `quantised.steps` gives of each matrix of the weights: it takes longer than reading them."""
GRAPH = Path(__file__).with_name("graph.onnx")
SIDE = 224
"""Pixels of the square that the encoder sees."""
WIDTH, HIDDEN, BLOCKS = 768, 3072, 8
PATCH, HEADS, EPSILON = 16, 12, 1e-5
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""Mean and deviation of the pictures that CLIP was trained on (openai/CLIP, clip.py)."""


class Encoder:
    """The eight blocks, unpacked once."""

    def __init__(self, path: Path) -> None:
        """Read and unpack the weights, and load the graph with them."""
        stored = Stored(path)
        head = [name for name in stored.names if not name.startswith("blocks.")]
        first = unpack({name: stored.read(name) for name in head})
        self._engine = Engine(GRAPH.read_bytes(), _weights(stored))
        self._patch = first["patch_embedding.weight"].reshape(WIDTH, -1)
        self._place = first["position_embedding.weight"]
        self._place[0] += first["class_embedding"]
        self._gain, self._shift = first["layer_norm0.weight"], first["layer_norm0.bias"]

    def __call__(self, pixels: "NDArray[np.uint8]") -> "Floats":
        """Return the class token after each block.

        Args:
            pixels: (224, 224, 3), 0..255.

        Returns:
            (8, 768), before any final norm.
        """
        mean, std = np.array(MEAN, np.float32), np.array(STD, np.float32)
        scaled = (pixels / np.float32(255) - mean) / std
        grid = SIDE // PATCH
        cells = scaled.reshape(grid, PATCH, grid, PATCH, 3).transpose(0, 2, 4, 1, 3)
        tokens = self._place.copy()
        tokens[1:] += cells.reshape(grid * grid, -1) @ self._patch.T
        tokens -= tokens.mean(1, keepdims=True)
        tokens /= np.sqrt(tokens.var(1, keepdims=True) + np.float32(EPSILON))
        tokens = tokens * self._gain + self._shift
        found: Floats = self._engine({"tokens": tokens[None]})[0][0]
        return found


def _weights(stored: Stored) -> "dict[str, NDArray[Any]]":
    """Return the tensors of all blocks by their names in the graph: (in, out), integers and steps.

    Args:
        stored: the file of weights.
    """
    found: dict[str, NDArray[Any]] = {}
    steps = load_file(STEPS)
    for name in stored.names:
        base, _, ending = name.rpartition(".")
        if not name.startswith("blocks.") or ending in ("scale", "min"):
            continue
        value = stored.read(name)
        if ending == "q":
            scale, low = (stored.read(f"{base}.{part}") for part in ("scale", "min"))
            step = base.removesuffix("weight") + "step"
            found[base], found[step] = integers(value, scale, low, steps[base]), steps[base]
        else:
            found[name] = value.astype(np.float32)
    return found


@cache
def encoder() -> Encoder:
    """Return the shipped encoder, unpacked once a process."""
    with loading():
        return Encoder(WEIGHTS)
