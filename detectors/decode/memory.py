"""Memory: what is loaded once is counted apart, and what does not fit is said as what it is."""

import re
import resource
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from detectors.errors import CannotAssess
from detectors.signal import Outcome, Reason

LOADING: ContextVar[Callable[[], AbstractContextManager[None]]] = ContextVar(
    "LOADING", default=nullcontext
)
"""Who counts what is loaded; a worker process sets it."""
_SAID: Final = re.compile(
    r"out of memory|insufficient memory|bad.alloc|failed to allocate|cannot allocate"
    r"|unable to allocate|memory allocation",
    re.IGNORECASE,
)
_STATUS: Final = Path("/proc/self/status")


def loading() -> AbstractContextManager[None]:
    """Return the context in which a model or bank is loaded that is kept for further items."""
    return LOADING.get()()


def lacking(error: object) -> bool:
    """Tell whether an error says, in the words of any library, that memory was wanting."""
    return isinstance(error, MemoryError) or bool(_SAID.search(str(error)))


def fault() -> CannotAssess:
    """Return the fault of what does not fit into the memory that there is."""
    return CannotAssess(Outcome.FAILED, Reason("engine.memory"))


def fits(needed: int) -> bool:
    """Tell whether so many bytes are left of the limit of this process."""
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return limit == resource.RLIM_INFINITY or data_bytes() + needed <= limit


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
