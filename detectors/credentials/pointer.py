"""What a file's XMP says of a manifest."""

from detectors.c2pa.store import text
from detectors.decode.containers import MAX_UNPACKED, walk
from detectors.decode.containers.rdf import properties

DCTERMS = "http://purl.org/dc/terms/"
HOLDERS = ("APP1", "iTXt", "XMP", "uuid:", "0x02BC")
"""Tags, or their ends, of the chunks that hold XMP."""
MAX_PACKETS = 8
"""Packets that are parsed, of different bytes; programs write one, rarely two."""


def pointer(data: bytes, media_type: str) -> str | None:
    """Return the `dcterms:provenance` of a file, which names its manifest, or None.

    Bytes that several pieces of the container show are parsed once.
    """
    seen: set[int] = set()
    left = MAX_UNPACKED
    for chunk in walk(data, media_type).chunks:
        if not chunk.tag.startswith(HOLDERS) and not chunk.tag.endswith(HOLDERS):
            continue
        field = bytes(chunk.data[:left])
        left -= len(field)
        start = field.find(b"<")
        if start < 0 or chunk.offset in seen or b"provenance" not in field:
            continue
        if len(seen) == MAX_PACKETS or not left:
            return None
        seen.add(chunk.offset)
        for said in properties(field[start:]).found:
            if said.name == "provenance" and said.namespace == DCTERMS:
                return text(said.value, 500)
    return None
