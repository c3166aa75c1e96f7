"""ZIP archives without the directory at their end: cut short, or damaged there.

What lies in front of the cut is found by the local headers (APPNOTE 6.3.10, 4.3.7), and a directory
is made of them, so that such an archive is read like any other.
"""

import io
import os
import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from provenance.intake.archives.members import Expands

SIGNATURE: Final = b"PK\3\4"
LOCAL: Final = struct.Struct("<4sHHHHHLLLHH")
"""A local header: signature, version, flags, method, time, date, CRC, sizes, lengths of name and
extra field."""
CENTRAL: Final = struct.Struct("<4sHHHHHHLLLHHHHHLL")
END64: Final = struct.Struct("<4sQHHLLQQQQ")
LOCATOR64: Final = struct.Struct("<4sLQL")
END: Final = struct.Struct("<4sHHHHLLH")
WIDE: Final = struct.Struct("<HHQQQ")
"""The extra field of ZIP64: its tag and length, size, packed size, offset (4.5.3)."""
WIDE_TAG: Final = 1
VERSION: Final = 45
"""Of the standard, that has ZIP64."""
UNKNOWN: Final = 0xFFFFFFFF
"""Stands for a number of more than 32 bits, which the extra field has."""
NEWEST: Final = 63
"""Version of the standard that a local header may ask for."""
METHODS: Final = {0, 1, 6, 8, 9, 12, 14, 19, 93, 95, 96, 97, 98, 99}
"""Methods of compression that the standard knows; those that Python does not read make a member
damaged, not a file something else."""
DEFLATED: Final = 8
DESCRIBED: Final = 8
"""Flag of a member whose sizes stand behind its data, not in front (4.3.9)."""
DESCRIPTOR: Final = b"PK\7\10"
CHUNK: Final = 2**16


class Header(NamedTuple):
    """The local header of a member."""

    version: int
    flags: int
    method: int
    time: int
    date: int
    crc: int
    packed: int
    """Bytes of its data."""
    size: int
    """Bytes of the member."""
    name: bytes
    offset: int
    """Where the header begins."""
    data: int
    """Where the data begin."""


class Found(NamedTuple):
    """What stands in front of the cut."""

    whole: list[Header]
    end: int
    """Where the last whole member ends."""
    cut: Header | None
    """The member in which the archive is cut, where its name is known."""
    expands: bool
    """Whether reading stopped because it unpacks to too much."""


def is_local_header(head: bytes) -> bool:
    """Tell whether bytes begin with a sound local header, and not just with its signature."""
    if len(head) < LOCAL.size or not head.startswith(SIGNATURE):
        return False
    _, version, _, method, _, _, _, _, _, name, _ = LOCAL.unpack(head[: LOCAL.size])
    return version & 0xFF <= NEWEST and method in METHODS and 0 < name < 2**12


def found(file: io.RawIOBase, most: int) -> Found:
    """Find the members in front of the cut.

    Args:
        file: of the archive.
        most: bytes to which members may unpack that have to be unpacked to find their end.
    """
    length = file.seek(0, os.SEEK_END)
    whole: list[Header] = []
    end = 0
    left = most
    while (header := _header(file, end)) is not None:
        try:
            told = header
            if header.flags & DESCRIBED and not header.packed:
                told = _described(file, header, left)
                left -= told.size
        except Expands:
            return Found(whole, end, None, expands=True)
        except (zlib.error, EOFError, struct.error):
            return Found(whole, end, header, expands=False)
        behind = told.data + told.packed
        if behind > length:
            return Found(whole, end, header, expands=False)
        whole.append(told)
        end = behind + (_descriptor(file, told) if told.flags & DESCRIBED else 0)
    return Found(whole, end, None, expands=False)


def mended(file: io.RawIOBase, members: Found) -> io.BufferedReader:
    """Return the archive up to the cut, with a directory of its whole members behind that."""
    entries = b"".join(map(_entry, members.whole))
    count, size, at = len(members.whole), len(entries), members.end
    behind = entries + END64.pack(
        b"PK\6\6", END64.size - 12, VERSION, VERSION, 0, 0, count, count, size, at
    )
    behind += LOCATOR64.pack(b"PK\6\7", 0, at + size, 1)
    behind += END.pack(b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, UNKNOWN, UNKNOWN, 0)
    return io.BufferedReader(_Mended(file, at, behind))


class _Mended(io.RawIOBase):
    """The beginning of a file, and other bytes behind it."""

    def __init__(self, file: io.RawIOBase, end: int, behind: bytes) -> None:
        self._file, self._end, self._behind = file, end, behind
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        from_ = (0, self._at, self._end + len(self._behind))[whence]
        self._at = max(0, from_ + offset)
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        wanted = self._end + len(self._behind) if size < 0 else size
        if self._at < self._end:
            data = _read(self._file, min(wanted, self._end - self._at), self._at)
        else:
            data = self._behind[self._at - self._end :][:wanted]
        self._at += len(data)
        return data

    def readinto(self, buffer: "memoryview", /) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _entry(header: Header) -> bytes:
    """Return what the directory says of a member."""
    wide = WIDE.pack(WIDE_TAG, WIDE.size - 4, header.size, header.packed, header.offset)
    head = CENTRAL.pack(
        b"PK\1\2", VERSION, header.version, header.flags, header.method, header.time, header.date,
        header.crc, UNKNOWN, UNKNOWN, len(header.name), len(wide), 0, 0, 0, 0, UNKNOWN,
    )  # fmt: skip
    return head + header.name + wide


def _header(file: io.RawIOBase, at: int) -> Header | None:
    """Return the local header at an offset, None where there is none or it is cut."""
    head = _read(file, LOCAL.size, at)
    if not is_local_header(head):
        return None
    _, version, flags, method, time, date, crc, packed, size, name, extra = LOCAL.unpack(head)
    behind = _read(file, name + extra, at + LOCAL.size)
    if len(behind) < name + extra:
        return None
    packed, size = _wide(behind[name:], packed, size)
    data = at + LOCAL.size + name + extra
    return Header(version, flags, method, time, date, crc, packed, size, behind[:name], at, data)


def _wide(extra: bytes, packed: int, size: int) -> tuple[int, int]:
    """Return the sizes of a member: those too large for the header stand in the extra field."""
    while UNKNOWN in (packed, size) and len(extra) >= 4:
        tag, length = struct.unpack_from("<HH", extra)
        if tag == WIDE_TAG and length >= 16:
            size, packed = struct.unpack_from("<QQ", extra, 4)
            break
        extra = extra[4 + length :]
    return packed, size


def _described(file: io.RawIOBase, header: Header, most: int) -> Header:
    """Return the header of a member with the sizes that stand behind its data.

    Raises:
        EOFError: it is cut, or its end cannot be told.
        zlib.error: its data are damaged.
        Expands: it unpacks to too much.
    """
    if header.method != DEFLATED:
        raise EOFError
    size = crc = 0
    at, unpacker = header.data, zlib.decompressobj(-zlib.MAX_WBITS)
    for chunk in _chunks(file, header.data):
        at += len(chunk)
        data = unpacker.decompress(chunk, CHUNK)
        while data:
            size, crc = size + len(data), zlib.crc32(data, crc)
            if size > most:
                raise Expands
            data = b"" if unpacker.eof else unpacker.decompress(unpacker.unconsumed_tail, CHUNK)
        if unpacker.eof:
            packed = at - len(unpacker.unused_data) - header.data
            return header._replace(packed=packed, size=size, crc=crc)
    raise EOFError


def _descriptor(file: io.RawIOBase, header: Header) -> int:
    """Return the bytes of what stands behind the data of a member: sizes of 32 or 64 bits."""
    behind = _read(file, 24, header.data + header.packed)
    signed = len(DESCRIPTOR) if behind.startswith(DESCRIPTOR) else 0
    for numbers in ("<LLL", "<LQQ"):
        length = struct.calcsize(numbers)
        if len(behind) >= signed + length:
            _, packed, size = struct.unpack_from(numbers, behind, signed)
            if (packed, size) == (header.packed, header.size):
                return signed + length
    return len(behind)


def _chunks(file: io.RawIOBase, at: int) -> Iterator[bytes]:
    while chunk := _read(file, CHUNK, at):
        yield chunk
        at += len(chunk)


def _read(file: io.RawIOBase, size: int, at: int) -> bytes:
    """Read bytes at a place; fewer at the end."""
    file.seek(at)
    return file.read(size) or b""
