"""Members of archives, whatever the archive, and why one cannot be read."""

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Final, Protocol

from detectors.errors import CannotAssess
from provenance.intake import files

LEAST_BOMB: Final = 2**30
RATIO: Final = 200
"""An archive that unpacks to more than 1 GiB and more than 200 times its size is stopped."""
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


class Expands(Exception):  # noqa: N818 - a state of an archive
    """An archive unpacks to far more than its size."""


def last_of_a_name(members: list[Member]) -> list[Member]:
    """Return of members of one name the last."""
    return list({member.name: member for member in members}.values())


def read_member(open_: Callable[[], "IO[bytes]"], member: Member) -> bytes | CannotAssess:
    """Read a member whole."""
    if member.fault == "archive.damaged":
        return damaged(EOFError("the archive is cut in it"))
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
        return damaged(error)


def damaged(error: BaseException) -> CannotAssess:
    """Return the fault of a member, or an archive, that breaks its reader's expectations."""
    return files.failed("archive.damaged", error=f"{type(error).__name__}: {error}"[:200])
