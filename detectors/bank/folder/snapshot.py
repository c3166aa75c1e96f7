"""An index snapshot: the arrays that searching a large bank needs, in one mapped file.

It holds nothing that the log does not say: a bank whose snapshot is missing or does not fit its
log is read from the log alone. Each array has a CRC-32 in the manifest, looked at when the array is
first read: those of the entries at opening, those that pictures are searched by at the first
search. Old snapshots have none; of these the SHA-256 of the file is looked at, at opening. All
numbers are little-endian; keys of ids and files are the first 8 bytes of a SHA-256.
"""

import hashlib
import mmap
import sys
import zlib
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec

from detectors.bank.entry import CHECK, PERCEPTUAL, Entry, Status
from detectors.bank.folder import log
from detectors.errors import DamagedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALIGNED: Final = 64
_PARTS: Final[tuple[tuple[str, Literal["Q", "I"]], ...]] = (
    ("rows", "Q"), ("owners", "I"), ("order", "I"), ("starts", "I"),
)  # fmt: skip
KINDS: Final[dict[str, Literal["Q", "I", "B"]]] = {
    "offsets": "Q", "flags": "B",
    "ids": "Q", "id_places": "I", "files": "Q", "file_places": "I", "sums": "Q", "sum_places": "I",
    **{f"{name}.{part}": kind for name in PERCEPTUAL
       for part, kind in _PARTS},
    "codes": "Q", "code_owners": "I", "code_starts": "I",
}  # fmt: skip
"""Arrays of a generation: Q 64 bits, I 32 bits, B 8 bits, unsigned."""
RECORDS: Final = (
    "offsets", "flags", "ids", "id_places", "files", "file_places", "sums", "sum_places",
)  # fmt: skip
"""Arrays that hold one element an entry, or fewer; the others are what pictures are searched by."""
SIZES: Final = {"Q": 8, "I": 4, "B": 1}
WITHDRAWN, INNOCENT, LOCAL, DISPUTED, REINSTATES, BY_LOOK, OTHER_LOOK = 1, 2, 4, 8, 16, 32, 64
"""Flags of an entry."""

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""What every JSON reader can hold."""


class DamagedIndexError(DamagedError):
    """An array of a snapshot was changed; the log still holds all of its content."""


class SnapshotInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The manifest's description of the snapshot in use."""

    number: Count
    bytes: Count
    sha256: str
    """SHA-256 of the file, hex; checked by `bank verify`, and at opening without `crc32`."""
    log_bytes: Count
    """The log up to here is in the snapshot; what follows is read from the log."""
    changes: Count
    """Lines of that part."""
    last: str
    """Digest of its last line."""
    entries: Count
    arrays: dict[str, tuple[Count, Count]]
    """Name → offset in the file and number of elements."""
    crc32: dict[str, Count] = {}
    """Name → CRC-32 of the array's bytes; empty in snapshots of earlier versions."""

    @property
    def name(self) -> str:
        """Name of the file."""
        return f"index-{self.number}.bin"


class Snapshot:
    """A mapped snapshot and the log that it covers."""

    def __init__(self, folder: Path, saved: SnapshotInfo, log_name: str) -> None:
        """Map both.

        Raises:
            OSError: a file is not there.
            ValueError: they do not fit each other.
        """
        self.info = saved
        self._log, self._data = (_mapped(folder / name) for name in (log_name, saved.name))
        self._where = folder / log_name
        if len(self._data) != saved.bytes or set(saved.arrays) != set(KINDS):
            raise ValueError("another file")
        if saved.crc32 and set(saved.crc32) != set(KINDS):
            raise ValueError("checksums of another file")
        if sys.byteorder != "little":
            raise ValueError("written for another machine")
        end = saved.log_bytes
        if len(self._log) < end or self._log[end - len(log.END) - CHECK : end] != (
            saved.last.encode() + log.END
        ):
            raise ValueError("another log")
        self._lengths = {name: length for name, (_, length) in saved.arrays.items()}
        self._views = {name: self._view(name) for name in KINDS}
        self._sound: set[str] = set()
        """Arrays that were looked at when they were first read."""
        if not all(map(self._holds, RECORDS)) or not (saved.crc32 or self.whole()):
            raise ValueError("another file")
        self._within_bounds()

    def _within_bounds(self) -> None:
        """Refuse entries that lie outside of the log or of their number."""
        counts = {name: len(view) for name, view in self._views.items()}
        if {counts[name] for name in RECORDS[:4]} != {self.info.entries}:
            raise ValueError("another number of entries")
        if counts["files"] != counts["file_places"] or counts["sums"] != counts["sum_places"]:
            raise ValueError("files without entries")
        owners = ("id_places", "file_places", "sum_places")
        ordinals = [max(self._views[name], default=0) for name in owners]
        if self.info.entries and max(ordinals) >= self.info.entries:
            raise ValueError("entries that are not there")
        if max(self._views["offsets"], default=0) >= max(self.info.log_bytes, 1):
            raise ValueError("lines that are not there")

    def _holds(self, name: str) -> bool:
        """Tell whether the bytes of an array are those that were written, as far as is known."""
        crc32 = self.info.crc32
        return not crc32 or zlib.crc32(self._views[name]) == crc32[name]

    def _view(self, name: str) -> "memoryview[int]":
        at, count = self.info.arrays[name]
        size = SIZES[KINDS[name]] * count
        if at % ALIGNED or at < 0 or count < 0 or at + size > len(self._data):
            raise ValueError("an array lies outside of its file")
        return memoryview(self._data)[at : at + size].cast(KINDS[name])

    def array(self, name: str) -> "NDArray[Any]":
        """Return an array as it lies in the file, flat.

        Raises:
            DamagedIndexError: it is not what was written, or points to what is not there.
        """
        import numpy as np

        from detectors.bank.folder.bounds import within

        array = np.asarray(self._views[name])
        if name not in self._sound:
            if not self._holds(name) or not within(name, array, self._lengths, self.info.entries):
                raise DamagedIndexError(
                    f"{self._where.parent}: {self.info.name} is damaged",
                    "delete it, and the next `bank add` makes it anew",
                )
            self._sound.add(name)
        return array

    def live(self) -> Iterator[tuple[int, Entry]]:
        """Yield ordinal and entry of all that are not withdrawn, from the log."""
        for ordinal, flag in enumerate(self._views["flags"]):
            if not flag & WITHDRAWN:
                yield ordinal, self.entry(ordinal)

    def entry(self, ordinal: int) -> Entry:
        """Return the entry at an ordinal, 0 for the one that came first.

        Raises:
            ConfigError: its line is damaged.
        """
        at = self._views["offsets"][ordinal]
        end = self._log.find(b"\n", at) + 1
        return log.read(self._log[at:end], f"{self._where}: byte {at}")

    def flags(self, ordinal: int) -> int:
        """Return the flags of an entry, whether withdrawn, innocent, with local features."""
        return int(self._views["flags"][ordinal])

    def ordinal(self, name: str) -> int | None:
        """Return the ordinal of an id."""
        ordinals = self._found("ids", "id_places", key(name.encode()))
        return next((ordinal for ordinal in ordinals if self.entry(ordinal).id == name), None)

    def of_file(self, algorithm: str, value: str) -> list[int]:
        """Return the ordinals of the entries of a file, by a digest of it in hex."""
        keys = ("files", "file_places") if algorithm == "sha256" else ("sums", "sum_places")
        found = self._found(*keys, int(value[:16], 16))
        return [each for each in found if (algorithm, value) in self.entry(each).digests(algorithm)]

    def carries(self, algorithm: str) -> bool:
        """Tell whether entries have digests that are found as those of an algorithm are."""
        return bool(len(self._views["files" if algorithm == "sha256" else "sums"]))

    def flagged(self, mask: int) -> list[int]:
        """Return the ordinals of the entries that have any of these flags."""
        ordinals: list[int] = (self.array("flags") & mask).nonzero()[0].tolist()
        return ordinals

    def whole(self) -> bool:
        """Say whether the file is, to the byte, what was written; reads it all."""
        return hashlib.sha256(self._data).hexdigest() == self.info.sha256

    def _found(self, keys: str, ordinals: str, wanted: int) -> Iterator[int]:
        sorted_keys = self._views[keys]
        at = bisect_left(sorted_keys, wanted)
        while at < len(sorted_keys) and sorted_keys[at] == wanted:
            yield self._views[ordinals][at]
            at += 1


def key(data: bytes) -> int:
    """Return the number that an id is sorted by."""
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big")


def flags(entry: Entry) -> int:
    """Return the flags of an entry."""
    return (
        WITHDRAWN * (entry.status is Status.WITHDRAWN)
        | INNOCENT * entry.innocent
        | LOCAL * (entry.local is not None)
        | DISPUTED * (entry.status is Status.DISPUTED)
        | REINSTATES * bool(entry.reinstates)
        | BY_LOOK * entry.by_look
        | OTHER_LOOK * entry.other_look
    )


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
