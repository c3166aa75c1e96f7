"""Build the next index snapshot from the last one and newer log lines."""

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from detectors.bank.entry import EXACT, PERCEPTUAL, WEAK, Entry, Status
from detectors.bank.folder.snapshot import (
    ALIGNED,
    KINDS,
    Snapshot,
    SnapshotInfo,
    flags,
    key,
)
from detectors.bank.index import multi_index
from detectors.bank.index.descriptors import prefix_starts
from detectors.storing.atomic import appearing

if TYPE_CHECKING:
    from numpy.typing import NDArray

Arrays = dict[str, "NDArray[Any]"]


class Change(msgspec.Struct, frozen=True):
    """An entry that the log says anew, or for the first time."""

    ordinal: int
    """Among all entries, in the order in which they came."""
    offset: int
    """Offset of its line in the log, in bytes."""
    entry: Entry


class Compaction:
    """Merges changed entries into the arrays of a snapshot."""

    def __init__(self, old: Snapshot | None, changes: Iterable[Change]) -> None:
        """Take the last snapshot and the entries changed since, each once."""
        self._old = old
        self._changes = list(changes)
        self._live = [each for each in self._changes if each.entry.status is not Status.WITHDRAWN]
        self._before = old.info.entries if old else 0
        ordinals = [each.ordinal for each in self._changes]
        self._stale = np.zeros(max([self._before - 1, *ordinals]) + 1, bool)
        self._stale[ordinals] = True

    def arrays(self, codes_of: "Callable[[Entry], NDArray[np.uint64]]") -> Arrays:
        """Return all arrays of the next snapshot.

        Args:
            codes_of: gives the codes of an entry's local features.
        """
        made = self._records() | self._keys()
        for name in PERCEPTUAL:
            made |= self._hashes(name)
        return made | self._codes(codes_of)

    def _records(self) -> Arrays:
        """Return what is kept of every entry, withdrawn ones too."""
        ordinals = [each.ordinal for each in self._changes]
        made = {}
        for name, values in (
            ("offsets", [each.offset for each in self._changes]),
            ("flags", [flags(each.entry) for each in self._changes]),
        ):
            made[name] = np.zeros(len(self._stale), KINDS[name])
            made[name][: self._before] = self._kept(name)
            made[name][ordinals] = values
        return made

    def _keys(self) -> Arrays:
        """Return ids and files by their keys."""
        new = [each for each in self._changes if each.ordinal >= self._before]
        ids = [(key(each.entry.id.encode()), each.ordinal) for each in new]
        parts = (
            ("ids", "id_places", ids, np.ones(self._before, bool)),
            ("files", "file_places", self._digests(*EXACT[:1]), ~self._stale),
            ("sums", "sum_places", self._digests(*WEAK), ~self._stale),
        )
        made = {}
        for name, owner, pairs, fresh in parts:
            remain = fresh[self._kept(owner)]
            values = np.array([value for value, _ in pairs], np.uint64)
            numbers = np.concatenate([self._kept(name)[remain], values])
            ordinals = np.array([ordinal for _, ordinal in pairs], np.uint32)
            order = np.argsort(numbers, kind="stable")
            made[name] = numbers[order]
            made[owner] = np.concatenate([self._kept(owner)[remain], ordinals])[order]
        return made

    def _digests(self, *names: str) -> list[tuple[int, int]]:
        """Return key and ordinal of each digest of these algorithms of newer lines."""
        return [
            (int(value[:16], 16), each.ordinal)
            for each in self._live
            for _, value in each.entry.digests(*names)
        ]

    def _hashes(self, name: str) -> Arrays:
        """Return the hashes of an algorithm, with their tables."""
        rows, owners = hashes((each.ordinal, each.entry) for each in self._live)[name]
        remain = ~self._stale[self._kept(f"{name}.owners")]
        rows = np.concatenate([self._kept(f"{name}.rows").reshape(-1, 4)[remain], rows])
        owners = np.concatenate([self._kept(f"{name}.owners")[remain], owners])
        order, starts = multi_index.tables(rows)
        parts: Arrays = {"rows": rows.ravel(), "owners": owners, "order": order, "starts": starts}
        return {f"{name}.{part}": array for part, array in parts.items()}

    def _codes(self, codes_of: "Callable[[Entry], NDArray[np.uint64]]") -> Arrays:
        """Return the codes of local features in ascending order."""
        remain = ~self._stale[self._kept("code_owners")]
        local = [(each.ordinal, codes_of(each.entry)) for each in self._live if each.entry.local]
        counts = [len(codes) for _, codes in local]
        owners = np.repeat(np.array([ordinal for ordinal, _ in local], np.uint32), counts)
        every = np.concatenate([self._kept("codes")[remain], *(codes for _, codes in local)])
        order = np.argsort(every, kind="stable")
        every = every[order]
        return {
            "codes": every,
            "code_owners": np.concatenate([self._kept("code_owners")[remain], owners])[order],
            "code_starts": prefix_starts(every),
        }

    def _kept(self, name: str) -> "NDArray[Any]":
        """Load an array of the last snapshot, flat."""
        return self._old.array(name) if self._old else np.zeros(0, KINDS[name])


def hashes(
    entries: Iterable[tuple[int, Entry]],
) -> "dict[str, tuple[NDArray[np.uint64], NDArray[np.uint32]]]":
    """Return algorithm → hashes (n, 4) and their owners, of those that look-alikes are found by."""
    values: dict[str, list[bytes]] = {name: [] for name in PERCEPTUAL}
    owners: dict[str, list[int]] = {name: [] for name in PERCEPTUAL}
    for ordinal, entry in entries:
        for name in PERCEPTUAL:
            for each in entry.hashes.get(name, ()):
                values[name].append(bytes.fromhex(each.value))
                owners[name].append(ordinal)
    return {
        name: (
            np.frombuffer(b"".join(values[name]), np.uint64).reshape(-1, multi_index.WORDS),
            np.array(owners[name], np.uint32),
        )
        for name in PERCEPTUAL
    }


def write(
    path: Path, made: Arrays, *, number: int, log_bytes: int, changes: int, last: str
) -> SnapshotInfo:
    """Write a snapshot beside the others and bring it to the disk.

    Args:
        path: of the bank.
        made: all arrays.
        number: of the snapshot.
        log_bytes: of the part of the log that it covers.
        changes: lines of that part.
        last: digest of its last line.
    """
    at = 0
    offsets: dict[str, tuple[int, int]] = {}
    for name, kind in KINDS.items():
        array = made[name] = np.ascontiguousarray(made[name].astype(f"={kind}", copy=False))
        offsets[name] = at, array.size
        at += array.nbytes + -array.nbytes % ALIGNED
    whole = hashlib.sha256()
    with appearing(path / f"index-{number}.bin") as file:
        for part in _padded(made):
            file.write(part)
            whole.update(part)
    return SnapshotInfo(
        number=number, bytes=at, sha256=whole.hexdigest(), log_bytes=log_bytes, changes=changes,
        last=last, entries=made["flags"].size, arrays=offsets,
        crc32={name: zlib.crc32(made[name].data) for name in KINDS},
    )  # fmt: skip


def _padded(made: Arrays) -> Iterator[bytes]:
    """Yield the bytes of a snapshot."""
    for name in KINDS:
        yield made[name].tobytes()
        yield bytes(-made[name].nbytes % ALIGNED)
