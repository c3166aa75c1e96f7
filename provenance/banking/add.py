"""Adds pictures to a bank."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from detectors.bank.entry import Entry, Status, named
from detectors.bank.location import BankLocation, Store, create, exists, opened, writing
from detectors.bank.matching.decisions import Held, Holds, kept_out, reinstated
from detectors.decode.sniff import Kind
from detectors.errors import CannotAssess, ConfigError
from provenance.intake import files
from provenance.intake.paths import Walk

Planned: TypeAlias = tuple[str, tuple[str, str]]
"""An id, and the file and SHA-256 of the picture that is to have it."""
BATCH: Final = 32
"""Entries that are brought to the disk, and acknowledged, together."""


class Enrolment(msgspec.Struct):
    """What became of the files."""

    bank: str
    added: list[str] = []
    exact_only: list[str] = []
    """Ids of pictures with too little detail: kept, but matched by their bytes alone."""
    present: list[str] = []
    """Ids that were there already, with the same bytes."""
    copies: dict[str, str] = {}
    """Id → an id of the very same bytes, of what was added."""
    near: list[dict[str, Any]] = []
    """What `--report` finds: added entries that are copies of others, saved again or altered."""
    held: dict[str, str] = {}
    """Id → what was decided here of its picture, so that it was not added."""
    broken: dict[str, str] = {}
    """File → reason code."""
    passed_over: list[str] = []
    """Files that are no pictures, links and special files."""

    def report(self) -> dict[str, Any]:
        """Return all of it as JSON types."""
        told: dict[str, Any] = msgspec.to_builtins(self)
        return told


def add_pictures(
    path: BankLocation,
    roots: list[Path],
    template: Entry | None = None,
    *,
    name: str | None = None,
    reinstate: str | None = None,
    report: bool = False,
    tell: Callable[[Entry, str | None], None] = lambda _entry, _copy: None,
    watch: Callable[[Iterable[Planned], int], Iterable[Planned]] = lambda rows, _count: rows,
) -> Enrolment:
    """Add every picture below the roots to a bank, which is made where there is none.

    Args:
        path: where the bank lies.
        roots: files and folders.
        template: what all entries share; None: nothing.
        name: the id, for one picture.
        reinstate: why pictures are taken in of which something else was decided here.
        report: whether added entries are compared with all others.
        tell: told of each entry once it is safe on the disk, and of an id of the same bytes.
        watch: passes on what is about to be added, and how many there are: for a progress line.

    Raises:
        ConfigError: a path is missing, an id is taken by other bytes or by two files, or the bank
            cannot be used; then nothing is written.
    """
    template = template or Entry(id="", hashes={}, created="", modified="")
    done = Enrolment(path.name)
    known = opened(path).entries if exists(path) else {}
    planned = _planned(roots, name, known, done)
    plan = _Plan(path, template, reinstate)
    fresh = plan.fresh(planned, known, done)
    create(path, template.created)
    with writing(path) as writer:
        plan.fresh(fresh, writer.bank.entries, Enrolment(path.name))  # anew, under the lock
        decided, files_known = Holds(writer.bank, innocents=True), _Files(writer.bank)
        for entry_id, (file, sha256) in watch(fresh.items(), len(fresh)):
            if not plan.fresh({entry_id: (file, sha256)}, writer.bank.entries, done):
                continue  # another process has added it to the server since
            made = plan.made(entry_id, file, decided, done)
            if made is not None:
                files_known.note(made[0], done)
                writer.put(*made)
            if len(writer.pending) >= BATCH:
                _acknowledge(writer.commit(), done, tell)
        _acknowledge(writer.commit(), done, tell)
    if report:
        done.near = _near_copies(path, {each: fresh[each][0] for each in done.added})
    return done


def _planned(
    roots: list[Path], name: str | None, known: Mapping[str, Entry], done: Enrolment
) -> dict[str, tuple[str, str]]:
    """Return id → (file, SHA-256) of every picture below the roots."""
    pictures: list[tuple[str, str, list[str]]] = []
    for root in roots:
        if not root.exists():
            raise ConfigError(f"{root}: there is no such file or folder")
        for file in _files(root, done):
            item = files.item(file, follow=not root.is_dir())
            if item.fault is None and item.kind is not Kind.IMAGE:
                done.passed_over.append(files.uri(file))
                continue
            ids = [named(name)] if name else [named(each) for each in _ids(file, root)]
            pictures.append((file, item.sha256, ids))
    return _told_apart(pictures, known)


def _told_apart(
    pictures: list[tuple[str, str, list[str]]], known: Mapping[str, Entry]
) -> dict[str, tuple[str, str]]:
    """Return id → (file, SHA-256), no id for two pictures.

    Where the shortest id would stand for several pictures, each of them gets its next longer one,
    but for one that the bank has under it already.

    Args:
        pictures: file, SHA-256 and ids that it may have, the shortest first.
        known: entries of the bank.
    """
    while True:
        owners: dict[str, set[str]] = {}
        for _, sha256, ids in pictures:
            owners.setdefault(ids[0], set()).add(sha256)
        shared = {each for each, sums in owners.items() if len(sums) > 1}
        if not shared:
            planned: dict[str, tuple[str, str]] = {}
            for file, sha256, ids in pictures:
                planned.setdefault(ids[0], (file, sha256))
            return planned
        longer = []
        for file, sha256, ids in pictures:
            here = known.get(ids[0])
            stays = ids[0] not in shared or (here is not None and here.sha256 == sha256)
            if not stays and len(ids) == 1:
                raise ConfigError(f"{file} and another file would both be {ids[0]!r}; use --id")
            longer.append((file, sha256, ids if stays else ids[1:]))
        pictures = longer


def _files(root: Path, done: Enrolment) -> list[str]:
    """Find the files below a root, which may be a file itself, or a link to one."""
    if not root.is_dir():
        return [os.fspath(root)]
    walk = Walk([os.fspath(root)], unwanted=True)
    found = [*walk]
    done.passed_over += walk.links
    return found


def _ids(file: str, root: Path) -> list[str]:
    """Return the ids that a file may have: without its ending, with it, with its root before it."""
    path = Path(file)
    below = path.relative_to(root) if root.is_dir() else Path(path.name)
    above = root.resolve() if root.is_dir() else root.resolve().parent
    names = [below.with_suffix("").as_posix(), below.as_posix(), f"{above.name}/{below.as_posix()}"]
    return [files.uri(each) for each in dict.fromkeys(names)]


class _Plan(msgspec.Struct, frozen=True):
    """What all pictures of one call share."""

    path: BankLocation
    template: Entry
    reinstate: str | None

    def fresh(
        self, planned: dict[str, tuple[str, str]], known: Mapping[str, Entry], done: Enrolment
    ) -> dict[str, tuple[str, str]]:
        """Return what is not in the bank yet, or is to be brought back."""
        fresh = {}
        for entry_id, (file, sha256) in planned.items():
            here = known.get(entry_id)
            if here is None:
                fresh[entry_id] = file, sha256
            elif here.sha256 != sha256:
                raise ConfigError(
                    f"{self.path}: the entry {entry_id!r} was made from other bytes than {file}. "
                    "Withdraw it and add this one under another id (--id)"
                )
            elif here.status is Status.ACTIVE and here.innocent <= self.template.innocent:
                done.present.append(entry_id)
            elif self.reinstate is not None:
                fresh[entry_id] = file, sha256
            else:
                done.held[entry_id] = Held(entry=here, confirmed=True).told
        return fresh

    def made(
        self, entry_id: str, file: str, decided: Holds, done: Enrolment
    ) -> tuple[Entry, bytes | None] | None:
        """Return entry and features of a picture; note one that cannot be added and return None."""
        from detectors.bank.enrol import enrolled

        item = files.item(file, follow=True)
        try:
            if item.fault is not None:
                raise item.fault
            entry, block = enrolled(item, msgspec.structs.replace(self.template, id=entry_id))
            held = [] if entry.innocent else decided.of_item(item)
        except CannotAssess as fault:
            done.broken[files.uri(file)] = fault.reason.code
            return None
        if (out := kept_out(entry, held)) is None:
            return entry, block
        if self.reinstate is not None:
            return reinstated(entry, held, self.reinstate), block
        done.held[entry_id] = out.told
        return None


class _Files:
    """The ids of files by their bytes, of a bank and of what is being added to it."""

    def __init__(self, bank: Store) -> None:
        from detectors.bank.matching.search import Searcher

        self._index = Searcher(bank).index
        self._added: dict[str, str] = {}

    def note(self, entry: Entry, done: Enrolment) -> None:
        """Note an entry, and whether its bytes have another id already."""
        sha256 = entry.sha256 or ""
        there = [each.id for each in self._index.exact("sha256", sha256) if each.id != entry.id]
        other = [*there, *([self._added[sha256]] if sha256 in self._added else [])]
        if other:
            done.copies[entry.id] = other[0]
        self._added.setdefault(sha256, entry.id)


def _near_copies(path: BankLocation, added: dict[str, str]) -> list[dict[str, Any]]:
    """Return which of the added entries are copies of others, each pair once.

    Args:
        path: where the bank lies.
        added: id → file.
    """
    from detectors.bank.matching import copies
    from detectors.bank.matching.search import Searcher
    from detectors.hashing.views import hash_views

    bank = opened(path)
    searcher = Searcher(bank)
    pairs: dict[frozenset[str], dict[str, Any]] = {}
    for entry_id, file in added.items():
        entry = bank.entries[entry_id]
        picture = files.item(file, follow=True).picture
        found = copies.of_entry(searcher, entry, bank.features(entry))
        found += copies.of_picture(searcher, picture, hash_views(picture))
        for each in found:
            if each.entry.id != entry_id:
                told = {
                    "id": entry_id,
                    "other": each.entry.id,
                    "algorithm": each.algorithm,
                    "distance": each.distance,
                }
                pairs.setdefault(frozenset((entry_id, each.entry.id)), told)
    return [*pairs.values()]


def _acknowledge(
    entries: Iterable[Entry], done: Enrolment, tell: Callable[[Entry, str | None], None]
) -> None:
    """Note what is safe, and tell of it."""
    for entry in entries:
        done.added.append(entry.id)
        if not entry.perceptual:
            done.exact_only.append(entry.id)
        tell(entry, done.copies.get(entry.id))
