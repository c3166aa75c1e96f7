"""The encoder in onnxruntime: the engine of `check` and `scan` on a CPU.

The same numbers as `network.py`, held together by a test. `graph.py` describes what is run.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load_file

from detectors.decode.memory import loading
from detectors.models.onnx_runtime import onnxruntime
from detectors.models.quantised import steps, unpack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

WEIGHTS = Path(__file__).with_name("weights.safetensors")
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
        stored = load_file(path)
        head = {name: value for name, value in stored.items() if not name.startswith("blocks.")}
        first = unpack(head)
        self._patch = first["patch_embedding.weight"].reshape(WIDTH, -1)
        self._place = first["position_embedding.weight"]
        self._place[0] += first["class_embedding"]
        self._gain, self._shift = first["layer_norm0.weight"], first["layer_norm0.bias"]
        self._weights = _weights(stored)  # the session reads them where they lie
        self._session = _session(self._weights)

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
        found: Floats = self._session.run(None, {"tokens": tokens[None]})[0][0]
        return found


def _weights(stored: "dict[str, NDArray[Any]]") -> "dict[str, NDArray[Any]]":
    """Return the tensors of all blocks by their names in the graph."""
    found: dict[str, NDArray[Any]] = {}
    for at in range(BLOCKS):
        found |= _integers(unpack(_within(stored, f"blocks.{at}.")))
    return found


def _session(weights: "dict[str, NDArray[Any]]") -> Any:
    """Return the graph, ready to run on one core; it lasts as long as its weights do.

    One core: `scan` gives each core a picture of its own, and waiting threads cost CPU.
    """
    runtime = onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    values = [runtime.OrtValue.ortvalue_from_numpy(value) for value in weights.values()]
    options.add_external_initializers(list(weights), values)
    return runtime.InferenceSession(GRAPH.read_bytes(), options, providers=["CPUExecutionProvider"])


def _integers(block: "dict[str, Floats]") -> "dict[str, NDArray[Any]]":
    """Return a block's tensors as the graph names them: (in, out), integers and steps."""
    found: dict[str, NDArray[Any]] = {}
    for name, value in block.items():
        if value.ndim == 1:
            found[name] = value
        else:
            whole, step = steps(value)
            found[name] = np.ascontiguousarray(whole.T)
            found[name.removesuffix("weight") + "step"] = step
    return found


def _within(stored: "dict[str, NDArray[Any]]", prefix: str) -> "dict[str, NDArray[Any]]":
    """Return the tensors below a prefix."""
    return {name: value for name, value in stored.items() if name.startswith(prefix)}


@cache
def encoder() -> Encoder:
    """Return the shipped encoder, unpacked once a process."""
    with loading():
        return Encoder(WEIGHTS)
