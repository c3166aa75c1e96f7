"""Containers of pictures, taken apart into named pieces; nothing is searched, nothing raises."""

from detectors.decode.containers import bmff, gif, jpeg, jxl, png, raw, resources, riff, tiff
from detectors.decode.containers.manifest_sites import has_manifest_site, too_many_pieces
from detectors.decode.containers.stores import store_bytes
from detectors.decode.containers.walk import MAX_UNPACKED, Chunk, Walk, inflate

__all__ = [
    "MAX_UNPACKED",
    "Chunk",
    "Walk",
    "inflate",
    "may_hold_manifest",
    "store_bytes",
    "too_many_pieces",
    "walk",
]

WALKS = {
    "image/jpeg": jpeg.segments,
    "image/png": png.chunks,
    "image/webp": riff.chunks,
    "image/gif": gif.extensions,
    "image/tiff": tiff.tags,
    "image/avif": bmff.boxes,
    "image/heic": bmff.boxes,
    "image/heif": bmff.boxes,
    "image/jxl": jxl.boxes,
    "image/vnd.adobe.photoshop": resources.sections,
    "image/x-canon-cr3": bmff.boxes,
    "image/x-fuji-raf": raw.raf,
    **dict.fromkeys(raw.TIFFS, tiff.tags),
}
"""Media type → walk. BMP has no place for metadata; SVG is one document, read by `rdf`."""


def walk(data: bytes, media_type: str | None) -> Walk:
    """Return the pieces of a picture's container that are not pixels, in the order of the file.

    Bounded by counts and by the bytes there are. Malformed or cut input ends the walk and never
    raises; what came before is given. Types without metadata give nothing.
    """
    step = WALKS.get(media_type or "")
    return Walk() if step is None else step(data)


def may_hold_manifest(data: bytes, media_type: str | None) -> bool:
    """Tell whether a manifest of content credentials, or a reference to one, may be in this file.

    A gate before an expensive library, not evidence: it may say yes too often, never too seldom.
    """
    return has_manifest_site(data, media_type, lambda: walk(data, media_type))
