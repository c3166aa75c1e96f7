"""Whether a file has a place where a manifest of content credentials can be."""

from collections.abc import Callable

from detectors.containers.walk import Chunk, Walk

C2PA_UUID = "uuid:d8fec3d61b0e483c92975828877ec481"
"""C2PA 2.2, A.5 (ISO base media files)."""
C2PA_TAG = "0xCD41"
"""C2PA 2.2, A.3 (TIFF); the other places stand there too."""
XMP_TAG = "0x02BC"
PACKED_XMP = b"XML:com.adobe.xmp\0\1"
HINTS = (b"provenance", "provenance".encode("utf-16-le"))
"""`dcterms:provenance`, which refers to a manifest elsewhere."""


def manifest_place(data: bytes, media_type: str | None, walk: Callable[[], Walk]) -> bool:
    """Tell whether a manifest, or a reference to one, may be in this file."""
    if media_type == "image/jpeg":  # APP11, also behind the first scan
        return b"\xff\xeb" in data or _refers(data)
    if media_type == "image/svg+xml":
        return b"c2pa" in data or _refers(data)
    if media_type == "application/pdf":  # names may hide in object streams
        return b"C2PA" in data or b"/ObjStm" in data or _refers(data)
    pieces = walk()
    unread = pieces.limited or (media_type == "image/tiff" and not pieces.whole)
    return unread or any(_is_place(chunk) for chunk in pieces.chunks)


def _is_place(chunk: Chunk) -> bool:
    """Tell whether a chunk is a manifest, or XMP that may refer to one."""
    if chunk.tag in ("caBX", "C2PA", C2PA_UUID) or chunk.tag.endswith(C2PA_TAG):
        return True
    if chunk.tag.startswith("C2PA_GIF"):
        return True
    if chunk.tag == "iTXt" and bytes(chunk.data[: len(PACKED_XMP)]) == PACKED_XMP:
        return True
    holds_xmp = chunk.tag.startswith(("iTXt", "XMP", "uuid:")) or chunk.tag.endswith(XMP_TAG)
    return holds_xmp and _refers(chunk.data)


def _refers(field: bytes | memoryview) -> bool:
    """Tell whether this field may refer to a manifest."""
    return any(hint in bytes(field) for hint in HINTS)
