"""An export as it lies: a file, a folder, or a ZIP archive of what would lie in one."""

import bz2
import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO, Any, BinaryIO, Final, cast

from detectors.errors import ConfigError
from provenance.intake import files

PACKED: Final = (".gz", ".bz2", ".xz", ".zst")
UNREADABLE: Final = (
    OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError,
    NotImplementedError,
)  # fmt: skip
"""What reading a member raises where an archive or a packed file is broken or encrypted."""


class Package:
    """An export whose files are known by name."""

    def __init__(self, path: str) -> None:
        """List what is in it.

        Args:
            path: of a file or folder.

        Raises:
            ConfigError: there is nothing to read.
        """
        self.path, self.uri = path, files.uri(path)
        self._zip: zipfile.ZipFile | None = None
        try:
            if os.path.isdir(path):
                self.names = sorted(_below(path))
            elif zipfile.is_zipfile(path):
                self._zip = zipfile.ZipFile(path)
                infos = self._zip.infolist()
                self.names = sorted({info.filename for info in infos if not info.is_dir()})
            else:
                files.opened(path, follow=True).close()
                self.names = [os.path.basename(path)]
        except (OSError, zipfile.BadZipFile) as error:
            words = getattr(error, "strerror", None) or error
            raise ConfigError(f"{self.uri}: cannot be read: {words}") from error

    @property
    def is_folder(self) -> bool:
        """Whether its files lie in the file system, below it."""
        return self._zip is None and os.path.isdir(self.path)

    def where(self, name: str) -> str:
        """Return how a file in it is named to people."""
        if self._zip is not None:
            return f"{self.uri}!/{files.named(os.fsencode(name))}"
        return files.uri(self.local(name)) if self.is_folder else self.uri

    def local(self, name: str) -> str:
        """Return the path of one of its files, where it is no archive."""
        return os.path.join(self.path, *name.split("/")) if self.is_folder else self.path

    def find(self, name: str) -> str | None:
        """Return the file of a name, below whatever folder the export was put into."""
        found = [each for each in self.names if each == name or each.endswith(f"/{name}")]
        return min(found, key=_depth, default=None)

    def below(self, folder: str) -> list[str]:
        """Return the files in a folder, below whatever folder the export was put into."""
        return [name for name in self.names if f"/{folder}/" in f"/{name}"]

    def ending(self, *endings: str) -> list[str]:
        """Return the files whose names end so, packed or not; a file named alone is one of them."""
        if not self.is_folder and self._zip is None:
            return self.names
        return [name for name in self.names if _endings(name).intersection(endings)]

    def raw(self, name: str) -> IO[bytes]:
        """Open one of its files as it lies.

        Raises:
            One of UNREADABLE.
        """
        if self._zip is not None:
            return self._zip.open(name)
        return io.BufferedReader(files.opened(self.local(name), follow=not self.is_folder))

    def open(self, name: str) -> BinaryIO:
        """Open one of its files, unpacked.

        Raises:
            ConfigError: unpacking it needs an extra.
            One of UNREADABLE.
        """
        raw = self.raw(name)
        head = raw.read(6)
        raw.seek(0)
        unpack = next((how for magic, how in _UNPACK.items() if head.startswith(magic)), None)
        return io.BufferedReader(unpack(raw) if unpack else cast("Any", raw))


def _depth(name: str) -> tuple[int, str]:
    return name.count("/"), name


def _endings(name: str) -> set[str]:
    """Return the ending of a name, and of a packed file that of what is in it."""
    stem, ending = os.path.splitext(name.lower())
    return {ending, os.path.splitext(stem)[1]} if ending in PACKED else {ending}


def _below(folder: str) -> Iterator[str]:
    """Yield the regular files below a folder, which no link leads to."""
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            with suppress(OSError):
                if not os.path.islink(path) and os.path.isfile(path):
                    yield os.path.relpath(path, folder).replace(os.sep, "/")


def _zstd(raw: IO[bytes]) -> Any:
    try:
        import zstandard
    except ImportError as error:
        raise ConfigError(
            f"{getattr(raw, 'name', 'the file')}: is packed by Zstandard, which needs the extra"
            " networks: pip install 'provenance-check[networks]'"
        ) from error
    return zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(
        raw, read_across_frames=True
    )


_UNPACK: Final[dict[bytes, Callable[[IO[bytes]], Any]]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
    b"\x28\xb5\x2f\xfd": _zstd,
}
"""First bytes of a packed file → what unpacks it. The window is what dumps of Reddit were packed
with."""
