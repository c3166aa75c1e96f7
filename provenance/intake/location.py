"""Where an item lies, as code hosts and build servers want it: relative to one root."""

import os
import re
from array import array
from hashlib import blake2b
from urllib.parse import quote_from_bytes

import msgspec

from detectors.decode.sniff import Kind
from provenance.intake.files import named, raw_name
from provenance.intake.remote import is_remote
from provenance.record import Record

POSTS = re.compile(r"\.(?:jsonl|ndjson)#", re.IGNORECASE)
"""What stands between the file of posts and the post in a name."""

MARK = "!/"
"""Between the name of an archive and that of its member."""

AGAIN = re.compile(rb"~[0-9]+\Z")
"""What `Names` puts behind a name that an earlier item has."""


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """Where an item lies."""

    path: bytes
    """Of its file: relative to the root, absolute where it lies outside; in a bucket its name."""
    inside: bool
    """Whether it lies below the root; true of what lies nowhere, standard input."""
    post: str = ""
    """Which post of the file it is."""
    line: int = 1

    @property
    def uri(self) -> str:
        """The path as a URI reference, encoded once, from its bytes."""
        if self.inside or self.path.startswith(b"/"):
            quoted = quote_from_bytes(self.path, safe="/")
            return quoted if self.inside else f"file://{quoted}"
        scheme, _, key = self.path.partition(b"://")
        return f"{scheme.decode()}://{quote_from_bytes(key, safe='/')}"

    @property
    def name(self) -> str:
        """The path as records write names, with the post; a URI where it lies outside."""
        file = named(self.path) if self.inside else self.uri
        return f"{file}#{self.post}" if self.post else file


class Names:
    """Names of one call, none of them twice."""

    def __init__(self) -> None:
        """Start without a name."""
        self._seen, self._last = Seen(), dict[str, int]()

    def unused(self, name: str) -> str:
        """Return a name; one that was returned before gets `~2`, and so on."""
        free = name
        while not self._seen.add(free):
            self._last[name] = self._last.get(name, 1) + 1
            free = f"{name}~{self._last[name]}"
        return free


class Seen:
    """Strings that came by, as digests of eight bytes in one table.

    An open-addressing hash table, since a run knows the names of all its items; a set of numbers
    would take some 70 bytes for each.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._table, self._count = array("Q", bytes(8 * 64)), 0

    def add(self, text: str) -> bool:
        """Note a string; tell whether it is new."""
        if 2 * self._count >= len(self._table):
            old, self._table = self._table, array("Q", bytes(16 * len(self._table)))
            for digest in old:
                if digest:
                    self._put(digest)
        new = self._put(_digest(text))
        self._count += new
        return new

    def __contains__(self, text: object) -> bool:
        """Tell whether a string came by."""
        if not isinstance(text, str):
            return False
        table, mask, digest = self._table, len(self._table) - 1, _digest(text)
        at = digest & mask
        while (there := table[at]) and there != digest:
            at = (at + 1) & mask
        return bool(there)

    def _put(self, digest: int) -> bool:
        table, mask = self._table, len(self._table) - 1
        at = digest & mask
        while (there := table[at]) and there != digest:
            at = (at + 1) & mask
        table[at] = digest
        return not there


def _digest(text: str) -> int:
    """Return eight bytes that stand for a string, never all zero."""
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest()) or 1


def root(given: str | None) -> str:
    """Return the folder that locations are relative to.

    Args:
        given: what the user says; None: the git checkout of the working folder, else that folder.
    """
    if given is not None:
        return given
    try:
        folder = here = os.getcwd()
    except FileNotFoundError:  # it was removed while we stand in it
        return os.sep
    while not os.path.lexists(os.path.join(folder, ".git")):
        if folder == os.path.dirname(folder):
            return here
        folder = os.path.dirname(folder)
    return folder


class Root:
    """The folder that locations are relative to; each other folder is resolved once."""

    def __init__(self, folder: str) -> None:
        """Resolve the folder."""
        self._folder = os.path.join(os.path.realpath(os.fsencode(folder)), b"")
        self._resolved: dict[bytes, bytes] = {}

    @property
    def uri(self) -> str:
        """The root as a URI, which ends in `/`."""
        return f"file://{quote_from_bytes(self._folder)}"

    def locate(self, record: Record) -> Location:
        """Return where the item of a record lies."""
        uri, post, line = record.item.uri, "", 1
        if uri == "-":
            return Location(path=b"-", inside=True)
        if record.item.kind is Kind.POST and (mark := POSTS.search(uri)):
            post, uri = uri[mark.end() :], uri[: mark.end() - 1]
            line = record.item.facts.get("line", 1)
        if is_remote(uri):
            return Location(path=raw_name(uri), inside=False, post=post, line=line)
        file, inside_of, member = raw_name(uri).partition(MARK.encode())
        if inside_of and not os.path.isfile(
            file
        ):  # a folder whose name ends like that of an archive
            file, inside_of, member = file + inside_of + member, b"", b""
        folder, name = os.path.split(file)
        if folder not in self._resolved:
            self._resolved[folder] = os.path.realpath(folder or os.curdir.encode())
        path = os.path.join(self._resolved[folder], name)
        if AGAIN.search(path) and not os.path.lexists(path):
            path = AGAIN.sub(b"", path)
        inside = path.startswith(self._folder)
        below = (path[len(self._folder) :] if inside else path) + inside_of + member
        return Location(path=below, inside=inside, post=post, line=line)
