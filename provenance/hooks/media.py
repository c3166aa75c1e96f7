"""Media of messages: bytes in the message, or what may be opened below `--media-from`.

A message comes from outside. Nothing that it names is opened unless it lies below a prefix that the
operator gave: a folder, an address, or what lies in a bucket. Compared are whole segments of a path
after decoding; on the way down a folder no link is followed.
"""

import base64
import binascii
import os
import stat
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from detectors.errors import CannotAssess, ConfigError
from detectors.item import Item
from provenance.hooks.address import NotAllowed, Prefix, fetch, parsed
from provenance.hooks.message import Medium
from provenance.intake import files, remote
from provenance.intake.stdin import given, refused

USE: Final = "use a folder, https://host/path/ or s3://bucket/path/"
FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Loaded(NamedTuple):
    """A medium whose bytes are here, or what kept them away."""

    item: Item
    identity: str
    """SHA-256 of the bytes, or the code of what kept them away."""


class MediaFrom:
    """Opens media of messages, and nothing that lies elsewhere."""

    def __init__(self, prefixes: Iterable[str] = (), private: Iterable[str] = ()) -> None:
        """Take the prefixes.

        Args:
            prefixes: folders, addresses (`https://host/path/`) and buckets (`s3://bucket/path/`).
            private: addresses whose host may be a private one.

        Raises:
            ConfigError: a prefix that is none of these, or whose extra is missing.
        """
        self._folders, self._buckets = list[str](), list[str]()
        self._addresses = list[Prefix]()
        self._addresses += [_prefix(each, private=True) for each in private]
        for prefix in prefixes:
            if remote.is_remote(prefix):
                remote.see_that_it_is_usable(prefix)
                self._buckets.append(prefix.rstrip("/") + "/")
            elif "://" in prefix:
                self._addresses.append(_prefix(prefix, private=False))
            elif os.path.isdir(prefix):
                self._folders.append(os.path.abspath(prefix))
            else:
                raise ConfigError(f"--media-from {files.uri(prefix)}: there is no such folder")

    def load(self, given_medium: Any, until: float) -> Loaded:
        """Return a medium of a message.

        Args:
            given_medium: as the message has it, any JSON.
            until: `time.monotonic()` by which it must be here.
        """
        try:
            medium = msgspec.convert(given_medium, Medium)
        except msgspec.ValidationError:
            return _kept_away("-", files.failed("hook.medium", error="it is no medium"))
        sources = [medium.base64, medium.path, medium.url]
        name = medium.name or medium.path or medium.url or "-"
        if sum(source is not None for source in sources) != 1:
            error = "it needs one of base64, path and url"
            return _kept_away(name, files.failed("hook.medium", error=error))
        try:
            data = self._bytes(medium, until)
        except CannotAssess as fault:
            return _kept_away(name, fault)
        item = Item(_shown(name), partial(given, data))
        return Loaded(item, item.sha256)

    def _bytes(self, medium: Medium, until: float) -> bytes:
        """Return the bytes of a medium.

        Raises:
            CannotAssess: they cannot be had, or may not.
        """
        if medium.base64 is not None:
            try:
                return base64.b64decode(medium.base64.encode(), validate=True)
            except (binascii.Error, ValueError) as error:
                raise files.failed("hook.medium", error=f"no base64: {error}") from None
        try:
            if medium.path is not None:
                return self._file(medium.path)
            return self._fetched(medium.url or "", until)
        except NotAllowed:
            raise files.failed("hook.not_allowed") from None

    def _file(self, path: str) -> bytes:
        """Return the bytes of a file below one of the folders.

        Raises:
            NotAllowed: it lies elsewhere, or behind a link.
            CannotAssess: it cannot be read.
        """
        segments = path.split("/")
        if not path.startswith("/") or "\0" in path or ".." in segments:
            raise NotAllowed
        for folder in self._folders:
            if (below := _below(path, folder)) is not None:
                return _read(folder, below)
        raise NotAllowed

    def _fetched(self, url: str, until: float) -> bytes:
        """Return what an address gives.

        Raises:
            NotAllowed: it, or one that it leads to, is not below a prefix.
            CannotAssess: it gives nothing in time, or too much.
        """
        try:
            if remote.is_remote(url):
                return self._object(url, until)
            return fetch(parsed(url), self._addresses, until, files.MAX_BYTES)
        except TimeoutError:
            raise files.failed("hook.late") from None
        except (OSError, ValueError) as error:
            said = getattr(error, "strerror", None) or str(error)
            raise files.failed("hook.not_fetched", error=said[:200]) from None

    def _object(self, name: str, until: float) -> bytes:
        """Return the bytes of an object in a bucket; its key is compared as it stands.

        Raises:
            NotAllowed: it does not lie below a prefix.
            TimeoutError, OSError: as for `remote.fetched`.
            ValueError: it is too large.
        """
        leads_elsewhere = not {".", ".."}.isdisjoint(name.split("/"))
        if leads_elsewhere or not any(map(name.startswith, self._buckets)):
            raise NotAllowed
        data = remote.fetched(name, files.MAX_BYTES, until)
        if data is None:
            raise ValueError("the file is too large")
        return data


def _prefix(text: str, *, private: bool) -> Prefix:
    """Return the prefix that somebody wrote.

    Raises:
        ConfigError: it is none.
    """
    try:
        address = parsed(text)
    except NotAllowed:
        raise ConfigError(f"--media-from {text!r}: {USE}") from None
    prefix = Prefix(address, private=private or address.is_ip)
    if address.scheme == "http" and not prefix.private:
        raise ConfigError(f"--media-from {text!r}: http is for private networks; use https")
    return prefix


def _below(path: str, folder: str) -> list[str] | None:
    """Return the segments of a path below a folder, None where it lies elsewhere."""
    start = folder.rstrip("/") + "/"
    if not path.startswith(start):
        return None
    return [segment for segment in path[len(start) :].split("/") if segment not in ("", ".")]


def _read(folder: str, below: list[str]) -> bytes:
    """Return the bytes of a file, opened segment by segment so that no link is followed.

    Raises:
        NotAllowed: there is a link on the way, or it is no regular file.
        CannotAssess: it cannot be read.
    """
    if not below:
        raise NotAllowed
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for segment in below[:-1]:
            inner = _inside(opened, segment, FOLDER_FLAGS)
            os.close(opened)
            opened = inner
        with os.fdopen(_inside(opened, below[-1], FILE_FLAGS), "rb", buffering=0) as file:
            there = os.fstat(file.fileno())
            if not stat.S_ISREG(there.st_mode):
                raise NotAllowed
            return files.bounded(file.read, there.st_size)
    finally:
        os.close(opened)


def _inside(folder: int, name: str, flags: int) -> int:
    """Open a name in an open folder.

    Raises:
        NotAllowed: it is a link.
        CannotAssess: it cannot be opened.
    """
    try:
        return os.open(name, flags, dir_fd=folder)
    except (OSError, ValueError) as error:
        code = error.errno if isinstance(error, OSError) else None
        try:
            if stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode):
                raise NotAllowed from None
        except (OSError, ValueError):
            pass
        what = files.CODES.get(code or 0, "item.unreadable")
        raise files.failed(what, error=os.strerror(code or 0)) from None


def _kept_away(name: str, fault: CannotAssess) -> Loaded:
    read: Callable[[], bytes] = partial(refused, fault)
    return Loaded(Item(_shown(name), read), fault.reason.code)


def _shown(name: str) -> str:
    """Return a name of a message as records have it."""
    return files.named(name.encode("utf-8", "replace"))
