"""Stores and the objects in them, through fsspec."""

import errno
import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from detectors.errors import ConfigError, UnavailableError
from provenance.intake.remote.names import BUCKET, SCHEMES, VERSION, may_be, split

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK: Final = 4 * 2**20
"""Bytes that are fetched ahead where an object is read line by line."""
OF_NAMES: Final = (errno.EINVAL, errno.ENAMETOOLONG)
"""Errors by which a server may refuse a name, or a request as a whole."""
MAX_ERROR: Final = 200
"""Characters kept of what a store's library says."""
HINT: Final = "see docs/runs.md, Buckets"


def streamed(path: str) -> "Streamed":
    """Open an object that holds items, to be read as it comes; an archive also from its end.

    Raises:
        OSError: it cannot be opened.
        UnavailableError: the store does not answer; also while it is read.
    """
    store, at = object_of(path)
    with answering(path, *OF_NAMES):
        return Streamed(store.open(at, "rb", block_size=BLOCK, cache_type="readahead"), path)


class Streamed(io.RawIOBase):
    """An object that is read a block at a time."""

    def __init__(self, file: Any, path: str) -> None:
        """Take what fsspec opened, and its name."""
        super().__init__()
        self._file, self._path = file, path

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read bytes into a buffer; return how many."""
        with answering(self._path):
            return int(self._file.readinto(buffer))

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a place, of which nothing is fetched before it is read; return it."""
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        """Return the place."""
        return int(self._file.tell())

    def close(self) -> None:
        """Let go of what was fetched."""
        self._file.close()
        super().close()


def fetched(path: str, most: int, until: float | None = None) -> bytes | None:
    """Return the bytes of an object, asked for at once, so that they are all of one version.

    Args:
        path: of the object.
        most: bytes.
        until: `time.monotonic()` by which they must be here; None: as long as the store takes.

    Returns:
        None where it has more bytes.

    Raises:
        TimeoutError: they are not here in time.
        OSError: it cannot be read; `strerror` says why.
    """
    store, at = object_of(path)
    try:
        with _told():
            data = _cat(store, at, most + 1, until)
    except OSError:
        if until is not None and time.monotonic() >= until:
            raise TimeoutError from None
        raise
    return data if len(data) <= most else None


def _cat(store: Any, path: str, end: int, until: float | None) -> bytes:
    """Return the first bytes of an object; `timeout` is of fsspec's own wait for an answer."""
    try:
        return bytes(store.cat_file(path, start=0, end=end, timeout=_left(until)))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        info = store.info(path, timeout=_left(until))
        if info["type"] == "file" and info["size"] == 0:  # which has no first byte to ask for
            return b""
        raise


def _left(until: float | None) -> float | None:
    """Return the seconds until a time, a moment where it has come."""
    return None if until is None else max(until - time.monotonic(), 0.001)


def see_that_it_is_usable(prefix: str) -> None:
    """See that a prefix names a bucket, and that its store can be asked.

    Raises:
        ConfigError: it names none, or a library is not installed.
    """
    try:
        store_and_path(prefix)
    except OSError:
        raise ConfigError(f"{prefix!r} names no bucket") from None


def answers(path: str) -> bool:
    """Tell whether a source is there now, asked anew."""
    try:
        store, at = store_and_path(path.rstrip("/"))
        with _told():
            store.info(at)
    except OSError:
        return False
    return True


def object_of(path: str) -> tuple[Any, str]:
    """Return a store, and how it calls an object.

    Raises:
        OSError: there can be no such object, or it cannot be asked for.
        ConfigError: a library is not installed.
    """
    if VERSION in path:
        raise OSError(errno.EINVAL, f"keys that hold {VERSION!r} cannot be read")
    if not (split(path)[1] and may_be(path)):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    return store_and_path(path)


def store_and_path(path: str) -> tuple[Any, str]:
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


@lru_cache(maxsize=len(SCHEMES))
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


@contextmanager
def _told() -> Iterator[None]:
    """Raise as an `OSError` what the library of a store raises.

    Raises:
        OSError: ENOENT, EACCES; EINVAL and ENAMETOOLONG where a server says so of a request, and
            EIO for anything else, with the words of the library.
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
        code = getattr(error, "errno", None)
        raise OSError(code if code in OF_NAMES else errno.EIO, said) from error


@contextmanager
def answering(path: str, *passing: int) -> Iterator[None]:
    """Raise what the library of a store raises, told apart from a store that does not answer.

    Args:
        path: what is asked for.
        passing: further errors that do not say that of it.

    Raises:
        OSError: ENOENT, EACCES, or one of those.
        UnavailableError: anything else.
    """
    try:
        with _told():
            yield
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EACCES, *passing):
            raise
        raise UnavailableError(f"{path}: {error.strerror}", HINT) from error
