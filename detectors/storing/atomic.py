"""Files that appear whole or not at all, and never through a link that somebody else has laid.

1. A new file of a random name is made in the folder of the file that it replaces (`O_EXCL`), so
   that nobody can lay a link or a file of that name there beforehand.
2. What was written is brought to the disk, then the name is put in place in one step, then the
   folder is brought to the disk: after a crash the old file stands there or the new one.
3. A link or a device in the place of the file is refused.
"""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from detectors.errors import ConfigError, UnavailableError

PREFIX: Final = ".new-"
"""Begins the name of a file that is still being written; a killed writer leaves one behind."""
_FRESH: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_GROWING: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE: Final = 0o666
"""Less what the user's mask takes away."""


def atomic_write(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all.

    Raises:
        ConfigError: a link or a device lies there.
        UnavailableError: it cannot be written.
    """
    with appearing(path) as file:
        file.write(data)


def write_json(path: Path, value: object) -> None:
    """Write a value as indented JSON, whole or not at all.

    Raises:
        ConfigError: a link or a device lies there.
        UnavailableError: it cannot be written.
    """
    atomic_write(path, msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")


@contextmanager
def appearing(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of `path` when the block ends without an error.

    Raises:
        ConfigError: a link or a device lies there.
        UnavailableError: it cannot be written.
    """
    try:
        mode = _replaceable(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _unwritable(path, error) from error
    name = f"{PREFIX}{secrets.token_hex(12)}"
    try:
        with os.fdopen(os.open(name, _FRESH, _MODE, dir_fd=folder), "wb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            yield file
            flushed(file)
        os.replace(name, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
        os.close(folder)


@contextmanager
def appended(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that only grows, open for reading and writing at its end; made if missing.

    Raises:
        ConfigError: a link or something else that is no file lies there.
        OSError: it cannot be opened.
    """
    _replaceable(path)
    handle = os.open(path, _GROWING, _MODE)
    with os.fdopen(handle, "r+b") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ConfigError(f"{path}: is no regular file, so nothing is written there")
        file.seek(0, os.SEEK_END)
        yield file


def flushed(file: BinaryIO) -> None:
    """Bring what was written to the disk."""
    file.flush()
    os.fsync(file.fileno())


def _replaceable(path: Path) -> int | None:
    """Return the permissions of the regular file that lies there; None where nothing does."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found.st_mode):
        raise ConfigError(f"{path}: is a link, and nothing is written through one; name the file")
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{path}: is no regular file, so nothing is written there")
    return stat.S_IMODE(found.st_mode)


def _unwritable(path: Path, error: OSError) -> UnavailableError:
    what = f"{path}: cannot be written: {error.strerror or error}"
    return UnavailableError(what, "see that its folder is there, with room, and yours to write to")
