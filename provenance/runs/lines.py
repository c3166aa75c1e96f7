"""The lines of `records.jsonl`, and what earlier passes left of theirs.

A pass goes along the lines that are there as long as each is the one that comes next. At the first
that is not, the rest is set aside in a file of earlier records, from which it is taken as its turn
comes. So what was done once is on the disk at every moment, and `records.jsonl` only grows by whole
lines.
"""

import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from detectors.storing.atomic import appended
from detectors.storing.journal import put
from provenance.runs.ledger import Ledger, Row

RECORDS: Final = "records.jsonl"
EARLIER: Final = "earlier-{}.jsonl"
"""In the folder of the ledger: records whose turn has not come."""
BUFFERED: Final = 2**18
"""Bytes that wait to be written at most, but for a line."""


class Lines:
    """The lines of a run, as a pass goes along them."""

    def __init__(self, records: Path, own: Path, ledger: Ledger) -> None:
        """Open them; a torn last line, and what the ledger does not know, is cut off.

        Args:
            records: `records.jsonl`.
            own: folder for earlier records.
            ledger: the index.
        """
        self._own, self._ledger = own, ledger
        self._closing = ExitStack()
        self._file: BinaryIO = self._closing.enter_context(appended(records))
        ledger.forget_behind(self._file.seek(0, os.SEEK_END))
        self._size = ledger.end()
        self._file.truncate(self._size)
        self._at = 0
        """Bytes that this pass has come to."""
        self._waiting = bytearray()
        """Bytes that belong behind those in the file."""
        self._earlier = dict[int, BinaryIO]()
        self._spool = 0
        """Number of the file for records that are there before their turn; 0: there is none."""
        used = ledger.files()
        self._last = max(used, default=0)
        self._remove({*used})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        self._closing.close()

    @property
    def full(self) -> bool:
        """Whether so much waits to be written that it is time to."""
        return len(self._waiting) > BUFFERED

    def read(self, row: Row) -> bytes:
        """Return the line of an item, without its end."""
        if row.file == 0:
            if row.offset + row.length > self._size - len(self._waiting):
                self.flush()
            return os.pread(self._file.fileno(), row.length, row.offset).rstrip(b"\n")
        return os.pread(self._opened(row.file).fileno(), row.length, row.offset).rstrip(b"\n")

    def keep(self, row: Row) -> Row:
        """Put the line of an item next, as it is; return where it lies now."""
        if row.file == 0 and row.offset == self._at:
            self._at += row.length
            return row
        return self.write(row, self.read(row))

    def write(self, row: Row, line: bytes) -> Row:
        """Put a line next; return where it lies."""
        if self._at < self._size:
            self._set_aside()
        offset, length = self._at, len(line) + 1
        self._waiting += line + b"\n"
        self._at += length
        self._size += length
        return row._replace(file=0, offset=offset, length=length)

    def hold(self, row: Row, line: bytes) -> Row:
        """Write a line whose turn has not come; return where it lies."""
        self._spool = self._spool or self._new()
        file = self._opened(self._spool)
        offset = file.seek(0, os.SEEK_END)
        put(file, line + b"\n", offset)
        return row._replace(file=self._spool, offset=offset, length=len(line) + 1)

    def flush(self) -> None:
        """Hand over to the system what is to be written."""
        if self._waiting:
            put(self._file, self._waiting, self._size - len(self._waiting))
            self._waiting.clear()

    def finish(self) -> None:
        """Cut off what no item has any more; the ledger knows of nothing behind it."""
        self.flush()
        self._file.truncate(self._at)
        os.fsync(self._file.fileno())
        self._remove(set())

    def _set_aside(self) -> None:
        """Move the lines that this pass has not come to into a file of their own."""
        number = self._new()
        with (self._own / EARLIER.format(number)).open("wb") as file:
            self._file.seek(self._at)
            shutil.copyfileobj(self._file, file)
        self._ledger.move(self._at, number)
        self._file.truncate(self._at)
        self._size = self._at

    def _new(self) -> int:
        self._last += 1
        return self._last

    def _opened(self, number: int) -> BinaryIO:
        if number not in self._earlier:
            path = self._own / EARLIER.format(number)
            self._earlier[number] = self._closing.enter_context(appended(path))
        return self._earlier[number]

    def _remove(self, used: set[int]) -> None:
        """Remove the files of earlier records that are in use no more."""
        kept = {EARLIER.format(number) for number in used}
        for path in self._own.glob(EARLIER.format("*")):
            if path.name not in kept:
                path.unlink(missing_ok=True)
