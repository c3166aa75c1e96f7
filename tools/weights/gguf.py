"""Reads what a GGUF file holds of a small llama, without the `gguf` package.

Layout: the GGUF specification of ggml (docs/gguf.md), version 3: header, key-value pairs, tensor
infos, padding to 32 bytes, tensor data. Blocks: ggml's quants, `block_q4_1` (half d, half m, 16
bytes whose low halves are the first 16 weights: w = d * q + m) and `block_q8_0` (half d, 32 signed
bytes: w = d * q).
"""

import math
import struct
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAGIC = b"GGUF"
VERSION = 3
ALIGNMENT = 32
SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
TEXT, LIST = 8, 9
"""gguf_metadata_value_type."""
F32, Q4_1, Q8_0 = 0, 3, 8
"""ggml_type."""
GROUP = 32
"""Weights of a block; 20 bytes in Q4_1, 34 in Q8_0."""


class Four(msgspec.Struct, frozen=True):
    """A matrix in Q4_1 as it lies: W = q * scale + minimum."""

    q: "NDArray[np.uint8]"
    """(out, in / 2); low halves are the first 16 of each 32 inputs."""
    scale: "NDArray[np.float16]"
    """(out, in / 32)."""
    minimum: "NDArray[np.float16]"
    """(out, in / 32)."""


class Model(msgspec.Struct, frozen=True):
    """What a file holds."""

    values: dict[str, Any]
    """The key-value pairs."""
    floats: "dict[str, NDArray[np.float32]]"
    """Tensors stored as F32 or Q8_0."""
    fours: dict[str, Four]
    """Tensors stored as Q4_1."""


class _Cursor:
    """Bytes that are read one after the other, little-endian."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def one(self, form: str) -> Any:
        """Return the next number."""
        (value,) = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return value

    def text(self) -> str:
        """Return the next string."""
        length = self.one("Q")
        self.at += length
        return self.data[self.at - length : self.at].decode()

    def value(self, kind: int) -> Any:
        """Return the next value of a kind."""
        if kind == TEXT:
            return self.text()
        if kind == LIST:
            inner, count = self.one("I"), self.one("Q")
            return [self.value(inner) for _ in range(count)]
        return self.one(SCALARS[kind])


def read(data: bytes) -> Model:
    """Read what the bytes of a file hold.

    Raises:
        ValueError: no whole GGUF of version 3, or a tensor has another type than the three.
    """
    try:
        return _read(data)
    except (ArithmeticError, LookupError, RecursionError, TypeError, struct.error) as error:
        raise ValueError(f"no whole GGUF: {error}") from error


def _read(data: bytes) -> Model:
    """Read what the bytes of a file hold; malformed ones raise in many ways."""
    cursor = _Cursor(data)
    if data[:4] != MAGIC or struct.unpack_from("<I", data, 4) != (VERSION,):
        raise ValueError("no GGUF of version 3")
    cursor.at = 8
    count, pairs = cursor.one("Q"), cursor.one("Q")
    model = Model({}, {}, {})
    for _ in range(pairs):
        name = cursor.text()
        model.values[name] = cursor.value(cursor.one("I"))
    infos = [_info(cursor) for _ in range(count)]
    start = math.ceil(cursor.at / ALIGNMENT) * ALIGNMENT
    for name, shape, kind, offset in infos:
        _take(model, name, shape, kind, memoryview(data)[start + offset :])
    return model


def _info(cursor: _Cursor) -> tuple[str, tuple[int, ...], int, int]:
    """Return name, shape (slowest dimension first), type and offset of the next tensor."""
    name, dimensions = cursor.text(), cursor.one("I")
    shape = tuple(cursor.one("Q") for _ in range(dimensions))[::-1]
    return name, shape, cursor.one("I"), cursor.one("Q")


def _take(model: Model, name: str, shape: tuple[int, ...], kind: int, data: memoryview) -> None:
    """Put one tensor where it belongs."""
    import numpy as np

    size = math.prod(shape)
    if kind == F32:
        model.floats[name] = np.frombuffer(data, "<f4", size).reshape(shape)
    elif kind == Q8_0:
        blocks = np.frombuffer(data, [("d", "<f2"), ("q", "i1", GROUP)], size // GROUP)
        model.floats[name] = (blocks["q"] * blocks["d"].astype(np.float32)[:, None]).reshape(shape)
    elif kind == Q4_1:
        form = [("d", "<f2"), ("m", "<f2"), ("q", "u1", GROUP // 2)]
        parts = np.frombuffer(data, form, size // GROUP)
        rows = shape[0]
        model.fours[name] = Four(*(parts[key].reshape(rows, -1) for key in ("q", "d", "m")))
    else:
        raise ValueError(f"{name}: ggml type {kind}; only F32, Q4_1 and Q8_0 are read here")
