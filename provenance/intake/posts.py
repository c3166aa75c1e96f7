"""Files of posts: one JSON object a line, each an item with parts."""

import codecs
import io
import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias, TypeVar

import msgspec

from detectors.errors import CannotAssess
from detectors.item import Item, Kind, Source
from detectors.signal import Outcome, Reason
from provenance.intake import files, remote, stdin

ENDINGS = (".jsonl", ".ndjson")
"""Endings of the names of files that may hold posts, in lower case."""
MAX_LINE = 4 * 2**20
"""Longest line that is read as a post, 4 MiB; posts are told by as much of a file at most."""
MAX_HEAD = 20
"""Lines, blank ones apart, among which there must be a post."""
MAX_MEDIA = 64
"""Media of one post that are looked at."""
MAX_URLS = 1000
"""Addresses of one post that are kept."""
STRING_OR_NOT_A_NUMBER = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|-?Infinity|NaN', re.DOTALL)
"""A string, and what many programs write for a number that is missing."""
ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}"
    rb"|(?P<half>\\u[dD][89a-fA-F][0-9A-Fa-f]{2})|\\.",
    re.DOTALL,
)
"""Escapes in a string; `half` is half of a character, as texts have it that were cut by length."""
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}://|data:|blob:", re.ASCII)
"""How an address begins; what it names is never fetched."""
PATHS = re.compile(rb'\[\s*+"')
"""How a list of strings begins."""
ABSENT, NULL = msgspec.Raw(), b"null"
T = TypeVar("T")
Lines: TypeAlias = "io.BufferedReader[Any]"
"""A file of bytes, read line by line."""


class Piece(msgspec.Struct):
    """A part of a text that Telegram writes as a list: a link, a word in bold."""

    text: str


class Post(msgspec.Struct, kw_only=True):
    """A line of a file of posts, its values as they lie; further keys are ignored."""

    text: msgspec.Raw = ABSENT
    post_id: msgspec.Raw = ABSENT
    account_id: msgspec.Raw = ABSENT
    created_at: msgspec.Raw = ABSENT
    urls: msgspec.Raw = ABSENT
    media: msgspec.Raw = ABSENT

    @property
    def tells(self) -> bool:
        """Whether a file is told by it: `text` of any kind, an id, or a list of paths.

        Exports of platforms have `media` as well, null or a list of objects.
        """
        return bool(len(self.text) or len(self.post_id) or PATHS.match(bytes(self.media)))

    @property
    def is_post(self) -> bool:
        """Whether it has a key of posts; a day alone has the heading of an export, too."""
        return any(map(len, (self.text, self.post_id, self.account_id, self.urls, self.media)))


def holds_posts(path: str, *, follow: bool) -> bool:
    """Tell whether a file is named as lines of JSON and has a post among its first lines."""
    if not path.lower().endswith(ENDINGS):
        return False
    try:
        with io.BufferedReader(files.stream(path, follow=follow)) as file:
            return _tell(file)
    except OSError:
        return False


def tells(data: bytes) -> bool:
    """Tell whether bytes have a post among their first lines."""
    return _tell(io.BufferedReader(io.BytesIO(data)))


def _tell(file: Lines) -> bool:
    return any(_tells(line) for line in _head(line_reader(file)))


def line_reader(file: Lines) -> Callable[[int], bytes]:
    """Return what reads the next line as UTF-8, of at most so many bytes (characters of UTF-16)."""
    if file.peek(2)[:2] not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return lambda most: file.readline(most).removeprefix(codecs.BOM_UTF8)
    text = io.TextIOWrapper(file, "utf-16", "replace", newline="\n")
    return lambda most: text.readline(most).encode()


def _head(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield the first lines that are not blank."""
    left, lines = MAX_LINE, 0
    while left > 0 and lines < MAX_HEAD and (line := read(left)):
        left -= len(line)
        if line.strip():
            lines += 1
            yield line


def _tells(line: bytes) -> bool:
    try:
        return decoded(line, Post).tells
    except (msgspec.DecodeError, RecursionError):
        return False


def decoded(line: bytes, kind: type[T]) -> T:
    """Return the object of a line.

    `NaN`, which is no JSON, is null, and what is no Unicode becomes U+FFFD.

    Raises:
        ValidationError: it is JSON of another kind.
        DecodeError: it is no JSON.
        RecursionError: it is nested too deeply.
    """
    line = line.decode("utf-8", "replace").encode()
    try:
        return msgspec.json.decode(line, type=kind)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return msgspec.json.decode(STRING_OR_NOT_A_NUMBER.sub(_strict, line), type=kind)


def _strict(found: re.Match[bytes]) -> bytes:
    """Return a string without halves of characters, null for anything else."""
    if found[0][:1] != b'"':
        return NULL
    return ESCAPES.sub(lambda escape: rb"\ufffd" if escape["half"] else escape[0], found[0])


class _Values:
    """Decodes the values of a post, one by one."""

    def __init__(self, post: Post) -> None:
        """Start with nothing lost."""
        self._post = post
        self.lost = dict[str, None]()
        """Fields that hold a value of a wrong kind, in the order they were met."""

    def one(self, field: str, kind: Any) -> Any:
        """Return the value of a field, None where it is absent, null or of another kind."""
        return self._decoded(getattr(self._post, field), field, kind)

    def several(self, field: str, most: int) -> tuple[list[str | None], int]:
        """Return the first strings of a list, None for each entry that is none; one is a list.

        Args:
            field: which.
            most: entries that are returned.

        Returns:
            The strings, and how many entries were left out.
        """
        raw = getattr(self._post, field)
        value = bytes(raw)
        if value in (b"", NULL):
            return [], 0
        listed = value.startswith(b"[")
        entries = msgspec.json.decode(raw, type=list[msgspec.Raw]) if listed else [raw]
        kept = [self._decoded(entry, field, str) for entry in entries[:most]]
        return kept, len(entries) - len(kept)

    def _decoded(self, raw: msgspec.Raw, field: str, kind: Any) -> Any:
        try:
            return msgspec.json.decode(raw, type=kind | None) if raw else None
        except (msgspec.DecodeError, RecursionError):
            self.lost[field] = None
            return None


def of_file(path: str, *, follow: bool, sidecars: files.Sidecars) -> Iterator[Item]:
    """Yield one item a post of a file, whose media lie below its folder."""
    try:
        opened = io.BufferedReader(files.stream(path, follow=follow))
    except OSError:
        yield files.item(path, follow=follow)  # gone since it was looked at: carries its fault
        return
    source = files.source(path)
    medium = partial(medium_of, files.split(path)[0], sidecars)
    with opened as file:
        yield from items(file, files.uri(path), (source,), medium)


def items(
    file: Lines, name: str, sources: tuple[Source, ...], medium: Callable[[str], Item]
) -> Iterator[Item]:
    """Yield one item a post, in the order of the lines; a heading in front of them is no post.

    Args:
        file: the lines.
        name: of the file, as records have it.
        sources: the files that the lines are read from.
        medium: makes the item of a medium from its path below the file's folder.
    """
    made = _Maker(name, sources, medium)
    read, number = line_reader(file), 0
    while line := read(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            skip_rest(line, read)
            yield made.malformed(number, "longer than 4 MiB")
        elif line.strip() and (item := made.item(line, number)):
            yield item


def skip_rest(line: bytes, read: Callable[[int], bytes]) -> None:
    """Read to the end of a line that is longer than what is read of one."""
    while line and not line.endswith(b"\n"):
        line = read(MAX_LINE)


class _Maker:
    """Makes items of the lines of one file."""

    def __init__(
        self, name: str, sources: tuple[Source, ...], medium: Callable[[str], Item]
    ) -> None:
        """Start before the first line; arguments as for `items`."""
        self._name, self._sources, self._medium_of = name, sources, medium
        self._ids = set[str]()
        self._heading = 0
        """Objects of another kind in front of the first post."""
        self._begun = False

    def item(self, line: bytes, number: int) -> Item | None:
        """Return the item of one line, None for a heading."""
        try:
            post = decoded(line, Post)
        except (msgspec.DecodeError, RecursionError) as error:
            return self.malformed(number, str(error)[:200])
        if post.is_post:
            return self._post(_Values(post), number)
        if self._begun:
            return self.malformed(
                number, "it has none of the keys text, media, post_id, account_id and urls"
            )
        self._heading += 1
        return None

    def malformed(self, number: int, error: str) -> Item:
        """Return the item of a line that is no post."""
        fault = files.failed("item.malformed_post", error=error)
        uri, sources = f"{self._name}#{number}", self._sources
        made = Item(uri, partial(stdin.refused, fault), kind=Kind.POST, sources=sources)
        made.facts["line"] = number
        return made

    def _post(self, values: _Values, number: int) -> Item:
        """Return the item of a post."""
        key = self._key(identity := values.one("post_id", str | int), number)
        uri = f"{self._name}#{files.named(key.encode())}"
        paths, paths_left_out = values.several("media", MAX_MEDIA)
        urls, urls_left_out = values.several("urls", MAX_URLS)
        media = [inside(path, self._medium_of) for path in paths]
        words = _words(uri, values, alone=not media)
        parts = [("text", words)] if words else []
        parts += [(f"media/{i}", medium) for i, medium in enumerate(media)]
        sources = [*self._sources, *(source for medium in media for source in medium.sources)]
        made = Item(
            uri,
            partial(stdin.given, b""),
            kind=Kind.POST,
            parts=tuple(parts),
            sources=tuple(sources),
        )
        facts = {
            "post_id": identity if identity and str(identity) != key else None,
            "account_id": values.one("account_id", str | int),
            "created_at": values.one("created_at", str | int | float),
            "urls": [url for url in urls if url is not None],
            "urls_left_out": urls_left_out,
            "media_left_out": paths_left_out,
            "left_out": list(values.lost),
            "heading_lines": 0 if self._begun else self._heading,
        }
        made.facts.update({name: value for name, value in facts.items() if value})
        made.facts["line"] = number
        self._begun = True
        return made

    def _key(self, identity: str | int | None, number: int) -> str:
        """Return the id of a post; the number of its line where it has none, or a second one."""
        key = "" if identity is None else str(identity)
        if not key or key in self._ids:
            return str(number)
        self._ids.add(key)
        return key


def _words(uri: str, values: _Values, *, alone: bool) -> Item | None:
    """Return the text of a post, an item that says what is amiss with it, or None.

    Args:
        uri: of the post.
        values: of the post.
        alone: whether the post has no media, so that without text there is nothing to look at.
    """
    text = values.one("text", str | list[str | Piece])
    if isinstance(text, list):
        text = "".join(piece.text if isinstance(piece, Piece) else piece for piece in text)
    if text:
        return Item(uri, partial(stdin.given, text.encode()), kind=Kind.TEXT)
    if "text" in values.lost:
        fault = files.failed("item.wrong_kind", field="text")
    elif alone:
        fault = CannotAssess(Outcome.NOT_ASSESSED, Reason("item.empty_post"))
    else:
        return None
    return Item(uri, partial(stdin.refused, fault), kind=Kind.TEXT)


def inside(path: str | None, medium: Callable[[str], Item]) -> Item:
    """Return the item of a medium, which must lie below the folder of the file of posts."""
    if path is None or ADDRESS.match(path):
        fault = CannotAssess(Outcome.NOT_ASSESSED, Reason("item.no_path"))
        return Item(path or "", partial(stdin.refused, fault))
    inside = bool(path) and not os.path.isabs(path) and "\0" not in path
    if not inside or ".." in path.split("/"):
        return _outside(path)
    return medium(path)


def medium_of(folder: str, sidecars: files.Sidecars, path: str) -> Item:
    """Return the item of a medium in a folder, which is not reached by a link."""
    parts = path.split("/")
    if remote.is_remote(folder):  # a key is no path: what a path leaves out is left out here
        parts = [part for part in parts if part not in ("", ".")]
        key = "/".join([folder, *parts])
        return files.item(key, follow=False, sidecars=sidecars) if parts else _outside(path)
    whole = [os.path.join(folder, *parts[: i + 1]) for i in range(len(parts))]
    if any(os.path.islink(step) for step in whole):
        return _outside(path)
    return files.item(whole[-1], follow=False, sidecars=sidecars)


def _outside(path: str) -> Item:
    return Item(path, partial(stdin.refused, files.failed("item.media_outside", path=path)))
