"""ZIP archives, listed by their central directory, or by local headers where that is cut off."""

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import IO, Final

from detectors.errors import CannotAssess
from provenance.intake import files
from provenance.intake.archives import members
from provenance.intake.archives.cut_zip import Found, found, mended
from provenance.intake.archives.members import BROKEN, Member, damaged, last_of_a_name, read_member

DOCUMENTS: Final = {
    "[Content_Types].xml",  # Office Open XML (ECMA-376, part 2)
    "mimetype",  # OpenDocument (part 3) and EPUB OCF
    "META-INF/MANIFEST.MF",  # Java and Android programs
    "Index/Document.iwa", "Index.zip",  # Pages, Numbers, Keynote
}  # fmt: skip
"""Members by which a ZIP archive is one file of another format."""


def is_document(path: str, *, follow: bool) -> bool:
    """Tell whether a ZIP archive is a document or a program, which is one item."""
    try:
        with _opened(path, follow=follow) as (archive, _):
            return not DOCUMENTS.isdisjoint(archive.NameToInfo)
    except BROKEN:
        return False


@contextmanager
def _opened(
    path: str, *, follow: bool, known: Found | None = None
) -> Iterator[tuple[zipfile.ZipFile, Found | None]]:
    """Open a ZIP archive: one without a sound directory at what stands in front of the cut.

    Args:
        path: of the file.
        follow: whether links are followed.
        known: what stands there; None: that is not known yet, or it has a directory.

    Yields:
        The archive, and what stands in front of the cut; None: it has a directory.

    Raises:
        One of BROKEN.
    """
    with files.stream(path, follow=follow) as file, ExitStack() as closing:
        archive = None
        if known is None:
            with suppress(*BROKEN):
                archive = zipfile.ZipFile(file)
        if archive is None or not _begins_with_a_member(archive):
            known = known or found(file, _most(files.source(path).size))
            archive = zipfile.ZipFile(closing.enter_context(mended(file, known)))
        yield archive, known


def _begins_with_a_member(archive: zipfile.ZipFile) -> bool:
    """Tell whether a directory is of this archive, not of one that lies in it behind a cut."""
    infos = archive.infolist()
    return bool(infos) and min(info.header_offset for info in infos) == 0


def _most(size: int) -> int:
    """Return the bytes to which an archive of a size may unpack."""
    return max(members.LEAST_BOMB, members.RATIO * size)


class Zip:
    """A ZIP archive."""

    def __init__(self, path: str, *, follow: bool) -> None:
        self._path, self._follow = path, follow
        self.passed_over, self.fault = 0, None
        self.members: list[Member] = []
        self._cut: Found | None = None
        try:
            with _opened(path, follow=follow) as (archive, self._cut):
                self._list(archive.infolist(), _most(files.source(path).size))
        except BROKEN as error:
            self.fault = damaged(error)
        if self._cut is not None:
            self._end(self._cut)
        self.members = last_of_a_name(self.members)

    def _end(self, found: Found) -> None:
        """Note the member in which the archive is cut, and that it is."""
        if found.cut is not None:
            self.members.append(Member(found.cut.name, 0, len(found.whole), "archive.damaged"))
        if found.expands:
            self.fault = files.failed("archive.expands")
        self.fault = self.fault or damaged(EOFError("its directory is missing or damaged"))

    def _list(self, infos: list[zipfile.ZipInfo], most: int) -> None:
        unpacked = 0
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
        with _opened(self._path, follow=self._follow, known=self._cut) as (archive, _):
            for member in sorted(wanted, key=lambda member: member.at):
                yield member, read_member(partial(_stream, archive, member.at), member)


def _stream(archive: zipfile.ZipFile, at: int) -> IO[bytes]:
    return archive.open(archive.infolist()[at])
