"""TIFF and BigTIFF directories (TIFF 6.0), which EXIF uses too."""

import struct
from collections.abc import Iterator

import msgspec

from detectors.containers.walk import MAX_CHUNKS, Chunk, Walk

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
BIG = 43
"""The version that makes a file BigTIFF."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A tag of a directory with the bytes of its value."""

    directory: str
    """`IFD0`, `IFD1` …, `Exif`, `GPS`, `Interop` or `SubIFD`."""
    tag: int
    type: int
    offset: int
    """Of the value, from the start of the TIFF header."""
    data: memoryview
    little: bool
    """Byte order of the value."""


class _Layout(msgspec.Struct, frozen=True):
    """How numbers lie in this file."""

    count: struct.Struct
    """Number of entries of a directory."""
    head: struct.Struct
    """Tag, type and number of values of an entry."""
    pointer: struct.Struct
    little: bool


def entries(data: bytes | memoryview) -> tuple[list[Entry], bool]:
    """Give the tags of every directory, and whether all directories were read.

    No directory is read twice, and a value that lies outside is left out.
    """
    found: list[Entry] = []
    layout = _layout(data)
    if layout is None:
        return found, False
    start = layout.pointer.unpack_from(data, 8 if layout.pointer.size == 8 else 4)[0]  # noqa: PLR2004 - BigTIFF
    waiting, seen, whole = [("IFD0", start, 0)], set[int](), True
    while waiting and len(seen) < MAX_DIRECTORIES and len(found) < MAX_CHUNKS:
        name, offset, page = waiting.pop(0)
        if not offset or offset in seen:
            continue
        seen.add(offset)
        before = len(found)
        following = _directory(data, layout, name, offset, found)
        whole = whole and following is not None
        for entry in found[before:]:
            waiting += [(below, at, -1) for below, at in _below(entry)]
        if following and 0 <= page < MAX_PAGES:
            waiting.append((f"IFD{page + 1}", following, page + 1))
    return found, whole and not waiting


def tags(data: bytes) -> Walk:
    """Give the tags of a TIFF file as chunks named `IFD0:0x010E`."""
    found, whole = entries(data)
    made = (Chunk(f"{each.directory}:0x{each.tag:04X}", each.offset, each.data) for each in found)
    return Walk(chunks=tuple(made), whole=whole, limited=len(found) >= MAX_CHUNKS)


def _layout(data: bytes | memoryview) -> _Layout | None:
    """Give how numbers lie, by the header; None where it is none."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None or len(data) < 8:  # noqa: PLR2004 - header of TIFF 6.0
        return None
    if struct.unpack_from(order + "H", data, 2)[0] != BIG:
        shapes = ("H", "HHI", "I")
    elif len(data) < 16:  # noqa: PLR2004 - header of BigTIFF
        return None
    else:
        shapes = ("Q", "HHQ", "Q")
    count, head, pointer = (struct.Struct(order + shape) for shape in shapes)
    return _Layout(count, head, pointer, order == "<")


def _directory(
    data: bytes | memoryview, layout: _Layout, name: str, offset: int, found: list[Entry]
) -> int | None:
    """Append the entries of a directory; give the offset of the next, None where it is cut."""
    if offset + layout.count.size > len(data):
        return None
    position = offset + layout.count.size
    width = layout.head.size + layout.pointer.size
    announced: int = layout.count.unpack_from(data, offset)[0]
    count = min(announced, (len(data) - position) // width, MAX_CHUNKS - len(found))
    view = memoryview(data)
    for start in range(position, position + count * width, width):
        tag, kind, values = layout.head.unpack_from(data, start)
        size = SIZES.get(kind, 0) * values
        at = start + layout.head.size
        if size > layout.pointer.size:
            at = layout.pointer.unpack_from(data, at)[0]
        if size and at + size <= len(data):
            found.append(
                Entry(
                    directory=name,
                    tag=tag,
                    type=kind,
                    offset=at,
                    data=view[at : at + size],
                    little=layout.little,
                )
            )
    end = position + announced * width
    if end + layout.pointer.size > len(data):
        return 0 if end <= len(data) else None  # many writers leave the last pointer out
    following: int = layout.pointer.unpack_from(data, end)[0]
    return following


def _below(entry: Entry) -> Iterator[tuple[str, int]]:
    """Give the directories that an entry points at, as (name, offset)."""
    if entry.tag in BELOW and SIZES[entry.type] in (4, 8):
        size = SIZES[entry.type]
        for start in range(0, min(len(entry.data), MAX_PAGES * size), size):
            value = entry.data[start : start + size]
            yield BELOW[entry.tag], int.from_bytes(value, "little" if entry.little else "big")
