"""Paths that the user named become items: `check` takes files, `scan` takes folders."""

import os
import stat
from collections.abc import Callable, Container, Iterable, Iterator
from fnmatch import fnmatchcase

from detectors.errors import ConfigError
from detectors.item import Item, Kind
from provenance.intake import files, posts, remote, stdin
from provenance.intake.location import Names, Seen

UNWANTED = frozenset({
    ".git", ".hg", ".svn", ".bzr", ".jj", "_darcs", "__pycache__", "node_modules", ".venv", ".tox",
    ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache",
})  # fmt: skip
"""Folders that a scan passes over by name: stores of version control, caches, installed code."""
OWN = {
    "run.json": b'"provenance.run/',
    "bank.json": b'"provenance.bank/',
    "checkpoint": "\n\n\N{EM DASH} ".encode(),
}
"""File that makes a folder a run, a bank or an audit log → what it holds near its beginning."""
HEAD = 512
"""Bytes of it that are read."""
ONLY_SCAN = "buckets are read by `provenance scan` alone"


def named(paths: Iterable[str], kind: Kind | None = None) -> list[str]:
    """Return the paths, once it is known that `check` can take them.

    Raises:
        ConfigError: one of them is a folder, a pipe, a socket, a device or in a bucket.
    """
    checked = list(paths)
    for path in checked:
        if remote.is_remote(path):
            raise ConfigError(f"{files.uri(path)}: {ONLY_SCAN}")
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
            yield from of_file(path, sidecars, follow=True, kind=kind)


def single(path: str) -> str:
    """Return the path back, once it is known to be one item.

    Raises:
        ConfigError: `named` refuses it, or it holds posts, each an item of its own.
    """
    (file,) = named([path])
    if file != "-" and posts.holds_posts(file, follow=True):
        raise ConfigError(f"{files.uri(file)} is a file of posts, several items: use scan")
    return file


def of_file(
    path: str, sidecars: files.Sidecars, *, follow: bool, kind: Kind | None = None
) -> Iterator[Item]:
    """Yield a file's item, or the items of its posts."""
    if kind is None and posts.holds_posts(path, follow=follow):
        yield from posts.of_file(path, follow=follow, sidecars=sidecars)
    elif not follow and is_archive(path):
        from provenance.intake.archives.items import of_file as members_of

        yield from members_of(path)
    else:
        yield files.item(path, follow=follow, kind=kind, sidecars=sidecars)


def is_archive(path: str) -> bool:
    """Tell whether a file is an archive, which is opened."""
    from provenance.intake import archives  # its readers cost what `check` need not pay

    return archives.compression(path, follow=False) is not None


def is_collection(path: str) -> bool:
    """Tell whether a file holds items: posts, or an archive."""
    return posts.holds_posts(path, follow=False) or is_archive(path)


def distinct(given: Iterable[Item]) -> Iterator[Item]:
    """Yield the items on; a name that an earlier one has gets `~2`, and so on."""
    names = Names()
    for item in given:
        item.uri = names.unused(item.uri)
        yield item


class Walk:
    """The files below what the user named: source by source, inside each sorted by path (bytes).

    A stream, a folder at a time. A link to a folder that is named is walked, any other link passed
    over. What cannot be looked at is yielded, and becomes an item that carries its fault. A sidecar
    that has its file beside it is left out, since it is read with that file; so is what an earlier
    source has reached already.
    """

    def __init__(
        self,
        roots: Iterable[str],
        exclude: Iterable[str] = (),
        *,
        unwanted: bool = False,
        ignored: Callable[[str], Container[str]] = lambda _root: (),
        wanted: Callable[[str], bool] = lambda _path: True,
        buckets: bool = False,
    ) -> None:
        """Name what is walked; nothing is listed yet.

        Args:
            roots: folders and files, or what lies in buckets.
            exclude: patterns of names or of paths below a root, as `fnmatch` reads them.
            unwanted: look into the folders of `UNWANTED` too. One that is a root always is.
            ignored: asked for the paths below a root that are passed over.
            wanted: tells whether a file is walked, by its path.
            buckets: whether roots may lie in buckets; else nothing is asked over the network.
        """
        self._ignored_below, self._wanted, self._buckets = ignored, wanted, buckets
        self._ignored: Container[str] = ()
        self._roots, self._patterns = roots, tuple(exclude)
        self._unwanted = frozenset[str]() if unwanted else UNWANTED
        self.links = list[str]()
        """Links and special files that were passed over."""
        self.excluded = list[str]()
        """Folders that were not looked into, for `UNWANTED` names them."""
        self.own = list[str]()
        """Folders of runs, banks and audit logs, which were not looked into either."""

    def __iter__(self) -> Iterator[str]:
        """Yield the paths, beginning anew.

        Raises:
            ConfigError: a root is an address that may not be asked, or its extra is missing.
            UnavailableError: a store does not answer.
        """
        self.links, self.excluded, self.own = [], [], []
        sidecars, seen = files.Sidecars(), Seen()
        for root in self._roots:
            whole = os.path.abspath(root)
            for path in self._of(root):
                inner = path[len(root) :].lstrip(os.sep)
                here = os.path.join(whole, inner) if inner else whole
                here = path if remote.is_remote(path) else here
                if not sidecars.owners(path) and self._wanted(path) and seen.add(here):
                    yield path

    def _of(self, root: str) -> Iterator[str]:
        """Yield the files of one source.

        Raises:
            ConfigError: it is an address that may not be asked.
        """
        remote.refuse_others(root)
        if remote.is_remote(root):
            if not self._buckets:
                raise ConfigError(f"{files.uri(root)}: {ONLY_SCAN}")
            if remote.source(root).size >= 0:
                yield root
            else:
                yield from self._below(root.rstrip("/"))
        elif os.path.isdir(root):
            yield from self._below(root)
        elif os.path.islink(root):
            self.links.append(root)
        else:
            yield root

    def _below(self, root: str) -> Iterator[str]:
        """Yield the files below a folder, without recursion."""
        self._ignored = () if remote.is_remote(root) else self._ignored_below(root)
        walks = [iter(self._entries(root, root))]
        while walks:
            path = next(walks[-1], None)
            if path is None:
                walks.pop()
            elif path.endswith(os.sep):
                walks.append(iter(self._entries(path[:-1], root)))
            else:
                yield path

    def _entries(self, folder: str, root: str) -> list[str]:
        """Return files and folders (with a `/` behind them) of a folder in the order of paths."""
        kept = []
        try:
            with files.scandir(folder) as entries:
                for entry in entries:
                    below = os.path.relpath(entry.path, root) if self._patterns else ""
                    if self._excludes(entry.name, below) or entry.path in self._ignored:
                        continue
                    if path := self._kept(entry):
                        kept.append(path)
        except OSError:
            return [folder]  # cannot be listed: an item whose fault says so
        return sorted(kept, key=os.fsencode)

    def _excludes(self, name: str, below: str) -> bool:
        return any(fnmatchcase(name, p) or fnmatchcase(below, p) for p in self._patterns)

    def _kept(self, entry: "os.DirEntry[str] | remote.Entry") -> str | None:
        """Return the path of an entry that is walked or is a file."""
        if entry.is_dir(follow_symlinks=False):
            if entry.name in self._unwanted:
                self.excluded.append(entry.path)
            elif _is_own(entry.path):
                self.own.append(entry.path)
            else:
                return entry.path + os.sep
        elif entry.is_file(follow_symlinks=False):
            return entry.path
        else:
            self.links.append(entry.path)
        return None


def _is_own(folder: str) -> bool:
    """Tell whether a folder is a run, a bank or an audit log."""
    for name, mark in OWN.items():
        path = os.path.join(folder, name)
        try:
            if remote.is_remote(path) and not remote.lies(path):
                continue
            with files.stream(path, follow=False) as file:
                if mark in (file.read(HEAD) or b""):
                    return True
        except OSError:
            continue
    return False


def scanned(paths: Iterable[str]) -> Iterator[Item]:
    """Yield the items of the files that a `Walk` finds."""
    sidecars = files.Sidecars()
    return distinct(item for path in paths for item in of_file(path, sidecars, follow=False))
