"""Pictures on their way into a bank."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from detectors.errors import CannotAssess, ConfigError
from detectors.item import Kind
from detectors.known_fakes.bank.entry import Entry, named
from detectors.known_fakes.bank.place import Place, create, exists, opened, writing
from provenance.cli.progress import Progress
from provenance.intake import files
from provenance.intake.paths import found

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
    broken: dict[str, str] = {}
    """File → reason code."""
    passed_over: list[str] = []
    """Files that are no pictures, links and special files."""

    def report(self) -> dict[str, Any]:
        """Give all of it as JSON types."""
        told: dict[str, Any] = msgspec.to_builtins(self)
        return told

    def summary(self) -> str:
        """Give it in a line."""
        counts = {
            "added": len(self.added),
            "of low detail, matched by bytes alone": len(self.exact_only),
            "already there": len(self.present),
            "broken": len(self.broken),
            "no pictures": len(self.passed_over),
        }
        words = [f"{count} {what}" for what, count in counts.items() if count]
        return f"{self.bank}: {', '.join(words) or 'nothing to add'}"


def add_pictures(
    path: Place,
    roots: list[Path],
    template: Entry,
    *,
    name: str | None = None,
    tell: Callable[[str], None] | None = None,
) -> Enrolment:
    """Add every picture below the roots to a bank, which is made where there is none.

    Args:
        path: where the bank lies.
        roots: files and folders.
        template: what all entries share.
        name: the id, for one picture.
        tell: told of each entry once it is safe on the disk.

    Raises:
        ConfigError: a path is missing, an id is taken by other bytes or by two files, or the bank
            cannot be used; then nothing is written.
    """
    done = Enrolment(path.name)
    planned = _planned(roots, name, done)
    known = opened(path).entries if exists(path) else {}
    fresh = _fresh(path, planned, known, done)
    create(path, template.created)
    with writing(path) as writer, Progress("Adding pictures", len(fresh)) as progress:
        _fresh(path, fresh, writer.bank.entries, Enrolment(path.name))  # anew, under the lock
        for entry_id, (file, sha256) in progress.watch(fresh.items()):
            if not _fresh(path, {entry_id: (file, sha256)}, writer.bank.entries, done):
                continue  # another process has added it to the server since
            made = _made(entry_id, file, template, done)
            if made is not None:
                writer.put(*made)
            if len(writer.pending) >= BATCH:
                _acknowledge(writer.commit(), done, tell)
        _acknowledge(writer.commit(), done, tell)
    return done


def _planned(roots: list[Path], name: str | None, done: Enrolment) -> dict[str, tuple[str, str]]:
    """Give id → (file, SHA-256) of every picture below the roots."""
    planned: dict[str, tuple[str, str]] = {}
    for root in roots:
        if not root.exists():
            raise ConfigError(f"{root}: there is no such file or folder")
        for file in _files(root, done):
            item = files.item(file, follow=not root.is_dir())
            if item.fault is None and item.kind is not Kind.IMAGE:
                done.passed_over.append(files.uri(file))
                continue
            entry_id = named(name or _id(file, root))
            taken = planned.setdefault(entry_id, (file, item.sha256))
            if taken[1] != item.sha256:
                raise ConfigError(f"{taken[0]} and {file} would both be {entry_id!r}; use --id")
    return planned


def _files(root: Path, done: Enrolment) -> list[str]:
    """Find the files below a root, which may be a file itself, or a link to one."""
    if not root.is_dir():
        return [os.fspath(root)]
    below = found([os.fspath(root)], (), unwanted=True)
    done.passed_over += below.links
    return below.files


def _id(file: str, root: Path) -> str:
    """Give a file's path below its root without its ending."""
    path = Path(file)
    below = path.relative_to(root) if root.is_dir() else Path(path.name)
    return files.uri(below.with_suffix("").as_posix())


def _fresh(
    path: Place,
    planned: dict[str, tuple[str, str]],
    known: Mapping[str, Entry],
    done: Enrolment,
) -> dict[str, tuple[str, str]]:
    """Give what is not in the bank yet."""
    fresh = {}
    for entry_id, (file, sha256) in planned.items():
        if entry_id not in known:
            fresh[entry_id] = file, sha256
        elif known[entry_id].sha256 == sha256:
            done.present.append(entry_id)
        else:
            raise ConfigError(
                f"{path}: the entry {entry_id!r} was made from other bytes than {file}. "
                "Withdraw it and add this one under another id (--id)"
            )
    return fresh


def _made(
    entry_id: str, file: str, template: Entry, done: Enrolment
) -> tuple[Entry, bytes | None] | None:
    """Give entry and features of a picture; note a broken one and give None."""
    from detectors.known_fakes.enrol import enrolled

    item = files.item(file, follow=True)
    try:
        if item.fault is not None:
            raise item.fault
        return enrolled(item, msgspec.structs.replace(template, id=entry_id))
    except CannotAssess as fault:
        done.broken[files.uri(file)] = fault.reason.code
        return None


def _acknowledge(
    entries: Iterable[Entry], done: Enrolment, tell: Callable[[str], None] | None
) -> None:
    """Note what is safe, and tell of it."""
    for entry in entries:
        done.added.append(entry.id)
        if not entry.perceptual:
            done.exact_only.append(entry.id)
        if tell is not None:
            low = "" if entry.perceptual else "  (low detail: by bytes alone)"
            tell(f"added  {entry.id}{low}")
