"""Stores and the objects in them, through fsspec."""

import errno
import io
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache, partial
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
    store, at = object_of(path)
    told = partial(answering, path) if walking else _told
    with answering(path, *OF_NAMES) if walking else _told():
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


def fetched(path: str, until: float, most: int) -> bytes:
    """Return the bytes of an object, in time.

    Args:
        path: of the object.
        until: `time.monotonic()` by which they must be here.
        most: bytes.

    Raises:
        TimeoutError: they are not here in time.
        OSError: it cannot be read; `strerror` says why.
        ValueError: it has more bytes.
    """
    store, at = object_of(path)
    try:
        with _told():  # `timeout` is of fsspec's own wait for whatever it is asked
            info = store.info(at, timeout=_left(until))
            if info["type"] != "file":
                raise FileNotFoundError
            size = int(info["size"])
            if 0 < size <= most:
                return bytes(store.cat_file(at, start=0, end=size, timeout=_left(until)))
    except OSError:
        if time.monotonic() >= until:
            raise TimeoutError from None
        raise
    if size > most:
        raise ValueError("the file is too large")
    return b""


def _left(until: float) -> float:
    """Return the seconds until a time, a moment where it has come."""
    return max(until - time.monotonic(), 0.001)


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
