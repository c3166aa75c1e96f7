"""CBOR (RFC 8949), as far as manifests use it: bounded, and without any object of the sender's."""

import struct
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 32
MAX_VALUES = 100_000
"""Values of one document; assertions have tens."""
INDEFINITE = 31
SIZES = {24: 1, 25: 2, 26: 4, 27: 8}
"""Additional information → bytes of the argument behind the head (RFC 8949, 3)."""
FLOATS = {25: ">e", 26: ">f", 27: ">d"}
SIMPLE = {20: False, 21: True}
"""Simple values; `null`, `undefined` and all others are None."""


def decoded(data: bytes | memoryview) -> Any:
    """Return the first value of these bytes; tags are left out.

    Raises:
        ValueError: malformed, cut, or over a limit.
    """
    reader = _Reader(bytes(data))
    try:
        return reader.value(0)
    except (_Break, IndexError, struct.error, TypeError) as error:  # TypeError: a list as a key
        raise ValueError("malformed CBOR") from error


class _Break(Exception):  # noqa: N818 - a sign of the format
    """The end of an array or mapping of no stated length."""


class _Reader:
    """Reads one value after another."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.left = MAX_VALUES

    def value(self, depth: int) -> Any:
        """Return the next value."""
        self.left -= 1
        if depth > MAX_DEPTH or self.left < 0:
            raise ValueError("CBOR over a limit")
        kind, info = divmod(self.data[self.at], 32)
        self.at += 1
        if kind == 7:  # RFC 8949, 3.1
            return self._simple(info)
        count = None if info == INDEFINITE else self._argument(info)
        if kind in (0, 1):
            return ~(count or 0) if kind else count
        if kind in (2, 3):
            raw = b"".join(self._pieces(count))
            return raw.decode("utf-8", "replace") if kind == 3 else raw
        if kind == 4:
            return list(self._items(count, depth))
        if kind == 5:
            keys = self._items(count, depth)
            return {key: self.value(depth + 1) for key in keys}
        return self.value(depth + 1)  # a tag

    def _argument(self, info: int) -> int:
        """Return the number in or behind a head."""
        if info not in SIZES:
            if info > 27:  # reserved
                raise ValueError("malformed CBOR")
            return info
        return int.from_bytes(self._taken(SIZES[info]), "big")

    def _taken(self, size: int) -> bytes:
        """Return the next bytes."""
        if self.at + size > len(self.data):
            raise ValueError("cut CBOR")
        self.at += size
        return self.data[self.at - size : self.at]

    def _simple(self, info: int) -> Any:
        """Return a float, truth value or nothing."""
        if info == INDEFINITE:
            raise _Break
        if info in FLOATS:
            return struct.unpack(FLOATS[info], self._taken(SIZES[info]))[0]
        return SIMPLE.get(self._argument(info))

    def _pieces(self, count: int | None) -> list[bytes]:
        """Return the pieces of a string, one where its length is stated."""
        if count is not None:
            return [self._taken(count)]
        pieces = []
        while self.data[self.at] != 0xFF:  # break
            self.left -= 1
            if self.left < 0:
                raise ValueError("CBOR over a limit")
            info = self.data[self.at] % 32
            self.at += 1
            pieces.append(self._taken(self._argument(info)))
        self.at += 1
        return pieces

    def _items(self, count: int | None, depth: int) -> Iterator[Any]:
        """Yield the members of an array, or the keys of a mapping."""
        while count is None or count > 0:
            try:
                item = self.value(depth + 1)
            except _Break:
                if count is not None:
                    raise
                return
            yield item
            count = None if count is None else count - 1
