"""Which change made each entry of a folder: its first line in the log.

An index snapshot keeps where the last line of an entry lies, not its number. Lines are counted by
their ends; read are only those that a later line of the same entry replaced, and they are few.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from detectors.bank.entry import Entry, History
from detectors.bank.folder import log
from detectors.errors import UnavailableError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK: Final = 1 << 22
"""Bytes of a log that are looked through at once."""
NEWLINE: Final = 10


def history(
    path: Path, sound: int, last: "NDArray[np.int64]", ordinal: Callable[[str], int | None]
) -> History:
    """Return which change made each entry, and when the last one was.

    Args:
        path: of the log.
        sound: bytes of it that were read, whole lines.
        last: (n,), of each ordinal the offset of its last line.
        ordinal: gives that of an id.

    Raises:
        DamagedError: a line that was replaced is no entry.
        UnavailableError: the log cannot be read.
    """
    import numpy as np

    try:
        with path.open("rb") as file:
            starts = _starts(file.read, sound)

            def change(number: int) -> Entry:
                file.seek(starts[number])
                return log.read(file.readline(), f"{path}:{number + 1}")

            numbers: NDArray[np.int64] = np.searchsorted(starts, last) + 1
            for number in np.flatnonzero(~np.isin(starts, last))[::-1].tolist():
                if (place := ordinal(change(number).id)) is not None:
                    numbers[place] = number + 1
            changed = change(len(starts) - 1).modified if len(starts) else ""
    except OSError as error:
        what = f"{path}: cannot be read: {error.strerror}"
        raise UnavailableError(what, "see who may read it") from error
    return History(numbers, changed)


def _starts(read: Callable[[int], bytes], sound: int) -> "NDArray[np.int64]":
    """Return the offset of each line."""
    import numpy as np

    ends, at = [np.full(1, -1)], 0
    while at < sound and (chunk := read(min(CHUNK, sound - at))):
        ends.append(np.flatnonzero(np.frombuffer(chunk, np.uint8) == NEWLINE) + at)
        at += len(chunk)
    return np.concatenate(ends)[:-1] + 1
