"""The items of a run in their order, without opening what is as it was.

A file is opened to see whether it holds posts, or is an archive. Where the ledger knows that from
an earlier pass, and neither the file nor what is read with it has changed, its items come out of
the ledger.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import msgspec

from detectors.item import Item, Source
from provenance.intake import files
from provenance.intake.location import Names
from provenance.intake.paths import of_file
from provenance.runs import identity
from provenance.runs.ledger import Ledger, Row


class Turn(msgspec.Struct, frozen=True):
    """An item whose turn it is."""

    row: Row
    """What the ledger knows of it, or is to know."""
    item: Item | None
    """None: it is as it was, and its record needs nobody to look."""


class Turns:
    """The items of the files that a walk finds."""

    def __init__(self, ledger: Ledger, number: int, suffices: Callable[[Row, bool], bool]) -> None:
        """Take what decides.

        Args:
            ledger: of the run.
            number: of the pass.
            suffices: tells of an item that is as it was, and of whether all its files are there,
                if nobody has to look at it.
        """
        self._ledger, self._number, self._suffices = ledger, number, suffices
        self._sidecars, self._names = files.Sidecars(), Names()
        self._ending = dict[str, tuple[str, bytes]]()
        """Last item of an archive or file of posts → its name and state."""

    def of(self, paths: Iterable[str]) -> Iterator[Turn]:
        """Yield the items of these files."""
        for path in paths:
            source, last, count = files.source(path), "", 0
            uri = files.uri(path)
            for turn in self._of_file(path, uri, source):
                last, count = turn.row.uri, count + (turn.row.container is not None)
                yield turn
            if count:
                self._ending[last] = uri, identity.of(source)
                if (row := self._ledger.row(last)) and row.passed == self._number:
                    self.came_to(last)

    def came_to(self, uri: str) -> None:
        """Note that the pass has come to an item: with the last one, all of its file are known."""
        if container := self._ending.pop(uri, None):
            self._ledger.put_container(*container, self._number)

    def _of_file(self, path: str, uri: str, source: Source) -> Iterator[Turn]:
        """Yield the items of a file: as long as they suffice, those that the ledger knows."""
        done = 0
        known = self._ledger.members(uri, identity.of(source))
        for row in known if known is not None else self._alone(uri):
            there = self._is_as_it_was(row, path, source)
            if there is None or not self._suffices(row, there):
                break
            self._names.unused(row.uri)
            done += 1
            yield Turn(row, None)
        else:
            if done:
                return
        items = of_file(path, self._sidecars, follow=False)
        for place, item in enumerate(islice(items, done, None), done):
            member = bool(place) or item.uri != uri
            item.uri = self._names.unused(item.uri)
            yield Turn(_new(item, uri if member else None, place), item)

    def _alone(self, uri: str) -> Iterator[Row]:
        """Yield the item of a file that is one."""
        row = self._ledger.row(uri)
        if row and row.container is None:
            yield row

    def _is_as_it_was(self, row: Row, path: str, source: Source) -> bool | None:
        """Tell of an item that is as it was whether all its files are there; None of any other.

        Args:
            row: of the item.
            path: of the file that it is, or that it is in.
            source: that file as it stands.
        """
        if row.container is not None and row.media is None:
            return True  # a member changes with its archive
        names = [path] if row.media is None else json.loads(row.media)
        items = [files.item(name, follow=False, sidecars=self._sidecars) for name in names]
        files_of = [each for item in items for each in item.sources]
        alone = row.container is None
        stamp = identity.stamp(items[0]) if alone else identity.stamp_with(source, items)
        return all(each.size >= 0 for each in files_of) if stamp == row.stamp else None


def _new(item: Item, container: str | None, place: int) -> Row:
    """Return what the ledger is to know of an item that is not looked at yet."""
    media = identity.media(item) if item.parts else []
    return Row(
        uri=item.uri,
        stamp=identity.stamp(item),
        size=identity.size(item),
        container=container,
        place=None if container is None else place,
        media=json.dumps(media) if media else None,
    )
