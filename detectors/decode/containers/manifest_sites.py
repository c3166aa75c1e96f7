"""Where formats keep manifests of content credentials, and whether a file has such a site."""

from collections.abc import Callable

from detectors.decode.containers.bmff import boxes_within
from detectors.decode.containers.raw import TIFFS as CAMERAS
from detectors.decode.containers.walk import Chunk, Walk

C2PA_UUID = "uuid:d8fec3d61b0e483c92975828877ec481"
"""C2PA 2.2, A.5 (ISO base media files)."""
BMFF = ("image/avif", "image/heic", "image/heif")
TIFFS = ("image/tiff", *CAMERAS)
C2PA_TAG = "0xCD41"
"""C2PA 2.2, A.3 (TIFF); the other places stand there too."""
XMP_TAG = "0x02BC"
PACKED_XMP = b"XML:com.adobe.xmp\0\1"
SIGNS = {
    "image/png": (b"caBX", PACKED_XMP),
    "image/webp": (b"C2PA",),
    "image/gif": (b"C2PA_GIF",),
    "image/avif": (bytes.fromhex(C2PA_UUID[5:]),),
    "image/heic": (bytes.fromhex(C2PA_UUID[5:]),),
    "image/heif": (bytes.fromhex(C2PA_UUID[5:]),),
    "image/jxl": (b"jumb",),
}
"""Bytes without which a file has no place for a manifest, to look for where a walk ends at a limit.
A tag of a TIFF has too few."""
MOST_PIECES = {
    "image/png": 100_000,
    "image/gif": 50_000,
    "image/webp": 100_000,
    "image/avif": 5_000,
    "image/heic": 5_000,
    "image/heif": 5_000,
    "image/jxl": 5_000,
}
"""Chunks, blocks or boxes of a file that is given to a verifier. For c2pa-python 200,000 chunks of
a PNG take 1.4 CPU seconds, 50,000 blocks of a GIF 0.6, and 30,000 boxes, which it compares with
each other, 1.1. Cameras and editors write some hundreds; a PNG of 120 megapixels has 60,000."""
HINTS = (b"provenance", "provenance".encode("utf-16-le"))
"""`dcterms:provenance`, which refers to a manifest elsewhere."""


def has_manifest_site(data: bytes, media_type: str | None, walk: Callable[[], Walk]) -> bool:
    """Tell whether a manifest, or a reference to one, may be in this file."""
    if media_type == "image/jpeg":  # APP11, also behind the first scan
        return b"\xff\xeb" in data or _refers(data)
    if media_type == "image/svg+xml":
        return b"c2pa" in data or _refers(data)
    if media_type == "application/pdf":  # names may hide in object streams
        return b"C2PA" in data or b"/ObjStm" in data or _refers(data)
    pieces = walk()
    if any(_is_site(chunk) for chunk in pieces.chunks):
        return True
    if pieces.limited and media_type in SIGNS:
        return any(sign in data for sign in SIGNS[media_type]) or _refers(data)
    return media_type in TIFFS and not pieces.whole


def too_many_pieces(data: bytes, media_type: str, pieces: Walk) -> tuple[int, int] | None:
    """Return how many pieces a file has and how many a verifier is given, or None.

    Args:
        data: the file.
        media_type: of the file.
        pieces: of the file.
    """
    most = MOST_PIECES.get(media_type)
    if most is None:
        return None
    found = pieces.steps
    if media_type in BMFF:
        found = boxes_within(data, most + 1)
    return (found, most) if found > most or pieces.limited else None


def _is_site(chunk: Chunk) -> bool:
    """Tell whether a chunk is a manifest, or XMP that may refer to one."""
    if chunk.tag in ("caBX", "C2PA", "jumb", "brob:jumb", C2PA_UUID) or chunk.tag.endswith(
        C2PA_TAG
    ):
        return True
    if chunk.tag.startswith("C2PA_GIF"):
        return True
    if chunk.tag == "iTXt" and bytes(chunk.data[: len(PACKED_XMP)]) == PACKED_XMP:
        return True
    holds_xmp = chunk.tag.startswith(("iTXt", "XMP", "uuid:")) or chunk.tag.endswith(XMP_TAG)
    return holds_xmp and _refers(chunk.data)


def _refers(field: bytes | memoryview) -> bool:
    """Tell whether this field may refer to a manifest."""
    said = bytes(field)
    return any(hint in said for hint in HINTS)
