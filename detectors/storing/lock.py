"""One writer at a time, by a lock that ends with its process, however that ends."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from detectors.errors import UnavailableError
from detectors.storing.atomic import appended

PATIENCE: Final = 5.0
"""Seconds for which others are waited for; a change of one entry takes a tenth of one."""
STEP: Final = 0.02
"""Seconds between two attempts."""


@contextmanager
def locked(path: Path, busy: str, patience: float = PATIENCE) -> Iterator[BinaryIO]:
    """Hold the lock that lies in a file, and yield that file, which stays.

    Args:
        path: of the file; made where it is missing.
        busy: what to say when another process holds the lock for longer.
        patience: seconds to wait for it.

    Raises:
        UnavailableError: another process holds it.
        ConfigError: a link lies there.
        OSError: the file cannot be opened.
    """
    with appended(path) as file:
        end = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise UnavailableError(busy, "try again when it is done") from None
                time.sleep(STEP)
            else:
                break
        yield file
