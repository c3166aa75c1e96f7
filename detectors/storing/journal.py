"""Files that only grow by whole lines: what is written at the end lies there whole, or not at all.

A writer that is killed leaves at most an unfinished line, which no reader takes for one. A disk
that is full leaves nothing.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from detectors.storing.atomic import appended

FULL: Final = (errno.ENOSPC, errno.EDQUOT)
"""What a full disk says."""


def append(file: BinaryIO, data: bytes) -> int:
    """Write lines at the end of a file and bring them to the disk; return where they begin.

    Args:
        file: open for writing, nothing waits in its buffer; its position does not change.
        data: whole lines.

    Raises:
        OSError: they cannot be written; the file is as long as before.
    """
    handle = file.fileno()
    at = os.fstat(handle).st_size
    try:
        put(file, data, at)
        os.fsync(handle)
    except OSError:
        with suppress(OSError):
            os.ftruncate(handle, at)
        raise
    return at


def append_to(path: Path, data: bytes) -> int:
    """Write lines at the end of a file that is made where it is missing; return where they begin.

    Raises:
        ConfigError: a link or something else that is no file lies there.
        OSError: they cannot be written; the file is as long as before.
    """
    with appended(path) as file:
        at = append(file, data)
    if at == 0:
        sync_folder(path.parent)
    return at


def put(file: BinaryIO, data: bytes | bytearray, offset: int) -> None:
    """Write all of some bytes at an offset, past the buffer: what fails is not tried again later.

    Raises:
        OSError: the disk is full.
    """
    view = memoryview(bytes(data))
    while view:
        written = os.pwrite(file.fileno(), view, offset)
        view, offset = view[written:], offset + written


def sync_folder(path: Path) -> None:
    """Bring to the disk which files lie in a folder."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
