"""What a file's XMP says of a manifest."""

from detectors.containers import walk
from detectors.containers.rdf import properties
from detectors.store import text

DCTERMS = "http://purl.org/dc/terms/"
HOLDERS = ("APP1", "iTXt", "XMP", "uuid:", "0x02BC")
"""Tags, or their ends, of the chunks that hold XMP."""


def pointer(data: bytes, media_type: str) -> str | None:
    """Give the `dcterms:provenance` of a file, which names its manifest, or None."""
    for chunk in walk(data, media_type).chunks:
        if not chunk.tag.startswith(HOLDERS) and not chunk.tag.endswith(HOLDERS):
            continue
        field = bytes(chunk.data)
        start = field.find(b"<")
        if start < 0 or b"provenance" not in field:
            continue
        for said in properties(field[start:]).found:
            if said.name == "provenance" and said.namespace == DCTERMS:
                return text(said.value, 500)
    return None
