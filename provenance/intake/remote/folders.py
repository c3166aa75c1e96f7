"""What lies in the folders of buckets, and objects as they stand; no object is opened."""

import errno
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from itertools import chain
from typing import Any, Final, NamedTuple

from detectors.errors import UnavailableError
from detectors.item import Source
from provenance.intake.remote.names import split
from provenance.intake.remote.store import HINT, OF_NAMES, answering, object_of, store_and_path

FOLDERS: Final = 64
"""Listed folders that are kept at hand."""
VERSIONS: Final = ("ETag", "etag", "generation", "md5Hash")
TIMES: Final = ("LastModified", "last_modified", "updated", "mtime")
"""What stores tell of an object that changes with it."""


class Listing(NamedTuple):
    """What lies directly below a folder, by name."""

    files: dict[str, Source]
    folders: frozenset[str]
    """One of no name is what an empty segment of keys makes: `a//b`."""


def listing(folder: str) -> Listing:
    """Return what lies in a folder, asked once.

    Args:
        folder: without the slash behind it.

    Raises:
        OSError: there is no such folder, or it may not or cannot be listed.
        UnavailableError: the store does not answer, or not as it should.
    """
    found = _listing(folder)
    if isinstance(found, int):
        raise OSError(found, os.strerror(found))
    return found


@lru_cache(maxsize=FOLDERS)
def _listing(folder: str) -> Listing | int:
    """Return what lies in a folder, or the number of the error that keeps it from being listed."""
    try:
        store, path = store_and_path(folder)
        bare = path.rstrip("/")
        with answering(folder, *OF_NAMES):
            if bare == path:
                found = store.ls(path, detail=True)
            else:  # `ls` takes no slash at the end, with which these keys go on
                found = store.find(bare, prefix=path[len(bare) :], detail=True).values()
    except OSError as error:
        return error.errno or errno.EIO
    files, folders = dict[str, Source](), set[str]()
    for info in found:
        name = info["name"].removeprefix(f"{path}/")
        if name == info["name"]:
            continue  # the object of the folder's own name
        first, below, _ = name.partition("/")
        if below or info["type"] == "directory":
            folders.add(first)
        elif first:
            files[first] = _source(f"{folder}/{first}", info)
    return Listing(files, frozenset(folders))


class Entry(NamedTuple):
    """A file or folder in a folder, asked as an `os.DirEntry` is."""

    path: str
    name: str
    folder: bool

    def is_dir(self, *, follow_symlinks: bool) -> bool:
        """Tell whether it is a folder; there are no links to follow."""
        del follow_symlinks
        return self.folder

    def is_file(self, *, follow_symlinks: bool) -> bool:
        """Tell whether it is an object."""
        return not self.is_dir(follow_symlinks=follow_symlinks)


def scandir(folder: str) -> AbstractContextManager[Iterator[Entry]]:
    """Return what lies in a folder, entered as `os.scandir` is; errors as for `listing`."""
    found = listing(folder)
    folders = (Entry(f"{folder}/{name}", name, folder=True) for name in found.folders)
    files = (Entry(f"{folder}/{name}", name, folder=False) for name in found.files)
    return nullcontext(chain(folders, files))


def lies(path: str) -> bool:
    """Tell whether there is an object of this name, in a folder that can be listed.

    Raises:
        UnavailableError: as for `listing`.
    """
    folder, name = split(path)
    try:
        return bool(folder) and name in listing(folder).files
    except OSError:
        return False


def source(path: str) -> Source:
    """Return an object as it stands.

    Raises:
        UnavailableError: as for `listing`.
    """
    folder, name = split(path)
    try:
        found = listing(folder).files.get(name) if name else None
    except OSError as error:
        found = _asked(path) if error.errno != errno.ENOENT else None
    return found or Source(path, -1, -1)


def reach(path: str) -> None:
    """See that a source is an object, or may be listed.

    Raises:
        UnavailableError: neither, or the store does not answer; nothing that is there no more is
            an error here.
    """
    try:
        if source(path).size < 0:
            listing(path.rstrip("/"))
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise UnavailableError(f"{path}: {error.strerror}", HINT) from error


def _asked(path: str) -> Source | None:
    """Return an object that the store is asked for by its name, None where there is none."""
    try:
        store, at = object_of(path)
        with answering(path):
            info = store.info(at)
    except OSError:
        return None
    return _source(path, info) if info["type"] == "file" else None


def _source(path: str, info: Mapping[str, Any]) -> Source:
    """Return an object as its store describes it.

    Stores tell the time of a change to the second, so the nanoseconds are a digest of what else
    changes with an object.
    """
    times = [info[key] for key in TIMES if hasattr(info.get(key), "timestamp")]
    versions = [str(info[key]) for key in VERSIONS if info.get(key)] or [str(times)]
    digest = hashlib.blake2b("\n".join(versions).encode(), digest_size=8).digest()
    seconds = int(times[0].timestamp()) if times else 0
    return Source(path, int(info["size"] or 0), seconds * 10**9 + int.from_bytes(digest) % 10**9)
