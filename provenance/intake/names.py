"""Names of sources: from the command line, and from lists (`--files-from`)."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from detectors.errors import ConfigError
from provenance.intake import files
from provenance.intake.location import MARK, Seen


class Listed:
    """Names of sources in the order of a list; their bytes are kept, not a list of strings."""

    def __init__(self, data: bytes, end: bytes) -> None:
        """Keep a list.

        Args:
            data: the names.
            end: what closes each: a line feed or NUL.
        """
        self._data, self._end = data, end

    def __iter__(self) -> Iterator[str]:
        """Yield the names, beginning anew; empty ones are passed over."""
        start = 0
        while start < len(self._data):
            end = self._data.find(self._end, start)
            end = end if end >= 0 else len(self._data)
            if end > start:
                yield self._data[start:end].decode("utf-8", "surrogateescape")
            start = end + 1


class Sources:
    """What the user named: on the command line, then in a list. Holds the names of its items."""

    def __init__(self, paths: Iterable[str], listed: Iterable[str] = ()) -> None:
        """Keep the names.

        Args:
            paths: files and folders of the command line.
            listed: those of a list.
        """
        self._paths, self._listed, self._uris = [*paths], listed, Seen()
        for path in self:
            self._uris.add(files.uri(path))

    def __iter__(self) -> Iterator[str]:
        """Yield the names, beginning anew."""
        yield from self._paths
        yield from self._listed

    def __contains__(self, uri: object) -> bool:
        """Tell whether an item was named by itself, or by its archive, not by a folder above it."""
        return uri in self._uris or (isinstance(uri, str) and uri.partition(MARK)[0] in self._uris)


def listed(file: str, *, nul: bool) -> Listed:
    """Return the names that a file lists.

    Args:
        file: its name; `-` for standard input.
        nul: names are closed by NUL, not by a line feed, and may hold one.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "that is no name of a file"
        raise ConfigError(f"--files-from {files.uri(file)}: {why}") from None
    return Listed(data, b"\0" if nul else b"\n")
