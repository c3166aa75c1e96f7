"""TIFF and BigTIFF directories (TIFF 6.0), which EXIF uses too."""

import struct
from collections import deque
from collections.abc import Iterator

import msgspec

from detectors.decode.containers.walk import MAX_CHUNKS, Chunk, Walk

SIZES = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
    16: 8, 17: 8, 18: 8,
}  # fmt: skip
"""Bytes of one value of each type."""
BELOW = {0x8769: "Exif", 0x8825: "GPS", 0xA005: "Interop", 0x014A: "SubIFD"}
"""Tags whose values are offsets of further directories."""
MAX_DIRECTORIES = 64
MAX_PAGES = 16
"""Directories in a row: pages beyond are pictures of their own."""
MAX_POINTERS = 1_024
"""Values that may point at directories; a file of every kind of directory has some ten."""
BIG = 43
"""The version that makes a file BigTIFF."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A tag of a directory with the bytes of its value."""

    directory: str
    """`IFD0`, `IFD1` …, `Exif`, `GPS`, `Interop` or `SubIFD`."""
    tag: int
    type: int
    offset: int
    """Offset of the value from the start of the TIFF header."""
    data: memoryview
    little: bool
    """Byte order of the value."""


class Layout(msgspec.Struct, frozen=True):
    """How numbers lie in this file."""

    count: struct.Struct
    """Number of entries of a directory."""
    head: struct.Struct
    """Tag, type and number of values of an entry."""
    pointer: struct.Struct
    little: bool

    @property
    def first(self) -> int:
        """Offset of the pointer to the first directory."""
        return 8 if self.pointer.size == 8 else 4  # BigTIFF, TIFF

    def following(self, directory: int, count: int) -> int:
        """Return the offset of the pointer behind a directory of so many entries."""
        return directory + self.count.size + count * (self.head.size + self.pointer.size)


class Entries(msgspec.Struct, frozen=True, kw_only=True):
    """The tags of all directories of a file."""

    found: list[Entry]
    whole: bool
    """Whether all directories were read."""
    limited: bool
    """Whether a limit of ours left some out."""
    lost: frozenset[int] = frozenset()
    """Tags whose values lie outside the file."""


def entries(data: bytes | memoryview) -> Entries:
    """Return the tags of every directory.

    No directory is read twice, a value that lies outside is left out, and of values that lie over
    each other no more is given than the file has bytes, twice.
    """
    layout = layout_of(data)
    if layout is None:
        return Entries(found=[], whole=False, limited=False)
    reader = _Reader(data, layout)
    return Entries(
        found=reader.found,
        whole=reader.whole,
        limited=reader.limited,
        lost=frozenset(reader.lost),
    )


class _Reader:
    """Reads directories in the order in which they are named."""

    def __init__(self, data: bytes | memoryview, layout: "Layout") -> None:
        self.data, self.layout = data, layout
        self.view = memoryview(data)
        self.found: list[Entry] = []
        self.lost: set[int] = set()
        self.whole, self.limited = True, False
        self._left = 2 * len(data)
        self._pointers = MAX_POINTERS
        self._named: set[int] = set()
        self._waiting = deque[tuple[str, int, int]]()
        first = layout.pointer.unpack_from(data, layout.first)[0]
        self._wait("IFD0", first, 0)
        while self._waiting and not self.limited:
            self._read(*self._waiting.popleft())

    def _wait(self, name: str, offset: int, page: int) -> None:
        """Put a directory at the end of the queue, unless it was named before."""
        if not offset or offset in self._named:
            return
        if len(self._named) >= MAX_DIRECTORIES:
            self.whole = False
            return
        self._named.add(offset)
        self._waiting.append((name, offset, page))

    def _read(self, name: str, offset: int, page: int) -> None:
        """Keep the entries of a directory and queue the directories that they and it point at."""
        before = len(self.found)
        following = self._directory(name, offset)
        self.whole = self.whole and following is not None
        for entry in self.found[before:]:
            for below, at in _below(entry):
                self._pointers -= 1
                if self._pointers < 0:
                    self.limited, self.whole = True, False
                    return
                self._wait(below, at, -1)
        if following and 0 <= page < MAX_PAGES:
            self._wait(f"IFD{page + 1}", following, page + 1)

    def _directory(self, name: str, offset: int) -> int | None:
        """Keep the entries of a directory; return the offset of the next, None where it is cut."""
        layout, size_of_file = self.layout, len(self.data)
        if offset + layout.count.size > size_of_file:
            return None
        position = offset + layout.count.size
        width = layout.head.size + layout.pointer.size
        announced: int = layout.count.unpack_from(self.data, offset)[0]
        count = min(announced, (size_of_file - position) // width)
        for start in range(position, position + count * width, width):
            if not self._entry(name, start):
                return 0
        end = layout.following(offset, announced)
        if end + layout.pointer.size > size_of_file:
            return 0 if end <= size_of_file else None  # many writers leave the last pointer out
        following: int = layout.pointer.unpack_from(self.data, end)[0]
        return following

    def _entry(self, name: str, start: int) -> bool:
        """Keep the entry that stands there; tell whether there was room for it."""
        layout = self.layout
        tag, kind, values = layout.head.unpack_from(self.data, start)
        size = SIZES.get(kind, 0) * values
        at = start + layout.head.size
        if size > layout.pointer.size:
            at = layout.pointer.unpack_from(self.data, at)[0]
        if not size or at + size > len(self.data):
            if size:
                self.lost.add(tag)
            return True
        self._left -= size
        if self._left < 0 or len(self.found) >= MAX_CHUNKS:
            self.limited, self.whole = True, False
            return False
        value = self.view[at : at + size]
        self.found.append(
            Entry(directory=name, tag=tag, type=kind, offset=at, data=value, little=layout.little)
        )
        return True


def tags(data: bytes) -> Walk:
    """Return the tags of a TIFF file as chunks named `IFD0:0x010E`."""
    read = entries(data)
    made = (Chunk(f"{e.directory}:0x{e.tag:04X}", e.offset, e.data) for e in read.found)
    return Walk(chunks=tuple(made), whole=read.whole, limited=read.limited, steps=len(read.found))


def layout_of(data: bytes | memoryview) -> Layout | None:
    """Return how numbers lie, by the header; None where it is none."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None or len(data) < 8:  # header of TIFF 6.0
        return None
    if struct.unpack_from(order + "H", data, 2)[0] != BIG:
        shapes = ("H", "HHI", "I")
    elif len(data) < 16:  # header of BigTIFF
        return None
    else:
        shapes = ("Q", "HHQ", "Q")
    count, head, pointer = (struct.Struct(order + shape) for shape in shapes)
    return Layout(count, head, pointer, order == "<")


def _below(entry: Entry) -> Iterator[tuple[str, int]]:
    """Yield the directories that an entry points at, as (name, offset)."""
    if entry.tag in BELOW and SIZES[entry.type] in (4, 8):
        size = SIZES[entry.type]
        for start in range(0, min(len(entry.data), MAX_PAGES * size), size):
            value = entry.data[start : start + size]
            yield BELOW[entry.tag], int.from_bytes(value, "little" if entry.little else "big")
