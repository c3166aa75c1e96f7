"""Standard output and standard error as the command uses them."""

import io
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class OutputError(Exception):
    """Standard output cannot be written."""

    def __init__(self, error: OSError) -> None:
        """Keep why."""
        super().__init__(os.strerror(error.errno or 0))
        self.closed = isinstance(error, BrokenPipeError)
        """True where whoever read it has gone."""


class _Output(io.FileIO):
    """Standard output: says once that it cannot be written, and swallows what comes after."""

    failed = False

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write what can be written at once.

        Raises:
            OutputError: nothing can.
        """
        if self.failed:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except OSError as error:
            self.failed = True
            raise OutputError(error) from error


class _Errors(io.FileIO):
    """Standard error: what cannot be written there cannot be said anywhere."""

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write what can be written."""
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def take_over() -> None:
    """Put both in the place of Python's own, before anything is written.

    A number that the process was started without is filled with something that cannot be written:
    else the next file that is opened would get it, and with it what is printed.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # gets the lowest number that is free
    sys.stdin = sys.stdin or io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
    sys.stdout = _stream(_Output(1, "wb", closefd=False), sys.stdout)
    sys.stderr = _stream(_Errors(2, "wb", closefd=False), sys.stderr)


def _stream(raw: io.FileIO, before: TextIO | None) -> TextIO:
    """Return a text stream over a file, set up as Python's own was."""
    given: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace"}
    if isinstance(before, io.TextIOWrapper):
        given = {"encoding": before.encoding, "errors": before.errors}
        given |= {"line_buffering": before.line_buffering, "write_through": before.write_through}
    return io.TextIOWrapper(io.BufferedWriter(raw), **given)
