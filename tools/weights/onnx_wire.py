"""Reads the few fields of an ONNX file that hold weights, without the `onnx` package.

Field numbers: onnx.proto (ModelProto.graph 7; GraphProto.node 1, .initializer 5; NodeProto.input 1,
.name 3, .op_type 4; TensorProto.dims 1, .data_type 2, .float_data 4, .int32_data 5, .name 8,
.raw_data 9). Wire format: protocol
buffers, "Encoding".
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Tensor = NDArray[Any]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
KINDS = {1: "<f4", 2: "u1", 3: "i1", 7: "<i8"}
"""TensorProto.DataType → numpy: FLOAT, UINT8, INT8, INT64."""


class Node:
    """One operation of a graph, as far as weights are concerned."""

    def __init__(self, data: memoryview) -> None:
        """Read a NodeProto."""
        self.inputs: list[str] = []
        self.name = self.op_type = ""
        for field, value in fields(data):
            if field == 1:
                self.inputs.append(_text(value))
            elif field == 3:  # field numbers of onnx.proto
                self.name = _text(value)
            elif field == 4:
                self.op_type = _text(value)


def read(data: bytes) -> "tuple[list[Node], dict[str, Tensor]]":
    """Read the nodes of a model in their order, and its stored tensors by name.

    Raises:
        ValueError: the bytes are no such file, or a tensor is stored in a form not read here.
    """
    nodes: list[Node] = []
    tensors: dict[str, Tensor] = {}
    for _, graph in (found for found in fields(memoryview(data)) if found[0] == 7):
        for field, value in fields(_view(graph)):
            if field == 1:
                nodes.append(Node(_view(value)))
            elif field == 5:
                name, tensor = _tensor(_view(value))
                tensors[name] = tensor
    return nodes, tensors


def fields(data: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Yield the fields of a message: (number, bytes if length-delimited, else an integer)."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = _varint(data, at)
            yield number, value
        elif wire in (BYTES, FIXED64, FIXED32):
            size = {FIXED64: 8, FIXED32: 4}.get(wire)
            if size is None:
                size, at = _varint(data, at)
            if at + size > len(data):
                raise ValueError("a field runs past the end of its message")
            yield number, data[at : at + size]
            at += size
        else:
            raise ValueError(f"wire type {wire} is not part of the format")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Return a base-128 integer and where it ends."""
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:  # the continuation bit
            return value, at
        shift += 7
    raise ValueError("an integer runs past the end of its message")


def _tensor(data: memoryview) -> "tuple[str, Tensor]":
    """Return a TensorProto's name and values."""
    import numpy as np

    shape: list[int] = []
    kind, name, values = 0, "", np.empty(0)
    for field, value in fields(data):
        if field == 1 and isinstance(value, int):
            shape.append(value)
        elif field == 1:
            shape.extend(_packed(_view(value)))
        elif field == 2 and isinstance(value, int):
            kind = value
        elif field == 4:
            values = np.frombuffer(_view(value), "<f4")
        elif field == 5:
            values = np.array(list(_packed(_view(value))))
        elif field == 8:
            name = _text(value)
        elif field == 9:
            values = np.frombuffer(_view(value), KINDS.get(kind, "u1"))
    if kind not in KINDS:
        raise ValueError(f"tensor {name!r} has data type {kind}, which is not read here")
    return name, values.astype(KINDS[kind]).reshape(shape)


def _packed(data: memoryview) -> Iterator[int]:
    """Yield the integers of a packed repeated field."""
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _view(value: memoryview | int) -> memoryview:
    """Return the bytes of a field that has to be length-delimited."""
    if isinstance(value, int):
        raise ValueError("a field has another wire type than onnx.proto gives it")  # noqa: TRY004
    return value


def _text(value: memoryview | int) -> str:
    """Return the string of a field that has to be one."""
    return bytes(_view(value)).decode()
