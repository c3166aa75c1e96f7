"""When an item is as it was, and when two items get the same record but for their names."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b, sha256
from pathlib import PurePath

from detectors.errors import CannotAssess
from detectors.item import Item, Kind, Sidecar, Source
from provenance.record import Part

SIZE = 16
"""Bytes of a digest."""


def stamp(item: Item) -> bytes:
    """Return a digest of the state of all files that an item is read from, without opening any.

    Empty where nothing is known of them: then the item is never taken to be as it was.
    """
    return _digest(repr((*item.sources, _shared(item)))) if item.sources else b""


def of(source: Source) -> bytes:
    """Return a digest of the state of a file."""
    return _digest(repr(source))


def media(item: Item) -> list[str]:
    """Return the paths of a post's media that were found."""
    return [part.sources[0].name for _, part in item.parts if part.sources]


def stamp_with(source: Source, media: Iterable[Item]) -> bytes:
    """Return the stamp that a post has, without opening the file that it stands in.

    Args:
        source: that file.
        media: the items of its media.
    """
    found = list(media)
    sources = [source, *(each for medium in found for each in medium.sources)]
    return _digest(repr((*sources, [flag for medium in found for flag in _shared(medium)])))


def _shared(item: Item) -> list[bool]:
    return [sidecar.shared for sidecar in _sidecars(item)]


def size(item: Item) -> int | None:
    """Return how many bytes an item has, without opening it; None where that says nothing."""
    alone = bool(item.sources) and not item.parts
    return item.sources[0].size if alone and item.sources[0].size > 0 else None


def key(item: Item, content: str | None = None) -> bytes | None:
    """Return what two items have in common whose records are the same but for the name.

    These are the bytes, those of their sidecars, and the ending of the name, which decides whether
    something is called a picture.

    Args:
        item: whose.
        content: SHA-256 of its bytes, hex; None: they are read for it.

    Returns:
        The digest; None for posts, and where something cannot be read.
    """
    if item.parts or size(item) is None:
        return None
    try:
        content = content or sha256(item.read()).hexdigest()
        beside = [(s.name, s.shared, sha256(s.read()).hexdigest()) for s in _sidecars(item)]
    except (CannotAssess, MemoryError):
        return None
    return _digest(repr((content, PurePath(item.uri).suffix, beside)))


def groupable(kind: Kind, count: int | None, content: str | None) -> bytes | None:
    """Return the digest by which an item belongs to those of equal bytes, None where to none.

    Args:
        kind: of the item.
        count: its bytes.
        content: SHA-256 of them, hex.
    """
    return bytes.fromhex(content) if content and count and kind is not Kind.UNSUPPORTED else None


def pictures(parts: Iterable[Part]) -> set[bytes]:
    """Return the digests of the pictures among the parts of a post."""
    return {bytes.fromhex(p.sha256) for p in parts if p.kind is Kind.IMAGE and p.sha256}


def _sidecars(item: Item) -> Iterator[Sidecar]:
    """Yield the sidecars of an item, and of the parts of a post."""
    yield from [sidecar for sidecar in (item.sidecar, *item.metadata) if sidecar]
    for _, part in item.parts:
        yield from _sidecars(part)


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=SIZE).digest()
