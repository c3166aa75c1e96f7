"""The items of an archive: its members, with sidecars and posts as in a folder."""

import errno
import io
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Final

from detectors.errors import CannotAssess
from detectors.item import Item, Kind, Sidecar, Source
from provenance.intake import files, posts
from provenance.intake.archives import opened
from provenance.intake.archives.members import BROKEN, Archive, Expands, Member, damaged
from provenance.intake.location import MARK
from provenance.intake.stdin import given, refused

WINDOW: Final = 64 * 2**20
"""Bytes of members that are held at a time; of a stream, as many are collected in a pass."""


class _Folder:
    """The members of an archive by their names, as files lie beside each other in a folder."""

    def __init__(self, path: str, archive: Archive) -> None:
        self._uri, self._archive = files.uri(path), archive
        self.source = files.source(path)
        """The archive as it stands."""
        self.members = {os.fsdecode(member.name): member for member in archive.members}
        """By name, sorted by its bytes."""
        names = sorted(self.members, key=os.fsencode)
        self.members = {name: self.members[name] for name in names}
        self._near = files.near(names)
        self._paths = {os.path.normpath(name): name for name in names}
        self.items = [name for name in names if not self._owned(name)]
        """Names of the members that are items: no sidecar whose file is there."""

    def _owned(self, name: str) -> bool:
        return files.is_sidecar(os.path.basename(name)) and self._owners(name) > 0

    def _owners(self, sidecar: str) -> int:
        return files.owned(sidecar, self._near.get(os.path.splitext(sidecar)[0], ()))

    def uri(self, name: str) -> str:
        """Return the name of a member as records have it."""
        return f"{self._uri}{MARK}{files.named(os.fsencode(name))}"

    def beside(self, name: str) -> list[str]:
        """Return the names of a member's sidecars."""
        c2pa = os.path.splitext(name)[0] + files.SIDECAR
        found = [c2pa] if c2pa in self.members and not name.endswith(files.SIDECAR) else []
        return found + [each for each in files.xmp_names(name) if each in self.members]

    def at(self, path: str) -> str | None:
        """Return the name of the member at a path, however the archive writes it."""
        return self._paths.get(os.path.normpath(path))

    def needs(self, name: str) -> list[Member]:
        """Return what is read for an item: the member and its sidecars."""
        return [self.members[each] for each in (name, *self.beside(name))]

    def item(self, name: str, read: "Bytes", kind: Kind | None = None) -> Item:
        """Return the item of a member whose bytes, and those of its sidecars, were read."""
        beside = self.beside(name)
        c2pa = [self._sidecar(each, read) for each in beside if each.endswith(files.SIDECAR)]
        xmp = [self._sidecar(each, read) for each in beside if not each.endswith(files.SIDECAR)]
        return Item(
            self.uri(name),
            _reader(read[self.members[name].at]),
            kind=kind,
            sidecar=c2pa[0] if c2pa else None,
            metadata=tuple(xmp),
            sources=self.sources(name),
        )

    def sources(self, name: str) -> tuple[Source, Source]:
        """Return a member and the archive: it changes with that."""
        size = self.members[name].size
        return Source(self.uri(name), size, self.source.mtime_ns), self.source

    def _sidecar(self, name: str, read: "Bytes") -> Sidecar:
        return Sidecar(
            read=_reader(read[self.members[name].at]),
            name=files.uri(os.path.basename(name)),
            shared=self._owners(name) > 1,
        )

    def read(self, wanted: Sequence[Member]) -> "Bytes":
        """Read members in one pass."""
        unique = {member.at: member for member in wanted}
        found: Bytes = {}
        try:
            for member, data in self._archive.contents([*unique.values()]):
                found[member.at] = data
        except (*BROKEN, Expands) as error:
            found |= {at: damaged(error) for at in unique if at not in found}
        return found


Bytes = dict[int, bytes | CannotAssess]
"""Number of a member → its bytes, or why there are none."""


def _reader(data: bytes | CannotAssess) -> Callable[[], bytes]:
    return partial(refused, data) if isinstance(data, CannotAssess) else partial(given, data)


def of_file(path: str) -> Iterator[Item]:
    """Yield the items of a file that is an archive."""
    archive = opened(path, follow=False)
    if archive is None:
        yield files.item(path, follow=False)  # it has changed since it was looked at
        return
    yield from items(path, archive)


def items(path: str, archive: Archive) -> Iterator[Item]:
    """Yield the items of an archive, sorted by the bytes of their names.

    As many members as fit into a window are read at a time, so that memory does not grow with the
    archive; a compressed stream that is not in order is read once for each window.

    Args:
        path: of the archive.
        archive: what `opened` gave.
    """
    folder = _Folder(path, archive)
    waiting: list[str] = []
    size = 0
    for name in folder.items:
        if name.lower().endswith(posts.ENDINGS):
            yield from _window(folder, waiting)
            waiting, size = [], 0
            yield from _posts(folder, name)
            continue
        needed = sum(member.size for member in folder.needs(name))
        if waiting and size + needed > WINDOW:
            yield from _window(folder, waiting)
            waiting, size = [], 0
        waiting.append(name)
        size += needed
    yield from _window(folder, waiting)
    if archive.fault is not None:
        yield Item(files.uri(path), partial(refused, archive.fault), sources=(folder.source,))


def _window(folder: _Folder, names: Sequence[str]) -> Iterator[Item]:
    """Yield the items of members that are read in one pass."""
    if names:
        read = folder.read([member for name in names for member in folder.needs(name)])
        yield from (folder.item(name, read) for name in names)


def _posts(folder: _Folder, name: str) -> Iterator[Item]:
    """Yield the items of a file that is named as one of posts."""
    read = folder.read(folder.needs(name))
    data = read[folder.members[name].at]
    if isinstance(data, CannotAssess) or not posts.tells(data):
        yield folder.item(name, read)
        return
    below, media = os.path.dirname(name), dict[int, bytes | CannotAssess]()
    asked: list[Member] = []

    def note(path: str) -> Item:
        if inner := folder.at(os.path.join(below, path)):
            asked.extend(folder.needs(inner))
        return Item(path, partial(given, b""))

    def medium(path: str) -> Item:
        inner = folder.at(os.path.join(below, path))
        return folder.item(inner, media) if inner else Item(path, MISSING)

    uri, sources = folder.uri(name), folder.sources(name)
    ahead = posts.items(io.BufferedReader(io.BytesIO(data)), uri, sources, note)
    made = posts.items(io.BufferedReader(io.BytesIO(data)), uri, sources, medium)
    while count := _posts_of_a_window(ahead, asked):
        media = folder.read(asked)
        asked.clear()
        yield from islice(made, count)


def _posts_of_a_window(ahead: Iterator[Item], asked: list[Member]) -> int:
    """Go on over posts until the media that they ask for fill a window; return how many."""
    count = 0
    for _ in ahead:
        count += 1
        if sum(member.size for member in asked) > WINDOW:
            break
    return count


MISSING: Final = partial(refused, files.failed("item.missing", error=os.strerror(errno.ENOENT)))
"""Stands for the bytes of a medium that is not in the archive."""
