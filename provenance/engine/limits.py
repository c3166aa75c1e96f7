"""How much memory a process of ours may take, so that a hostile file ends in a sentence.

Linux counts what RLIMIT_DATA limits: private memory that can be written, whether touched or not.
macOS does not enforce it, and CUDA reserves far more than it uses, so there is no limit there.
"""

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from detectors.decode.memory import data_bytes, resident_bytes

ROOM: Final = 1536 * 2**20
"""Bytes beside what the loaded models hold. The largest admitted picture of any format takes under
1.2 GB in any detector (benchmarks/memory.py)."""
NEAR: Final = ROOM // 3
"""Bytes above which a process that died natively has died of its limit: what grows by doubling
fails when it holds a third."""


class MemoryLimit:
    """The limit of this process: what it held at first, what it has loaded since, and the room."""

    def __init__(self, tell: Callable[[int], None] = lambda _held: None) -> None:
        """Set the limit.

        Args:
            tell: told what the process holds in memory whenever the limit is set.
        """
        self._held, self._depth, self._tell = data_bytes(), 0, tell
        self._most = resource.getrlimit(resource.RLIMIT_DATA)
        self._set()

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Lift the limit while something of ours is loaded, which counts as held from then on."""
        if self._depth:
            yield  # part of what is being loaded
            return
        before, self._depth = data_bytes(), 1
        self._put(resource.RLIM_INFINITY)
        try:
            yield
        finally:
            self._held += max(data_bytes() - before, 0)
            self._depth = 0
            self._set()

    def _set(self) -> None:
        self._put(self._held + ROOM)
        self._tell(resident_bytes())

    def _put(self, most: int) -> None:
        """Set the soft limit alone, so that it can be set anew, and never above what there was."""
        soft, hard = self._most
        limits = [limit for limit in (most, soft) if limit != resource.RLIM_INFINITY]
        if sys.platform.startswith("linux"):
            new = min(limits, default=resource.RLIM_INFINITY)
            resource.setrlimit(resource.RLIMIT_DATA, (new, hard))
