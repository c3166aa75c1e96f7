"""Files of posts: one JSON object a line, each an item with parts."""

import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, BinaryIO

import msgspec

from detectors.item import Item, Kind
from provenance.intake import files, stdin

MAX_LINE = 4 * 2**20
"""Longest line that is read as a post, 4 MiB."""
MAX_MEDIA = 64
"""Media of one post that are looked at."""


class Post(msgspec.Struct, kw_only=True):
    """A line of a posts file; further keys are ignored."""

    text: str = ""
    post_id: str | int | None = None
    account_id: str | int | None = None
    created_at: str | None = None
    urls: list[str] = []
    media: list[str] = []


def holds_posts(path: str, *, follow: bool) -> bool:
    """Tell whether this is a `.jsonl` file whose first line is an object with `text`."""
    if not path.endswith(".jsonl"):
        return False
    try:
        with _opened(path, follow=follow) as file:
            first = msgspec.json.decode(file.readline(MAX_LINE))
    except (OSError, msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return isinstance(first, dict) and isinstance(first.get("text"), str)


def _opened(path: str, *, follow: bool) -> BinaryIO:
    """Open a regular file for reading.

    Raises:
        OSError: it cannot be opened or is no regular file.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    file = open(os.open(path, flags), "rb")  # noqa: SIM115 - the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(path)
    return file


def items(path: str, *, follow: bool, sidecars: files.Sidecars) -> Iterator[Item]:
    """Yield one item a post, in the order of the lines."""
    name, seen = files.uri(path), set[str]()
    medium = partial(_medium, os.path.dirname(path), sidecars)
    try:
        opened = _opened(path, follow=follow)
    except OSError:
        yield files.item(path, follow=follow)  # gone since it was looked at: carries its fault
        return
    with opened as file:
        number = 0
        while line := file.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                _skip_rest(file)
                yield _malformed(f"{name}#{number}", number, "longer than 4 MiB")
            elif line.strip():
                yield _item(line, name, number, seen, medium)


def _skip_rest(file: BinaryIO) -> None:
    while (chunk := file.readline(MAX_LINE)) and not chunk.endswith(b"\n"):
        pass


def _item(
    line: bytes, name: str, number: int, seen: set[str], medium: Callable[[str], Item]
) -> Item:
    """Return the item of one line."""
    try:
        post = msgspec.json.decode(line, type=Post)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return _malformed(f"{name}#{number}", number, str(error)[:200])
    key = str(number) if post.post_id is None else str(post.post_id)
    if key in seen:
        key = str(number)
    seen.add(key)
    uri = f"{name}#{files.named(key.encode())}"
    words = Item(uri, partial(stdin.given, post.text.encode()), kind=Kind.TEXT)
    media = [medium(path) for path in post.media[:MAX_MEDIA]]
    parts = [("text", words)] if post.text or not media else []
    parts += [(f"media/{i}", medium) for i, medium in enumerate(media)]
    made = Item(uri, partial(stdin.given, b""), kind=Kind.POST, parts=tuple(parts))
    made.facts.update(_facts(post) | {"line": number})
    return made


def _facts(post: Post) -> dict[str, Any]:
    """Give what the post says of itself, for the record; nothing of it is resolved."""
    named = {"account_id": post.account_id, "created_at": post.created_at, "urls": post.urls}
    left_out = len(post.media) - MAX_MEDIA
    return {k: v for k, v in named.items() if v} | (
        {"media_left_out": left_out} if left_out > 0 else {}
    )


def _malformed(uri: str, number: int, error: str) -> Item:
    fault = files.failed("item.malformed_post", error=error)
    made = Item(uri, partial(stdin.refused, fault), kind=Kind.POST)
    made.facts["line"] = number
    return made


def _medium(folder: str, sidecars: files.Sidecars, path: str) -> Item:
    """Return the item of a medium, which must lie below the file's folder and be no link."""
    parts = path.split("/")
    inside = bool(path) and not os.path.isabs(path) and ".." not in parts and "\0" not in path
    whole = [os.path.join(folder, *parts[: i + 1]) for i in range(len(parts))] if inside else []
    if not inside or any(os.path.islink(step) for step in whole):
        return Item(path, partial(stdin.refused, files.failed("item.media_outside", path=path)))
    return files.item(whole[-1], follow=False, sidecars=sidecars)
