"""How much memory a process of ours may take, so that a hostile file ends in a sentence.

Linux counts what RLIMIT_DATA limits: private memory that can be written, whether touched or not.
macOS does not enforce it, and CUDA reserves far more than it uses, so there is no limit there.
"""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOM: Final = 1536 * 2**20
"""Bytes beside what the loaded models hold. The largest admitted picture of any format takes under
1.2 GB in any detector (benchmarks/memory.py)."""
NEAR: Final = ROOM // 3
"""Bytes above which a process that died natively has died of its limit: what grows by doubling
fails when it holds a third."""
_STATUS: Final = Path("/proc/self/status")


class MemoryLimit:
    """The limit of this process: what it held at first, what it has loaded since, and the room."""

    def __init__(self) -> None:
        """Set the limit."""
        self._held = data_bytes()
        self._set()

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Lift the limit while something of ours is loaded, which counts as held from then on."""
        before = data_bytes()
        self._put(resource.RLIM_INFINITY)
        try:
            yield
        finally:
            self._held += max(data_bytes() - before, 0)
            self._set()

    def _set(self) -> None:
        self._put(self._held + ROOM)

    def _put(self, most: int) -> None:
        """Set the soft limit alone, so that it can be set anew, and never above the system's."""
        if not sys.platform.startswith("linux"):
            return
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if hard != resource.RLIM_INFINITY and (most == resource.RLIM_INFINITY or most > hard):
            most = hard
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def data_bytes() -> int:
    """Return what the data segment of this process holds, as RLIMIT_DATA counts it."""
    return _bytes("VmData:")


def resident_bytes() -> int:
    """Return how much memory this process has at present."""
    return _bytes("VmRSS:")


def _bytes(name: str) -> int:
    """Return a value of Linux's account of this process; 0 where there is none."""
    try:
        lines = _STATUS.read_text("ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), 0)
