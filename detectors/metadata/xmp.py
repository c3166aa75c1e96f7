"""XMP properties under their customary names (ISO 16684-1; Adobe XMP, part 3, for extensions)."""

from collections.abc import Iterable
from itertools import chain

import msgspec

from detectors.decode.containers.rdf import RDF, Property, properties

PREFIXES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/xap/1.0/rights/": "xmpRights",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
    "http://www.tc260.org.cn/ns/AIGC/1.0/": "TC260",
}
"""Namespaces whose properties are read; a file may call them otherwise."""
USUAL = {prefix: namespace for namespace, prefix in PREFIXES.items()} | {"rdf": RDF}
"""What prefixes stand for that a malformed packet does not declare."""
FREE = frozenset({"prompt", "workflow", "parameters", "aigc", "usercomment", "generation_data"})
"""Names, in small letters, under which generators write what they were told, in namespaces of their
own; such a property is called `*:name`."""
NOTE = "http://ns.adobe.com/xmp/note/"
MAX_PACKETS = 8
"""Packets that are parsed; programs write one, rarely two."""
EXTENSION_HEAD = 40
"""Bytes before a piece of an extension: digest (32), whole length (4), offset of the piece (4)."""


class Xmp(msgspec.Struct, frozen=True):
    """What a file's XMP says."""

    found: tuple[tuple[str, str], ...]
    """(`photoshop:Credit`, value), in the order of the file."""
    whole: bool
    """False where a packet was malformed: what could be read stands."""
    limited: bool
    """True where something was left unread at a limit, or for an entity."""


def read(packets: Iterable[bytes | memoryview], pieces: Iterable[memoryview] = ()) -> Xmp:
    """Read the properties of these packets and of the extensions that they name.

    Args:
        packets: whole XMP packets.
        pieces: pieces of extensions, as JPEG segments hold them.
    """
    found: list[tuple[str, str]] = []
    digests: set[str] = set()
    whole, limited = True, False
    for count, packet in enumerate(chain(packets, _extensions(pieces, digests))):
        if count == MAX_PACKETS:
            return Xmp(tuple(found), whole=whole, limited=True)
        said = properties(packet, USUAL)
        limited = limited or said.limited
        whole = whole and (said.whole or said.limited)
        found += [named for each in said.found if (named := _named(each))]
        digests |= {each.value for each in said.found if each.namespace == NOTE}
    return Xmp(tuple(found), whole=whole, limited=limited)


def _extensions(pieces: Iterable[memoryview], digests: set[str]) -> Iterable[bytes]:
    """Yield the extensions with one of these digests; read late, when the digests are known."""
    joined: dict[str, list[tuple[int, memoryview]]] = {}
    for piece in pieces:
        digest = bytes(piece[:32]).decode("latin-1")
        offset = int.from_bytes(piece[36:EXTENSION_HEAD], "big")
        joined.setdefault(digest, []).append((offset, piece[EXTENSION_HEAD:]))
    for digest, parts in joined.items():
        if digest in digests:
            yield b"".join(body for _, body in sorted(parts, key=lambda part: part[0]))


def _named(said: Property) -> tuple[str, str] | None:
    """Return a property under its customary name; None where it is not one that is read."""
    prefix = PREFIXES.get(said.namespace)
    if prefix is not None:
        return f"{prefix}:{said.name}", said.value
    name = said.name.lower()
    return (f"*:{name}", said.value) if name in FREE else None
