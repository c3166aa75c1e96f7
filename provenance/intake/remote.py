"""Buckets as sources, read through fsspec: the one room that reaches remote stores.

A source is `SCHEME://BUCKET/KEY`. A key is a name and nothing else: `..`, `::`, `?` and `*` in it
lead nowhere, and no name makes fsspec open another kind of store inside this one. A folder is what
keys have in common up to a slash, as stores list them; an object whose key ends with a slash stands
for a folder and is no item.
"""

import errno
import hashlib
import io
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache, partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from detectors.errors import ConfigError, UnavailableError
from detectors.item import Source

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SCHEMES: Final = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss")
"""Stores of objects whose server the user's own settings name, never the name of a source: a list
of names may come from others."""
BEGINNINGS: Final = tuple(f"{scheme}://" for scheme in SCHEMES)
ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
MAX_KEY: Final = 1024
"""Bytes of a key, the most that S3 and Google Cloud Storage take."""
VERSION: Final = "?versionId="
"""In a key s3fs reads this as the version of another object."""
STORES, FOLDERS = 16, 64
"""Buckets and listed folders that are kept at hand."""
BLOCK: Final = 4 * 2**20
"""Bytes that are fetched ahead where an object is read line by line."""
VERSIONS: Final = ("ETag", "etag", "generation", "md5Hash")
TIMES: Final = ("LastModified", "last_modified", "updated", "mtime")
"""What stores tell of an object that changes with it."""
MAX_ERROR: Final = 200
"""Characters kept of what a store's library says."""
HINT: Final = "see docs/runs.md, Buckets"


class Listing(NamedTuple):
    """What lies directly below a folder, by name."""

    files: dict[str, Source]
    folders: frozenset[str]
    """One of no name is what an empty segment of keys makes: `a//b`."""


def is_remote(path: str) -> bool:
    """Tell whether a name is that of a bucket or of something in one."""
    return path.startswith(BEGINNINGS)


def refuse_others(path: str) -> None:
    """Refuse an address that is no bucket's.

    Raises:
        ConfigError: it is one, and no file of this name is there.
    """
    if ADDRESS.match(path) and not is_remote(path) and not os.path.lexists(path):
        raise ConfigError(
            f"{path!r}: scan fetches nothing from the web; it reads files, and buckets"
            " (s3://BUCKET/PREFIX, gs://, az://) with the extra `remote`"
        )


def split(path: str) -> tuple[str, str]:
    """Return the folder of an object, and its name there; for a bucket, nothing and nothing."""
    folder, _, name = path.rpartition("/")
    return (folder, name) if "/" in path.partition("://")[2] else ("", "")


def listing(folder: str) -> Listing:
    """Return what lies in a folder, asked once.

    Args:
        folder: without the slash behind it.

    Raises:
        OSError: there is no such folder, or it may not be listed.
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
        store, path = _store_and_path(folder)
        bare = path.rstrip("/")
        with _answering(folder):
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
        found = _asked(path) if error.errno == errno.EACCES else None
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
        if error.errno == errno.EACCES:
            raise UnavailableError(f"{path}: {error.strerror}", HINT) from error


def answers(path: str) -> bool:
    """Tell whether a source is there now, asked anew."""
    try:
        store, at = _store_and_path(path.rstrip("/"))
        with _told():
            store.info(at)
    except OSError:
        return False
    return True


def opened(path: str, *, walking: bool = False) -> "RemoteFile":
    """Open an object for reading.

    Args:
        path: of the object.
        walking: whether more than one item hangs on it, so that a store that does not answer while
            it is opened or read is an `UnavailableError`.

    Raises:
        OSError: it cannot be opened; `strerror` says why.
        UnavailableError: see above.
    """
    if VERSION in path:
        raise OSError(errno.EINVAL, f"keys that hold {VERSION!r} cannot be read")
    if not (split(path)[1] and _may_be(path)):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    store, at = _store_and_path(path)
    told = partial(_answering, path) if walking else _told
    with told():
        return RemoteFile(store.open(at, "rb", block_size=BLOCK, cache_type="readahead"), told)


class RemoteFile(io.RawIOBase):
    """An object that is read."""

    def __init__(self, file: Any, told: Callable[[], AbstractContextManager[None]]) -> None:
        """Take what fsspec opened, and what is entered around reading it: it tells errors."""
        super().__init__()
        self._file, self._told = file, told
        self.size: int = file.size
        """Bytes."""

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read bytes into a buffer; return how many."""
        with self._told():
            return int(self._file.readinto(buffer))

    def close(self) -> None:
        """Let go of what was fetched."""
        self._file.close()
        super().close()


def _store_and_path(path: str) -> tuple[Any, str]:
    """Return a store, and how it calls an object or a folder.

    Raises:
        OSError: there can be no such bucket.
        ConfigError: its library is not installed.
    """
    scheme, _, rest = path.partition("://")
    bucket, slash, key = rest.partition("/")
    if not BUCKET.fullmatch(bucket):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    return _store(scheme), f"{bucket}{slash}{key}"


@lru_cache(maxsize=STORES)
def _store(scheme: str) -> Any:
    """Return the store of a scheme, as the user's environment names it.

    Raises:
        ConfigError: its library is not installed.
    """
    try:
        import fsspec  # type: ignore[import-untyped]

        return fsspec.filesystem(scheme, use_listings_cache=False)
    except ImportError as error:
        install = "pip install 'provenance-check[remote]'"
        if scheme not in ("s3", "s3a"):
            install += f", and the library of {scheme}://"
        raise ConfigError(f"{scheme}:// needs the extra `remote`: {install} ({error})") from None


def _may_be(path: str) -> bool:
    """Tell whether a name can be that of an object: text of no more bytes than a key has."""
    try:
        return len(path.partition("://")[2].partition("/")[2].encode()) <= MAX_KEY
    except UnicodeEncodeError:
        return False


def _asked(path: str) -> Source | None:
    """Return an object that the store is asked for by its name, None where there is none."""
    if VERSION in path or not _may_be(path):
        return None
    store, at = _store_and_path(path)
    try:
        with _answering(path):
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


@contextmanager
def _told() -> Iterator[None]:
    """Raise as an `OSError` what the library of a store raises.

    Raises:
        OSError: ENOENT, EACCES, or EIO with the words of the library.
    """
    try:
        yield
    except MemoryError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT)) from None
    except PermissionError:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES)) from None
    except Exception as error:  # whatever it is: libraries of stores have no common error
        said = " ".join(str(error).split())[:MAX_ERROR] or type(error).__name__
        raise OSError(errno.EIO, said) from error


@contextmanager
def _answering(path: str) -> Iterator[None]:
    """Raise what the library of a store raises, told apart from a store that does not answer.

    Raises:
        OSError: ENOENT or EACCES.
        UnavailableError: anything else.
    """
    try:
        with _told():
            yield
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        raise UnavailableError(f"{path}: {error.strerror}", HINT) from error
