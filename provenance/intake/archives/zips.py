"""ZIP archives, listed by their central directory."""

import os
import struct
import zipfile
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from detectors.errors import CannotAssess
from provenance.intake import files
from provenance.intake.archives import members
from provenance.intake.archives.members import BROKEN, Member, damaged, last_of_a_name, read_member

LOCAL: Final = struct.Struct("<4sHHHHHLLLHH")
"""A local header: signature, version, flags, method, time, date, CRC, sizes, lengths of name and
extra field."""
METHODS: Final = {0, 1, 6, 8, 9, 12, 14, 19, 93, 95, 96, 97, 98, 99}
"""Methods of compression that the standard knows; those that Python does not read make a member
damaged, not a file something else."""
NEWEST: Final = 63
"""Version of the standard that a local header may ask for."""


def is_local_header(head: bytes) -> bool:
    """Tell whether a file begins with a sound local header, and not just with its signature."""
    if len(head) < LOCAL.size:
        return False
    _, version, _, method, _, _, _, _, _, name, _ = LOCAL.unpack(head[: LOCAL.size])
    return version & 0xFF <= NEWEST and method in METHODS and 0 < name < 2**12


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
        with files.opened(path, follow=follow) as file, zipfile.ZipFile(file) as archive:
            return not DOCUMENTS.isdisjoint(archive.NameToInfo)
    except BROKEN:
        return False


class Zip:
    """A ZIP archive."""

    def __init__(self, path: str, *, follow: bool) -> None:
        self._path, self._follow = path, follow
        self.passed_over, self.fault = 0, None
        self.members: list[Member] = []
        try:
            with files.opened(path, follow=follow) as file, zipfile.ZipFile(file) as archive:
                self._list(archive.infolist(), os.fstat(file.fileno()).st_size)
        except BROKEN as error:
            self.fault = damaged(error)
        self.members = last_of_a_name(self.members)

    def _list(self, infos: list[zipfile.ZipInfo], size: int) -> None:
        most, unpacked = max(members.LEAST_BOMB, members.RATIO * size), 0
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
                yield member, read_member(partial(archive.open, infos[member.at]), member)
