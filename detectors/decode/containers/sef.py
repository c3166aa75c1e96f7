"""Blocks of the trailer that Samsung phones write behind a picture (SEF, as ExifTool reads it)."""

import struct

from detectors.decode.containers.walk import Chunk

HEAD = struct.Struct("<4sII")
ENTRY = struct.Struct("<HHII")
MAX_BLOCKS = 256
MAX_NAME = 128
"""Bytes of a name; blocks may lie over each other, so that each could be as long as the file."""


def blocks(data: bytes) -> list[Chunk]:
    """Return the named blocks of the trailer; none where there is no trailer.

    The directory stands at the very end of the file and counts back from its own start.
    """
    found: list[Chunk] = []
    length = int.from_bytes(data[-8:-4], "little")
    start = len(data) - 8 - length
    if data[-4:] != b"SEFT" or start < 0 or length < HEAD.size:
        return found
    magic, _, count = HEAD.unpack_from(data, start)
    if magic != b"SEFH":
        return found
    view = memoryview(data)
    for number in range(min(count, (length - HEAD.size) // ENTRY.size, MAX_BLOCKS)):
        _, _, back, size = ENTRY.unpack_from(data, start + HEAD.size + number * ENTRY.size)
        at = start - back
        if at < 0 or size > back or size < 8:  # type and length of the name
            continue
        name = int.from_bytes(data[at + 4 : at + 8], "little")
        if name <= MAX_NAME and 8 + name <= size:
            tag = bytes(view[at + 8 : at + 8 + name]).decode("latin-1")
            found.append(Chunk(tag, at + 8 + name, view[at + 8 + name : at + size]))
    return found
