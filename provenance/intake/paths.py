"""Paths that the user named become items: `check` takes files, `scan` takes folders."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase

import msgspec

from detectors.errors import ConfigError
from detectors.item import Item, Kind
from provenance.intake import archives, files, posts, stdin
from provenance.intake.location import Names

UNWANTED = frozenset({
    ".git", ".hg", ".svn", ".bzr", ".jj", "_darcs", "__pycache__", "node_modules", ".venv", ".tox",
    ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache",
})  # fmt: skip
"""Folders that a scan passes over by name: stores of version control, caches, installed code."""


def named(paths: Iterable[str], kind: Kind | None = None) -> list[str]:
    """Return the paths, once it is known that `check` can take them.

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
    """Yield the items of files (or `-`, standard input), in the order they were named.

    A sidecar whose file is named too is left out, since it is read with that file.
    """
    given = list(paths)
    beside = files.near(given) if any(map(files.is_sidecar, given)) else {}
    kept = (p for p in given if not _is_read_with(p, beside))
    return distinct(_items(kept, kind))


def _is_read_with(path: str, beside: dict[str, list[str]]) -> bool:
    """Tell whether a path is a sidecar of one of the files that are named."""
    stem = os.path.splitext(path)[0]
    return files.is_sidecar(path) and files.owned(path, beside.get(stem, ())) > 0


def _items(paths: Iterable[str], kind: Kind | None) -> Iterator[Item]:
    sidecars = files.Sidecars()
    for path in paths:
        if path == "-":
            yield stdin.item(kind)
        else:
            yield from _of_file(path, sidecars, follow=True, kind=kind)


def single(path: str) -> str:
    """Return the path back, once it is known to be one item.

    Raises:
        ConfigError: `named` refuses it, or it holds posts, each an item of its own.
    """
    (file,) = named([path])
    if file != "-" and posts.holds_posts(file, follow=True):
        raise ConfigError(f"{files.uri(file)} is a file of posts, several items: use scan")
    return file


def _of_file(
    path: str, sidecars: files.Sidecars, *, follow: bool, kind: Kind | None = None
) -> Iterator[Item]:
    """Yield a file's item, or the items of its posts."""
    if kind is None and posts.holds_posts(path, follow=follow):
        yield from posts.of_file(path, follow=follow, sidecars=sidecars)
    elif archive := archives.opened(path, follow=follow) if not follow else None:
        yield from archives.items(path, archive)
    else:
        yield files.item(path, follow=follow, kind=kind, sidecars=sidecars)


def distinct(given: Iterable[Item]) -> Iterator[Item]:
    """Yield the items on; a name that an earlier one has gets `~2`, and so on."""
    names = Names()
    for item in given:
        item.uri = names.unused(item.uri)
        yield item


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What lies below the folders that the user named."""

    files: list[str]
    """Paths, sorted by their bytes, each once."""
    links: list[str]
    """Links and special files, which are passed over."""
    excluded: list[str]
    """Folders that were not looked into, for `UNWANTED` names them."""


def found(
    roots: Iterable[str],
    exclude: Iterable[str],
    step: Callable[[], None] = lambda: None,
    *,
    unwanted: bool = False,
) -> Found:
    """Find every file below the roots.

    Args:
        roots: folders and files. A link to a folder is walked, any other link passed over.
        exclude: patterns of names or of paths below a root, as `fnmatch` reads them.
        step: called for each file.
        unwanted: look into the folders of `UNWANTED` too. One that is named as a root always is.

    A path that cannot be looked at stays in the list and becomes an item that carries its fault.
    A sidecar that has its file beside it is left out, since it is read with that file.
    """
    walk = _Walk(tuple(exclude), frozenset() if unwanted else UNWANTED, step)
    for root in roots:
        if os.path.islink(root) and not os.path.isdir(root):
            walk.links.add(root)
        elif os.path.isdir(root):
            walk.below(root)
        else:
            walk.files.add(root)
    sidecars = files.Sidecars()
    kept = (path for path in walk.files if not sidecars.owners(path))
    return Found(
        files=sorted(kept, key=os.fsencode),
        links=sorted(walk.links, key=os.fsencode),
        excluded=sorted(walk.excluded, key=os.fsencode),
    )


class _Walk:
    """Collects what lies below folders, without recursion and without following links."""

    def __init__(
        self, patterns: tuple[str, ...], unwanted: frozenset[str], step: Callable[[], None]
    ) -> None:
        self._patterns, self._unwanted, self._step = patterns, unwanted, step
        self.files, self.links, self.excluded = set[str](), set[str](), set[str]()

    def below(self, root: str) -> None:
        """Walk one folder."""
        folders = [root]
        while folders:
            folder = folders.pop()
            try:
                entries = list(os.scandir(folder))
            except OSError:
                self.files.add(folder)  # cannot be listed: an item whose fault says so
                continue
            for entry in entries:
                below = os.path.relpath(entry.path, root) if self._patterns else ""
                if not any(
                    fnmatchcase(entry.name, p) or fnmatchcase(below, p) for p in self._patterns
                ):
                    folders += self._sorted(entry)

    def _sorted(self, entry: "os.DirEntry[str]") -> list[str]:
        """Put one entry where it belongs; return it where it is a folder to walk."""
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in self._unwanted:
                return [entry.path]
            self.excluded.add(entry.path)
        elif entry.is_file(follow_symlinks=False):
            self.files.add(entry.path)
            self._step()
        else:
            self.links.add(entry.path)
        return []


def scanned(paths: Iterable[str]) -> Iterator[Item]:
    """Yield the items of the files that `found` found."""
    sidecars = files.Sidecars()
    return distinct(item for path in paths for item in _of_file(path, sidecars, follow=False))
