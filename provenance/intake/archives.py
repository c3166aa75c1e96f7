"""Archives as sources: each member an item, read as a stream and never written to the disk.

Names of members are only names: `..` and a leading `/` lead nowhere. ZIP archives are told by a
sound local header (APPNOTE 6.3.10, 4.3.7), tar by its magic (POSIX.1-2017, pax), behind gzip, bzip2
or xz too. Word and other documents that are ZIP archives are documents.
"""

import bz2
import errno
import gzip
import io
import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import IO, BinaryIO, Final, Protocol, Self

from detectors.decode.sniff import NAMED_PICTURES, sniff
from detectors.errors import CannotAssess
from detectors.item import Item, Kind, Sidecar
from provenance.intake import files, posts
from provenance.intake.stdin import given, refused

MARK: Final = "!/"
"""Between the name of an archive and that of its member."""
LOCAL: Final = struct.Struct("<4sHHHHHLLLHH")
"""A local header: signature, version, flags, method, time, date, CRC, sizes, lengths of name and
extra field."""
METHODS: Final = {0, 1, 6, 8, 9, 12, 14, 19, 93, 95, 96, 97, 98, 99}
"""Methods of compression that the standard knows; those that Python does not read make a member
damaged, not a file something else."""
NEWEST: Final = 63
"""Version of the standard that a local header may ask for."""
MAGIC, MAGIC_AT = b"ustar", 257
"""Of a tar header, in every dialect of today."""
BLOCK: Final = 512
WINDOW: Final = 64 * 2**20
"""Bytes of members that are held at a time; of a stream, as many are collected in a pass."""
LEAST_BOMB: Final = 2**30
RATIO: Final = 200
"""An archive that unpacks to more than 1 GiB and more than 200 times its size is stopped."""
LONGEST_NAME: Final = 2**20
"""Bytes of the extended headers of a tar archive that are read for a member."""
EXTENDED: Final = {b"x", b"g", b"X", b"L", b"K"}
"""Types of headers whose data are names and other fields of the next member."""
DICTIONARY: Final = 256 * 2**20
"""Bytes of memory that xz may take: its largest preset needs 65 MiB."""
BROKEN: Final = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError,
    NotImplementedError, struct.error, ValueError, OverflowError, MemoryError,
)  # fmt: skip
"""What the readers of the standard library raise on archives that break their expectations."""


class Member:
    """A regular file in an archive."""

    __slots__ = ("at", "fault", "name", "size")

    def __init__(self, name: bytes, size: int, at: int, fault: str = "") -> None:
        """Note where it lies.

        Args:
            name: as stored.
            size: bytes, as the archive says.
            at: where it lies: its number among all members.
            fault: code of why it cannot be read; "": nothing is known against it.
        """
        self.name, self.size, self.at, self.fault = name, size, at, fault


class Archive(Protocol):
    """An archive whose members are known."""

    members: list[Member]
    """In the order in which they lie; of one name, the last."""
    passed_over: int
    """Links and special members."""
    fault: CannotAssess | None
    """What is said of the archive itself, behind its members."""

    def contents(self, wanted: Sequence[Member]) -> Iterator[tuple[Member, bytes | CannotAssess]]:
        """Yield the bytes of members, or why there are none, in the order in which they lie."""
        ...


def opened(path: str, *, follow: bool) -> Archive | None:
    """Return the archive that a file is by its content, None for any other file."""
    how = compression(path, follow=follow)
    if how is None:
        return None
    return _Zip(path, follow=follow) if how == "zip" else _Tar(path, how, follow=follow)


def compression(path: str, *, follow: bool) -> str | None:
    """Tell how an archive is packed: `zip`, or `gz`, `bz2`, `xz` or nothing around tar.

    Returns:
        None for a file that is no archive, and for one that is named as a picture, which is told as
        what it is.
    """
    if os.path.splitext(path)[1].lower() in NAMED_PICTURES:
        return None
    try:
        with files.opened(path, follow=follow) as file:
            head = file.read(2 * BLOCK)
    except OSError:
        return None
    if head.startswith(b"PK\3\4") and _is_local_header(head):
        return None if _is_document(path, follow=follow) else "zip"
    how = next((how for magic, how in STREAMS.items() if head.startswith(magic)), None)
    if how is None:
        return "" if _is_tar(head) else None
    try:
        with files.opened(path, follow=follow) as file, _stream(file, how) as stream:
            return how if _is_tar(stream.read(BLOCK)) else None
    except BROKEN:
        return None


STREAMS: Final = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz"}
"""First bytes of a compressed stream → how it is compressed."""


def _is_local_header(head: bytes) -> bool:
    """Tell whether a file begins with a sound local header, and not just with its signature."""
    if len(head) < LOCAL.size:
        return False
    _, version, _, method, _, _, _, _, _, name, _ = LOCAL.unpack(head[: LOCAL.size])
    return version & 0xFF <= NEWEST and method in METHODS and 0 < name < 2**12


def _is_document(path: str, *, follow: bool) -> bool:
    """Tell whether a ZIP archive is a document, which is one item."""
    try:
        return sniff(files.read(path, follow=follow)).kind is Kind.TEXT
    except CannotAssess:
        return False  # over the size of an item, so no document


def _is_tar(block: bytes) -> bool:
    return block[MAGIC_AT : MAGIC_AT + len(MAGIC)] == MAGIC


class _Xz:
    """A stream of xz, unpacked within a limit of memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._left = file, b""
        self._reader = self._new()

    def read(self, size: int) -> bytes:
        """Read up to so many bytes; fewer at the end.

        Raises:
            LZMAError: it is damaged, or needs more memory.
            EOFError: it is cut.
        """
        chunks = []
        while size > 0 and (chunk := self._some(size)):
            chunks.append(chunk)
            size -= len(chunk)
        return b"".join(chunks)

    def _some(self, size: int) -> bytes:
        while True:
            if self._reader.eof:
                self._left = self._reader.unused_data.lstrip(b"\0") or self._file.read(2**16)
                if not self._left:
                    return b""
                self._reader = self._new()
            packed = self._left or (self._file.read(2**16) if self._reader.needs_input else b"")
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


def _stream(file: BinaryIO, how: str) -> "BinaryIO | gzip.GzipFile | bz2.BZ2File | _Xz":
    """Return what reads an unpacked stream."""
    if how == "gz":
        return gzip.GzipFile(fileobj=file, mode="rb")
    if how == "bz2":
        return bz2.BZ2File(file)
    return _Xz(file) if how == "xz" else file


class _Expands(Exception):  # noqa: N818 - a state of an archive
    """An archive unpacks to far more than its size."""


class _Counted:
    """Reads a stream and counts its bytes."""

    def __init__(self, stream: "BinaryIO | gzip.GzipFile | bz2.BZ2File | _Xz", most: int) -> None:
        self._stream, self._left = stream, most

    def read(self, size: int) -> bytes:
        """Read bytes.

        Raises:
            _Expands: there are too many.
        """
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _Expands
        return data


def _last(members: list[Member]) -> list[Member]:
    """Return of members of one name the last."""
    return list({member.name: member for member in members}.values())


class _Zip:
    """A ZIP archive."""

    def __init__(self, path: str, *, follow: bool) -> None:
        self._path, self._follow = path, follow
        self.passed_over, self.fault = 0, None
        self.members: list[Member] = []
        try:
            with files.opened(path, follow=follow) as file, zipfile.ZipFile(file) as archive:
                self._list(archive.infolist(), os.fstat(file.fileno()).st_size)
        except BROKEN as error:
            self.fault = _damaged(error)
        self.members = _last(self.members)

    def _list(self, infos: list[zipfile.ZipInfo], size: int) -> None:
        most, unpacked = max(LEAST_BOMB, RATIO * size), 0
        for at, info in enumerate(infos):
            mode = info.external_attr >> 16
            if info.is_dir():
                continue
            if mode and (mode & 0o170000) not in (0, 0o100000):
                self.passed_over += 1
                continue
            fault = "archive.encrypted" if info.flag_bits & 1 else ""
            if info.file_size > files.MAX_BYTES:
                fault = "item.too_large"
            elif not fault and (unpacked := unpacked + info.file_size) > most:
                self.fault = files.failed("archive.expands")
                return
            utf8 = info.flag_bits & 0x800
            name = info.orig_filename.encode("utf-8" if utf8 else "cp437", "surrogateescape")
            self.members.append(Member(name, info.file_size, at, fault))

    def contents(self, wanted: Sequence[Member]) -> Iterator[tuple[Member, bytes | CannotAssess]]:
        """Yield the bytes of members, or why there are none, in the order in which they lie."""
        with files.opened(self._path, follow=self._follow) as file:
            archive = zipfile.ZipFile(file)
            infos = archive.infolist()
            for member in sorted(wanted, key=lambda member: member.at):
                yield member, _read(partial(archive.open, infos[member.at]), member)


def _read(open_: Callable[[], "IO[bytes]"], member: Member) -> bytes | CannotAssess:
    """Read a member whole."""
    if member.fault:
        limit = files.MAX_BYTES // 2**20
        return files.failed(
            member.fault, **({"limit_mib": limit} if "large" in member.fault else {})
        )
    try:
        with open_() as stream:
            return files.bounded(stream.read, member.size)
    except CannotAssess as fault:
        return fault
    except (*BROKEN, RuntimeError) as error:
        return _damaged(error)


def _damaged(error: BaseException) -> CannotAssess:
    return files.failed("archive.damaged", error=f"{type(error).__name__}: {error}"[:200])


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


class _Tar:
    """A tar archive, read from its beginning to its end in each pass."""

    def __init__(self, path: str, how: str, *, follow: bool) -> None:
        self._path, self._how, self._follow = path, how, follow
        self._most = max(LEAST_BOMB, RATIO * os.stat(path).st_size)
        self.passed_over, self.fault = 0, None
        found: list[Member] = []
        try:
            for at, info, _ in self._walk():
                if info.isreg():
                    fault = "item.too_large" if info.size > files.MAX_BYTES else ""
                    found.append(Member(os.fsencode(info.name), info.size, at, fault))
                elif not info.isdir():
                    self.passed_over += 1
        except _Expands:
            self.fault = files.failed("archive.expands")
            found = found[:-1]  # the one in which it was stopped
        except BROKEN as error:
            self._cut(found, error)
        self.members = _last(found)

    def _cut(self, found: list[Member], error: BaseException) -> None:
        """Note where an archive breaks off: in its last member, or behind it."""
        if found and self._lacks(found[-1]):
            found[-1].fault = "archive.damaged"
        else:
            self.fault = _damaged(error)

    def _lacks(self, member: Member) -> bool:
        try:
            return any(isinstance(data, CannotAssess) for _, data in self.contents([member]))
        except BROKEN:
            return True

    def _walk(self) -> Generator[tuple[int, tarfile.TarInfo, tarfile.TarFile]]:
        """Yield number and header of each member."""
        with files.opened(self._path, follow=self._follow) as file, _stream(file, self._how) as raw:
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
            yield member, _read(io.BytesIO, member)
        if not left:
            return
        walk = self._walk()
        for at, info, archive in walk:
            if at in left:
                member = left.pop(at)
                yield member, _read(partial(_extracted, archive, info), member)
            if not left:
                walk.close()
                return


def _extracted(archive: tarfile.TarFile, info: tarfile.TarInfo) -> "BinaryIO":
    stream = archive.extractfile(info)
    if stream is None:
        raise tarfile.ReadError("it has no bytes")
    return stream  # type: ignore[return-value]


class _Folder:
    """The members of an archive by their names, as files lie beside each other in a folder."""

    def __init__(self, path: str, archive: Archive) -> None:
        self._uri, self._archive = files.uri(path), archive
        self.members = {os.fsdecode(member.name): member for member in archive.members}
        """By name, sorted by its bytes."""
        names = sorted(self.members, key=os.fsencode)
        self.members = {name: self.members[name] for name in names}
        self._near = files.near(names)
        self._paths = {os.path.normpath(name): name for name in names}
        self.items = [name for name in names if not self._owned(name)]
        """Names of the members that are items: no sidecar whose file is there."""

    def _owned(self, name: str) -> bool:
        return files.is_sidecar(os.path.basename(name)) and self._owners(name) > 0

    def _owners(self, sidecar: str) -> int:
        return files.owned(sidecar, self._near.get(os.path.splitext(sidecar)[0], ()))

    def uri(self, name: str) -> str:
        """Return the name of a member as records have it."""
        return f"{self._uri}{MARK}{files.named(os.fsencode(name))}"

    def beside(self, name: str) -> list[str]:
        """Return the names of a member's sidecars."""
        c2pa = os.path.splitext(name)[0] + files.SIDECAR
        found = [c2pa] if c2pa in self.members and not name.endswith(files.SIDECAR) else []
        return found + [each for each in files.xmp_names(name) if each in self.members]

    def at(self, path: str) -> str | None:
        """Return the name of the member at a path, however the archive writes it."""
        return self._paths.get(os.path.normpath(path))

    def needs(self, name: str) -> list[Member]:
        """Return what is read for an item: the member and its sidecars."""
        return [self.members[each] for each in (name, *self.beside(name))]

    def item(self, name: str, read: "Bytes", kind: Kind | None = None) -> Item:
        """Return the item of a member whose bytes, and those of its sidecars, were read."""
        beside = self.beside(name)
        c2pa = [self._sidecar(each, read) for each in beside if each.endswith(files.SIDECAR)]
        xmp = [self._sidecar(each, read) for each in beside if not each.endswith(files.SIDECAR)]
        return Item(
            self.uri(name),
            _reader(read[self.members[name].at]),
            kind=kind,
            sidecar=c2pa[0] if c2pa else None,
            metadata=tuple(xmp),
        )

    def _sidecar(self, name: str, read: "Bytes") -> Sidecar:
        return Sidecar(
            read=_reader(read[self.members[name].at]),
            name=files.uri(os.path.basename(name)),
            shared=self._owners(name) > 1,
        )

    def read(self, wanted: Sequence[Member]) -> "Bytes":
        """Read members in one pass."""
        unique = {member.at: member for member in wanted}
        found: Bytes = {}
        try:
            for member, data in self._archive.contents([*unique.values()]):
                found[member.at] = data
        except (*BROKEN, _Expands) as error:
            found |= {at: _damaged(error) for at in unique if at not in found}
        return found


Bytes = dict[int, bytes | CannotAssess]
"""Number of a member → its bytes, or why there are none."""


def _reader(data: bytes | CannotAssess) -> Callable[[], bytes]:
    return partial(refused, data) if isinstance(data, CannotAssess) else partial(given, data)


def items(path: str, archive: Archive) -> Iterator[Item]:
    """Yield the items of an archive, sorted by the bytes of their names.

    As many members as fit into a window are read at a time, so that memory does not grow with the
    archive; a compressed stream that is not in order is read once for each window.

    Args:
        path: of the archive.
        archive: what `opened` gave.
    """
    folder = _Folder(path, archive)
    waiting: list[str] = []
    size = 0
    for name in folder.items:
        if name.lower().endswith(posts.ENDINGS):
            yield from _window(folder, waiting)
            waiting, size = [], 0
            yield from _posts(folder, name)
            continue
        needed = sum(member.size for member in folder.needs(name))
        if waiting and size + needed > WINDOW:
            yield from _window(folder, waiting)
            waiting, size = [], 0
        waiting.append(name)
        size += needed
    yield from _window(folder, waiting)
    if archive.fault is not None:
        yield Item(files.uri(path), partial(refused, archive.fault))


def _window(folder: _Folder, names: Sequence[str]) -> Iterator[Item]:
    """Yield the items of members that are read in one pass."""
    if names:
        read = folder.read([member for name in names for member in folder.needs(name)])
        yield from (folder.item(name, read) for name in names)


def _posts(folder: _Folder, name: str) -> Iterator[Item]:
    """Yield the items of a file that is named as one of posts."""
    read = folder.read(folder.needs(name))
    data = read[folder.members[name].at]
    if isinstance(data, CannotAssess) or not posts.tells(data):
        yield folder.item(name, read)
        return
    below, media = os.path.dirname(name), dict[int, bytes | CannotAssess]()
    asked: list[Member] = []

    def note(path: str) -> Item:
        if inner := folder.at(os.path.join(below, path)):
            asked.extend(folder.needs(inner))
        return Item(path, partial(given, b""))

    def medium(path: str) -> Item:
        inner = folder.at(os.path.join(below, path))
        return folder.item(inner, media) if inner else Item(path, MISSING)

    uri = folder.uri(name)
    ahead = posts.items(io.BufferedReader(io.BytesIO(data)), uri, note)
    made = posts.items(io.BufferedReader(io.BytesIO(data)), uri, medium)
    while count := _posts_of_a_window(ahead, asked):
        media = folder.read(asked)
        asked.clear()
        yield from islice(made, count)


def _posts_of_a_window(ahead: Iterator[Item], asked: list[Member]) -> int:
    """Go on over posts until the media that they ask for fill a window; return how many."""
    count = 0
    for _ in ahead:
        count += 1
        if sum(member.size for member in asked) > WINDOW:
            break
    return count


MISSING: Final = partial(refused, files.failed("item.missing", error=os.strerror(errno.ENOENT)))
"""Stands for the bytes of a medium that is not in the archive."""
