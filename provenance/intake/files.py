"""Bytes of regular files, read with care."""

import errno
import os
import re
import stat
from collections import Counter
from functools import partial
from urllib.parse import unquote_to_bytes

from detectors.errors import CannotAssess
from detectors.item import Item, Kind, Sidecar
from detectors.signal import Outcome, Reason

MAX_BYTES = 256 * 2**20
"""Largest item that is read, 256 MiB: above any picture a phone or camera writes."""
SIDECAR = ".c2pa"
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
        if code == "item.link_loop" and not follow and os.path.islink(path):
            code = "item.link"
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


class Sidecars:
    """Finds the `.c2pa` files beside others; one object a call, which lists each folder once."""

    def __init__(self) -> None:
        """Start without a folder."""
        self._stems: dict[str, Counter[str]] = {}

    def owners(self, sidecar: str) -> int:
        """Return how many regular files of its folder carry the stem of a `.c2pa` file."""
        folder, name = os.path.split(sidecar)
        if folder not in self._stems:
            self._stems[folder] = _stems(folder or ".")
        return self._stems[folder][os.path.splitext(name)[0]]

    def beside(self, path: str) -> Sidecar | None:
        """Return the `.c2pa` file of the same folder and stem, or None."""
        stem, ending = os.path.splitext(path)
        sidecar = stem + SIDECAR
        if ending == SIDECAR or not os.path.lexists(sidecar):
            return None
        return Sidecar(
            read=partial(read, sidecar, follow=False),
            name=uri(os.path.basename(sidecar)),
            shared=self.owners(sidecar) > 1,
        )


def _stems(folder: str) -> Counter[str]:
    """Count the regular files of a folder by their stem, for stems that have a `.c2pa` file."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    except OSError:
        return Counter()
    pairs = [os.path.splitext(name) for name in names]
    wanted = {stem for stem, ending in pairs if ending == SIDECAR}
    return Counter(stem for stem, ending in pairs if ending != SIDECAR and stem in wanted)


def item(
    path: str, *, follow: bool, kind: Kind | None = None, sidecars: Sidecars | None = None
) -> Item:
    """Return the item of one file, with the sidecar that lies beside it."""
    beside = (sidecars or Sidecars()).beside(path)
    return Item(uri(path), partial(read, path, follow=follow), kind=kind, sidecar=beside)
