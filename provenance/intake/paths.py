"""Paths that the user named become items: `check` takes files, `scan` takes folders."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase

from detectors.errors import ConfigError
from detectors.item import Item, Kind
from provenance.intake import files, posts, stdin


def named(paths: Iterable[str], kind: Kind | None = None) -> list[str]:
    """Give the paths back, once it is known that `check` can take them.

    Raises:
        ConfigError: one of them is a folder, a pipe, a socket or a device.
    """
    checked = list(paths)
    for path in checked:
        try:
            mode = 0 if path == "-" else os.stat(path).st_mode
        except (OSError, ValueError):
            continue  # becomes an item that carries its fault
        if stat.S_ISDIR(mode):
            raise ConfigError(f"{files.uri(path)} is a folder; use `provenance scan` for folders")
        if mode and not stat.S_ISREG(mode):
            raise ConfigError(f"{files.uri(path)} is no regular file, so it is not opened")
    if kind is Kind.POST and "-" in checked:
        raise ConfigError("--kind takes image or text")
    return checked


def items(paths: Iterable[str], kind: Kind | None = None) -> Iterator[Item]:
    """Give the items of files (or `-`, standard input), in the order they were named."""
    for path in paths:
        if path == "-":
            yield stdin.item(kind)
        else:
            yield from _of_file(path, follow=True, kind=kind)


def _of_file(path: str, *, follow: bool, kind: Kind | None = None) -> Iterator[Item]:
    """Give a file's item, or the items of its posts."""
    if kind is None and posts.holds_posts(path, follow=follow):
        yield from posts.items(path, follow=follow)
    else:
        yield files.item(path, follow=follow, kind=kind)


def found(
    roots: Iterable[str],
    exclude: Iterable[str],
    passed_over: Callable[[str], None],
    step: Callable[[], None] = lambda: None,
) -> list[str]:
    """Give every file below the roots, sorted by the bytes of its path, each once.

    Args:
        roots: folders and files.
        exclude: patterns of names or of paths below a root, as `fnmatch` reads them.
        passed_over: told of every link and special file, which are not opened.
        step: called for each file.

    A path that cannot be looked at stays in the list and becomes an item that carries its fault.
    A sidecar that has its file beside it is left out, since it is read with that file.
    """
    out: set[str] = set()
    patterns = tuple(exclude)
    for root in roots:
        for path in _below(root, patterns, passed_over):
            out.add(path)
            step()
    return sorted((path for path in out if not _is_sidecar(path)), key=os.fsencode)


def _is_sidecar(path: str) -> bool:
    return path.endswith(".c2pa") and bool(files.owners(path))


def _below(
    root: str, patterns: tuple[str, ...], passed_over: Callable[[str], None]
) -> Iterator[str]:
    """Walk one root without recursion and without following links below it."""
    if not os.path.isdir(root):
        yield root
        return
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError:
            yield folder  # cannot be listed: an item whose fault says so
            continue
        for entry in entries:
            below = os.path.relpath(entry.path, root)
            if any(fnmatchcase(entry.name, p) or fnmatchcase(below, p) for p in patterns):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif entry.is_file(follow_symlinks=False):
                yield entry.path
            else:
                passed_over(entry.path)


def scanned(paths: Iterable[str]) -> Iterator[Item]:
    """Give the items of the files that `found` named."""
    for path in paths:
        yield from _of_file(path, follow=False)
