"""Tar archives, plain or compressed, read as a stream."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
from collections.abc import Generator, Iterator, Sequence
from functools import partial
from typing import BinaryIO, Final, Self

from detectors.errors import CannotAssess
from provenance.intake import files
from provenance.intake.archives import members
from provenance.intake.archives.members import (
    BROKEN,
    Expands,
    Member,
    damaged,
    last_of_a_name,
    read_member,
)

MAGIC, MAGIC_AT = b"ustar", 257
"""Of a tar header, in every dialect of today."""
BLOCK: Final = 512
LONGEST_NAME: Final = 2**20
"""Bytes of the extended headers of a tar archive that are read for a member."""
EXTENDED: Final = {b"x", b"g", b"X", b"L", b"K"}
"""Types of headers whose data are names and other fields of the next member."""
DICTIONARY: Final = 256 * 2**20
"""Bytes of memory that xz may take: its largest preset needs 65 MiB."""
STREAMS: Final = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz"}
"""First bytes of a compressed stream → how it is compressed."""


def is_tar(block: bytes) -> bool:
    """Tell whether a block is the header of a member."""
    return block[MAGIC_AT : MAGIC_AT + len(MAGIC)] == MAGIC


class _Xz:
    """A stream of xz, unpacked within a limit of memory."""

    def __init__(self, file: io.RawIOBase) -> None:
        self._file, self._left = file, b""
        self._reader = self._new()

    def read(self, size: int) -> bytes:
        """Read up to so many bytes; fewer at the end.

        Raises:
            LZMAError: it is damaged, or needs more memory.
            EOFError: it is cut.
        """
        chunks = []
        while size > 0 and (chunk := self.read1(size)):
            chunks.append(chunk)
            size -= len(chunk)
        return b"".join(chunks)

    def read1(self, size: int) -> bytes:
        """Read some bytes, none at the end; raises what `read` does."""
        while True:
            if self._reader.eof:
                self._left = self._reader.unused_data.lstrip(b"\0") or (
                    self._file.read(2**16) or b""
                )
                if not self._left:
                    return b""
                self._reader = self._new()
            packed = self._left or (
                (self._file.read(2**16) or b"") if self._reader.needs_input else b""
            )
            if not packed and self._reader.needs_input:
                raise EOFError("the stream is cut")
            self._left = b""
            if chunk := self._reader.decompress(packed, size):
                return chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    @staticmethod
    def _new() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=DICTIONARY)


def unpacked(file: io.RawIOBase, how: str) -> "io.RawIOBase | gzip.GzipFile | bz2.BZ2File | _Xz":
    """Return what reads an unpacked stream."""
    if how == "gz":
        return gzip.GzipFile(fileobj=file, mode="rb")
    if how == "bz2":
        return bz2.BZ2File(file)
    return _Xz(file) if how == "xz" else file


class _Counted:
    """Reads a stream and counts its bytes."""

    def __init__(
        self, stream: "io.RawIOBase | gzip.GzipFile | bz2.BZ2File | _Xz", most: int
    ) -> None:
        self._some = stream.read if isinstance(stream, io.RawIOBase) else stream.read1
        self._left = most
        self._broken: Exception | None = None

    def read(self, size: int) -> bytes:
        """Read bytes; fewer in front of the end, or of what is damaged.

        Raises:
            Expands: there are too many.
            One of BROKEN: there are none in front of what is damaged.
        """
        if self._broken is not None:
            raise self._broken
        data = bytearray()
        try:
            while len(data) < size and (chunk := self._some(size - len(data))):
                data += chunk
        except BROKEN as error:
            if not data:
                raise
            self._broken = error
        self._left -= len(data)
        if self._left < 0:
            raise Expands
        return bytes(data)


class _Info(tarfile.TarInfo):
    """A header, of which no extended part may be read that is too long."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        extended = not (
            self.isreg() or self.isdir() or self.issym() or self.islnk() or self.isdev()
        )
        if extended and not self.issparse() and self.size > LONGEST_NAME:
            raise tarfile.ReadError("an extended header is too long")
        made: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return made


class Tar:
    """A tar archive, read from its beginning once, and again for what lies further in front."""

    def __init__(self, path: str, how: str, *, follow: bool) -> None:
        self._path, self._how, self._follow = path, how, follow
        self._most = max(members.LEAST_BOMB, members.RATIO * files.source(path).size)
        self.passed_over, self.fault = 0, None
        self._pass, self._next = self._walk(), 0
        """A pass that goes on where the last members were read, and the member that comes next."""
        found: list[Member] = []
        try:
            for at, info, _ in self._walk():
                if info.isreg():
                    fault = "item.too_large" if info.size > files.MAX_BYTES else ""
                    found.append(Member(os.fsencode(info.name), info.size, at, fault))
                elif not info.isdir():
                    self.passed_over += 1
        except Expands:
            self.fault = files.failed("archive.expands")
            found = found[:-1]  # the one in which it was stopped
        except BROKEN as error:
            self._cut(found, error)
        self.members = last_of_a_name(found)

    def _cut(self, found: list[Member], error: BaseException) -> None:
        """Note that an archive breaks off, and whether it does so in its last member."""
        if found and self._lacks(found[-1]):
            found[-1].fault = "archive.damaged"
        self.fault = damaged(error)

    def _lacks(self, member: Member) -> bool:
        try:
            return any(isinstance(data, CannotAssess) for _, data in self.contents([member]))
        except BROKEN:
            return True

    def _walk(self) -> Generator[tuple[int, tarfile.TarInfo, tarfile.TarFile]]:
        """Yield number and header of each member."""
        with (
            files.stream(self._path, follow=self._follow) as file,
            unpacked(file, self._how) as raw,
        ):
            counted = _Counted(raw, self._most)
            with tarfile.open(
                fileobj=counted,
                mode="r|",
                tarinfo=_Info,
                encoding="utf-8",
                errors="surrogateescape",
            ) as archive:  # type: ignore[call-overload]
                for at, info in enumerate(archive):
                    yield at, info, archive
                    archive.members = []  # a list of all headers would grow with the archive

    def contents(self, wanted: Sequence[Member]) -> Iterator[tuple[Member, bytes | CannotAssess]]:
        """Yield the bytes of members, or why there are none, in the order in which they lie."""
        left = {member.at: member for member in wanted}
        for at in [at for at, member in left.items() if member.fault]:
            member = left.pop(at)
            yield member, read_member(io.BytesIO, member)
        if not left:
            return
        if self._next > min(left):
            self._pass.close()
            self._pass, self._next = self._walk(), 0
        for at, info, archive in self._pass:
            self._next = at + 1
            if at in left:
                member = left.pop(at)
                yield member, read_member(partial(_extracted, archive, info), member)
            if not left:
                return


def _extracted(archive: tarfile.TarFile, info: tarfile.TarInfo) -> "BinaryIO":
    stream = archive.extractfile(info)
    if stream is None:
        raise tarfile.ReadError("it has no bytes")
    return stream  # type: ignore[return-value]
