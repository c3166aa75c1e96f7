"""Finds the last decision on some bytes in a log, without reading the log for each question.

Kept in memory are 8 bytes of each digest and where its line lies, 16 bytes a decision; a line that
is found is read, and must be of the digest that was asked for. What writers added since the last
question is read first.
"""

import threading
from typing import TYPE_CHECKING, Final

import msgspec

from detectors.decode.untrusted import MALFORMED
from provenance.audit.entry import DECODER
from provenance.audit.folder import LogFolder, read
from provenance.record import Record

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRESH: Final = 2**16
"""Decisions that are held in a table of their own, until they are sorted into the others."""
PLACE_BITS: Final = 40
"""Of the offset in a file; the bits above are the number of the file."""


class _Item(msgspec.Struct, frozen=True):
    sha256: str | None = None


class _Line(msgspec.Struct, frozen=True):
    item: _Item | None = None


_LINE: Final = msgspec.json.Decoder(_Line)


class Index:
    """Where the decisions of a log lie, by the bytes that were decided on. Any thread may ask."""

    def __init__(self, folder: LogFolder) -> None:
        """Take a log; it is read at the first question."""
        import numpy as np

        self._folder, self._lock = folder, threading.Lock()
        self._keys: NDArray[np.uint64] = np.empty(0, np.uint64)
        """Sorted."""
        self._places: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._fresh = dict[int, int]()
        self._file = self._stop = 0
        """How far the log was read: number of a file, bytes of it."""

    def last(self, sha256: str) -> Record | None:
        """Return the last record of some bytes, but for the time it took; None where there is none.

        Args:
            sha256: of the bytes, hex.

        Raises:
            UnavailableError: the log cannot be read.
        """
        with self._lock:
            self._catch_up()
            place = self._place(_key(sha256))
        return None if place is None else self._record(place, sha256)

    def _place(self, key: int) -> int | None:
        if key in self._fresh:
            return self._fresh[key]
        at = int(self._keys.searchsorted(self._keys.dtype.type(key)))
        found = at < len(self._keys) and int(self._keys[at]) == key
        return int(self._places[at]) if found else None

    def _catch_up(self) -> None:
        """Read what was added since the last question."""
        for segment in self._folder.segments():
            if segment.number < self._file or segment.forgotten:
                continue
            stop = self._stop if segment.number == self._file else 0
            for line in read(segment, stop):
                if not line.whole:
                    break
                self._take(line.data, segment.number << PLACE_BITS | stop)
                stop += len(line.data) + 1
            self._file, self._stop = segment.number, stop

    def _take(self, line: bytes, place: int) -> None:
        try:
            item = _LINE.decode(line).item
        except MALFORMED:
            return  # `audit verify` tells
        if item is not None and item.sha256 is not None:
            self._fresh[_key(item.sha256)] = place
            if len(self._fresh) >= FRESH:
                self._sort_in()

    def _sort_in(self) -> None:
        """Put the fresh decisions among the others; on the same bytes the later one stays."""
        import numpy as np

        keys = np.fromiter(self._fresh.keys(), np.uint64, len(self._fresh))
        places = np.fromiter(self._fresh.values(), np.uint64, len(self._fresh))
        keys, places = np.concatenate([keys, self._keys]), np.concatenate([places, self._places])
        self._keys, first = np.unique(keys, return_index=True)
        self._places = places[first]
        self._fresh = {}

    def _record(self, place: int, sha256: str) -> Record | None:
        """Return the record of a line, None where it was dropped, or is of other bytes."""
        number, offset = place >> PLACE_BITS, place & ((1 << PLACE_BITS) - 1)
        segments = {s.number: s for s in self._folder.segments() if not s.forgotten}
        line = next(read(segments[number], offset), None) if number in segments else None
        try:
            record = DECODER.decode(line.data).record if line else None
        except MALFORMED:
            return None
        return record if record and record.item.sha256 == sha256 else None


def _key(sha256: str) -> int:
    return int(sha256[:16], 16)
