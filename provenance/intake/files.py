"""Bytes of regular files, and of objects in buckets, read with care."""

import errno
import io
import os
import re
import stat
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from detectors.decode.sniff import NAMED_PICTURES
from detectors.errors import CannotAssess
from detectors.item import Item, Kind, Sidecar, Source
from detectors.signal import Outcome, Reason
from provenance.intake import remote

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

MAX_BYTES = 256 * 2**20
"""Largest item that is read, 256 MiB: above any picture a phone or camera writes."""
SIDECAR, XMP = ".c2pa", ".xmp"
CODES = {
    errno.ENOENT: "item.missing",
    errno.ENOTDIR: "item.missing",
    errno.EACCES: "item.permission",
    errno.EPERM: "item.permission",
    errno.ELOOP: "item.link_loop",
}
ENCODED = re.compile("%[0-9A-Fa-f]{2}|[\udc80-\udcff]")
"""What makes a name one that is percent-encoded; foreign bytes as `surrogateescape` has them."""
FOREIGN = re.compile("[\udc80-\udcff]")


def uri(path: str) -> str:
    """Return the name of a file as records have it."""
    return named(os.fsencode(path))


def named(raw: bytes) -> str:
    """Return a name as text, so that two names never become one.

    A name that is not UTF-8, or that holds `%` and two hex digits, has each `%` written `%25` and
    each byte that is not UTF-8 written `%XX`; every other name stands as it is.
    """
    text = raw.decode("utf-8", "surrogateescape")
    if not ENCODED.search(text):
        return text
    return FOREIGN.sub(lambda c: f"%{ord(c[0]) - 0xDC00:02X}", text.replace("%", "%25"))


def raw_name(name: str) -> bytes:
    """Return the bytes of a name that `named` wrote."""
    return unquote_to_bytes(name.encode("utf-8", "surrogateescape"))


def read(path: str, *, follow: bool, size: int = -1) -> bytes:
    """Read the bytes of a regular file, or of an object in a bucket.

    The size is counted while reading.

    Args:
        path: of the file or object.
        follow: whether it may be a link.
        size: bytes that it has by a listing; of an object that is too large, none are fetched.

    Raises:
        CannotAssess: missing, unreadable, no regular file, a link where `follow` is false, or
            larger than `MAX_BYTES`.
    """
    try:
        if remote.is_remote(path):
            data = remote.fetched(path, MAX_BYTES) if size <= MAX_BYTES else None
            if data is None:
                raise too_large()
            return data
        with opened(path, follow=follow) as file:
            return bounded(file.read, os.fstat(file.fileno()).st_size)
    except SpecialFileError:
        raise failed("item.special") from None
    except OSError as error:
        code = CODES.get(error.errno or 0, "item.unreadable")
        if code == "item.link_loop" and not follow and os.path.islink(path):
            code = "item.link"
        raise failed(code, error=error.strerror or os.strerror(0)) from error


class SpecialFileError(OSError):
    """A pipe, a device, a socket or a folder where a regular file is wanted."""


def opened(path: str, *, follow: bool) -> io.FileIO:
    """Open a regular file for reading.

    Without blocking, and looked at again once open, so that a file that is swapped for a pipe or
    a device in between is still refused.

    Raises:
        SpecialFileError: it is no regular file.
        OSError: it cannot be opened, or is a link where `follow` is false.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    file = io.FileIO(os.open(path, flags))
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise SpecialFileError(path)
    return file


def stream(path: str, *, follow: bool) -> io.RawIOBase:
    """Open a file that holds items, or an object in a bucket that does, to be read as it comes.

    Raises:
        OSError: it cannot be opened, see `opened`.
        UnavailableError: a store does not answer; also while it is read.
    """
    if remote.is_remote(path):
        return remote.streamed(path)
    return opened(path, follow=follow)


def scandir(
    folder: str,
) -> "AbstractContextManager[Iterator[os.DirEntry[str]] | Iterator[remote.Entry]]":
    """Return what lies in a folder, entered as `os.scandir` is.

    Raises:
        OSError: it cannot be listed.
        UnavailableError: a store does not answer.
    """
    return remote.scandir(folder) if remote.is_remote(folder) else os.scandir(folder)


def split(path: str) -> tuple[str, str]:
    """Return the folder of a file or an object, and its name there."""
    return remote.split(path) if remote.is_remote(path) else os.path.split(path)


def bounded(more: "partial[bytes] | object", hint: int) -> bytes:
    """Return all bytes that `more(n)` yields, at most `MAX_BYTES`."""
    chunks, left = [], MAX_BYTES + 1
    step = min(max(hint, 2**16), 2**24) + 1
    while left > 0 and (chunk := more(min(step, left))):  # type: ignore[operator]
        chunks.append(chunk)
        left -= len(chunk)
    if left <= 0:
        raise too_large()
    return b"".join(chunks)


def too_large() -> CannotAssess:
    """Return the fault of an item of more than `MAX_BYTES`."""
    return failed("item.too_large", limit_mib=MAX_BYTES // 2**20)


def failed(code: str, **args: object) -> CannotAssess:
    """Return the fault of an item that cannot be read."""
    return CannotAssess(Outcome.FAILED, Reason(code, args))


class Sidecars:
    """Finds the `.c2pa` and `.xmp` files beside others.

    One object a call, which lists each folder once.
    """

    def __init__(self) -> None:
        """Start without a folder."""
        self._owners: dict[str, Counter[str]] = {}

    def owners(self, sidecar: str) -> int:
        """Return how many files of its folder a sidecar may belong to; 0 for other files."""
        folder, name = split(sidecar)
        if not is_sidecar(name):
            return 0
        if folder not in self._owners:
            self._owners[folder] = _owners(folder or ".")
        return self._owners[folder][name]

    def beside(self, path: str) -> Sidecar | None:
        """Return the `.c2pa` file of the same folder and stem, or None."""
        sidecar = os.path.splitext(path)[0] + SIDECAR
        if path.endswith(SIDECAR) or _identity(sidecar) is None:
            return None
        return self._sidecar(sidecar)

    def metadata(self, path: str) -> tuple[Sidecar, ...]:
        """Return the `.xmp` files of a picture: of its name, then of its stem."""
        found: dict[object, str] = {}
        for name in xmp_names(path):
            if (identity := _identity(name)) is not None:
                found.setdefault(identity, name)  # letters may not tell names apart
        return tuple(map(self._sidecar, found.values()))

    def _sidecar(self, path: str) -> Sidecar:
        return Sidecar(
            read=partial(read, path, follow=False),
            name=uri(split(path)[1]),
            shared=self.owners(path) > 1,
            source=source(path),
        )


def _identity(path: str) -> object:
    """Return what tells a file from others, None where there is none."""
    if remote.is_remote(path):
        return path if remote.lies(path) else None
    try:
        there = os.lstat(path)
    except (OSError, ValueError):
        return None
    return there.st_dev, there.st_ino


def xmp_names(path: str) -> tuple[str, ...]:
    """Return what the `.xmp` files of a picture may be called; nothing for other files."""
    stem, ending = os.path.splitext(path)
    if ending.lower() not in NAMED_PICTURES:
        return ()
    return path + XMP, path + XMP.upper(), stem + XMP, stem + XMP.upper()


def sidecar_names(path: str) -> tuple[str, ...]:
    """Return what files that are read with a file may be called."""
    if is_sidecar(path):
        return ()
    return os.path.splitext(path)[0] + SIDECAR, *xmp_names(path)


def is_sidecar(name: str) -> bool:
    """Tell whether a file is named as one that lies beside another."""
    return name.endswith(SIDECAR) or name.lower().endswith(XMP)


def owned(sidecar: str, names: Iterable[str]) -> int:
    """Return how many of these files a sidecar may belong to.

    A `.c2pa` file belongs to any file of its stem, an `.xmp` file to pictures of its stem (`a.xmp`
    and `a.jpg`) and to the one of its whole name (`a.jpg.xmp`).
    """
    stem = os.path.splitext(sidecar)[0]
    any_file = sidecar.endswith(SIDECAR)
    return sum(
        os.path.splitext(name)[0] == stem or (not any_file and name == stem)
        for name in names
        if not is_sidecar(name) and (any_file or _is_picture(name))
    )


def _is_picture(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in NAMED_PICTURES


def _owners(folder: str) -> Counter[str]:
    """Count, for each sidecar of a folder, the regular files that it may belong to."""
    try:
        with scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    except OSError:
        return Counter()
    groups = near(names)
    return Counter(
        {name: owned(name, groups[os.path.splitext(name)[0]]) for name in names if is_sidecar(name)}
    )


def near(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the names under each stem, and under each whole name, that a sidecar can have."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if not is_sidecar(name):
            groups[os.path.splitext(name)[0]].append(name)
            groups[name].append(name)
    return groups


def item(
    path: str, *, follow: bool, kind: Kind | None = None, sidecars: Sidecars | None = None
) -> Item:
    """Return the item of one file, with the sidecars that lie beside it."""
    sidecars = sidecars or Sidecars()
    beside, metadata = sidecars.beside(path), sidecars.metadata(path)
    own = source(path)
    read_with = [sidecar.source for sidecar in (beside, *metadata) if sidecar and sidecar.source]
    return Item(
        uri(path),
        partial(read, path, follow=follow, size=own.size),
        kind=kind,
        sidecar=beside,
        metadata=metadata,
        sources=(own, *read_with),
    )


def source(path: str) -> Source:
    """Return a file or an object as it stands, without opening it."""
    if remote.is_remote(path):
        return remote.source(path)
    try:
        found = os.lstat(path)
    except (OSError, ValueError):
        return Source(path, -1, -1)
    return Source(path, found.st_size, found.st_mtime_ns)
