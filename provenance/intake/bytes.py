"""Bytes, streams, texts and posts that a caller of this library hands over, as items."""

from collections.abc import Iterable
from functools import partial
from typing import BinaryIO

from detectors.errors import CannotAssess, ConfigError
from detectors.item import Item, Kind
from provenance.intake import files
from provenance.intake.stdin import given, refused

Data = bytes | bytearray | memoryview | BinaryIO
"""The bytes themselves, or a file opened for reading bytes, from where it stands."""


def item(data: Data, name: str | None, kind: Kind | None = None) -> Item:
    """Return the item of bytes, or of what a binary file still holds.

    Args:
        data: what to check.
        name: `item.uri` of its record; None: the file's own name, else `-`.
        kind: what the caller says it is; None: by content.

    Raises:
        ConfigError: the file gives text.
    """
    own = getattr(data, "name", None)
    uri = files.uri(name if name is not None else own if isinstance(own, str) else "-")
    if isinstance(data, bytes | bytearray | memoryview):
        return Item(uri, partial(given, bytes(data)), kind=kind)
    try:
        return Item(uri, partial(given, files.bounded(data.read, 0)), kind=kind)
    except CannotAssess as fault:
        return Item(uri, partial(refused, fault), kind=kind)
    except OSError as error:
        unreadable = files.failed("item.unreadable", error=str(error.strerror))
        return Item(uri, partial(refused, unreadable), kind=kind)
    except TypeError:
        raise ConfigError(f"{uri}: gives text; open it in mode 'rb'") from None


def text(words: str, name: str) -> Item:
    """Return the item of a text; half surrogates become replacement characters."""
    return Item(files.uri(name), partial(given, words.encode("utf-8", "replace")), kind=Kind.TEXT)


def post(words: str | None, media: Iterable[Item], name: str) -> Item:
    """Return the item of a post.

    Args:
        words: its text; None: it has none.
        media: its media, in their order.
        name: `item.uri` of its record.

    Raises:
        ConfigError: it has neither text nor media.
    """
    parts = [] if words is None else [("text", text(words, name))]
    parts += [(f"media/{number}", medium) for number, medium in enumerate(media)]
    if not parts:
        raise ConfigError(f"{name}: a post needs a text or a medium")
    return Item(files.uri(name), partial(given, b""), kind=Kind.POST, parts=tuple(parts))
