"""Tensors of a safetensors file, read one by one.

A file that is mapped counts as memory beside what is made of it, and one that is read whole does
too. Of the large ones every tensor is read where it is unpacked, and then let go.

The form: 8 bytes, little-endian, the size of a header; the header, JSON: name → `dtype`, `shape`
and `data_offsets`, begin and end behind the header; the data (huggingface/safetensors, README).
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE: Final = 8
KINDS: Final = {"F16": "<f2", "F32": "<f4", "U8": "u1", "U16": "<u2", "I8": "i1"}


class Stored:
    """The tensors of a file of this distribution; no other is to be opened by it."""

    def __init__(self, path: Path) -> None:
        """Read the header."""
        with path.open("rb") as file:
            size = int.from_bytes(file.read(SIZE), "little")
            header = json.loads(file.read(size))
        self._path, self._data = path, SIZE + size
        self._places = {name: at for name, at in header.items() if name != "__metadata__"}

    @property
    def names(self) -> list[str]:
        """The names of the tensors."""
        return list(self._places)

    def read(self, name: str) -> "NDArray[Any]":
        """Return a tensor."""
        at = self._places[name]
        begin, end = at["data_offsets"]
        kind = np.dtype(KINDS[at["dtype"]])
        values: NDArray[Any] = np.fromfile(
            self._path, kind, (end - begin) // kind.itemsize, offset=self._data + begin
        )
        return values.reshape(at["shape"])

    def mapped(self, name: str) -> "NDArray[Any]":
        """Return a tensor of which few rows are wanted: only those are read."""
        at = self._places[name]
        place = self._data + at["data_offsets"][0]
        return np.memmap(self._path, KINDS[at["dtype"]], "r", place, tuple(at["shape"]))
