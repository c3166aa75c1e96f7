"""Bytes of regular files, read with care."""

import errno
import os
import stat
from functools import partial

from detectors.errors import CannotAssess
from detectors.item import Item, Kind, Sidecar
from detectors.signal import Outcome, Reason

MAX_BYTES = 256 * 2**20
"""Largest item that is read, 256 MiB: above any picture a phone or camera writes."""
CODES = {
    errno.ENOENT: "item.missing",
    errno.ENOTDIR: "item.missing",
    errno.EACCES: "item.permission",
    errno.EPERM: "item.permission",
    errno.ELOOP: "item.link_loop",
}


def uri(path: str) -> str:
    """Give a path as text: bytes that are not UTF-8 percent-encoded."""
    raw = os.fsencode(path)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        kept = raw.replace(b"%", b"%25").decode("utf-8", "surrogateescape")
        return "".join(f"%{ord(c) - 0xDC00:02X}" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in kept)  # noqa: PLR2004 - surrogateescape


def read(path: str, *, follow: bool) -> bytes:
    """Give the bytes of a regular file.

    Opened without blocking and looked at again once open, so that a file that is swapped for a
    pipe or a device in between is still refused; the size is counted while reading.

    Raises:
        CannotAssess: missing, unreadable, no regular file, a link where `follow` is false, or
            larger than `MAX_BYTES`.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
        with open(descriptor, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise failed("item.special")
            return bounded(file.read, os.fstat(file.fileno()).st_size)
    except OSError as error:
        code = CODES.get(error.errno or 0, "item.unreadable")
        raise failed(code, error=os.strerror(error.errno or 0)) from error


def bounded(more: "partial[bytes] | object", hint: int) -> bytes:
    """Give all bytes that `more(n)` yields, at most `MAX_BYTES`."""
    chunks, left = [], MAX_BYTES + 1
    step = min(max(hint, 2**16), 2**24) + 1
    while left > 0 and (chunk := more(min(step, left))):  # type: ignore[operator]
        chunks.append(chunk)
        left -= len(chunk)
    if left <= 0:
        raise failed("item.too_large", limit_mib=MAX_BYTES // 2**20)
    return b"".join(chunks)


def failed(code: str, **args: object) -> CannotAssess:
    """Give the fault of an item that cannot be read."""
    return CannotAssess(Outcome.FAILED, Reason(code, args))


def item(path: str, *, follow: bool, kind: Kind | None = None) -> Item:
    """Give the item of one file, with the sidecar that lies beside it."""
    return Item(uri(path), partial(read, path, follow=follow), kind=kind, sidecar=beside(path))


def beside(path: str) -> Sidecar | None:
    """Give the `.c2pa` file of the same folder and stem, or None."""
    stem, ending = os.path.splitext(path)
    sidecar = stem + ".c2pa"
    if ending == ".c2pa" or not os.path.lexists(sidecar):
        return None
    return Sidecar(
        read=partial(read, sidecar, follow=False),
        name=uri(os.path.basename(sidecar)),
        shared=len(owners(sidecar)) > 1,
    )


def owners(sidecar: str) -> list[str]:
    """Give the names beside a `.c2pa` file that carry its stem."""
    folder, name = os.path.split(sidecar)
    stem = os.path.splitext(name)[0]
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return []
    return [other for other in names if other != name and os.path.splitext(other)[0] == stem]
