"""The manifest store of a picture, taken out of the wrapping of its container (C2PA 2.2, A.3)."""

import base64
import binascii
import re

from detectors.decode.containers.gif import joined
from detectors.decode.containers.walk import Walk

_ELEMENT = re.compile(rb"<(?:\w{1,40}:)?manifest\b[^<>]{0,1000}>([^<]*)<", re.IGNORECASE)
GIF_STORE = "C2PA_GIF"
JUMBF_SEGMENT = b"JP"
_SEQUENCE = 8
"""Bytes before the box in an APP11 segment: `JP`, number of the box, number of the piece."""
_REPEATED = 8
"""Bytes of the box's head, which every piece repeats."""


def store_bytes(data: bytes, media_type: str, pieces: Walk) -> bytes:
    """Return bytes in which a manifest store lies as it is, in one piece.

    JPEG and GIF cut it, SVG writes it in letters; of all other formats that is the file itself.

    Args:
        data: the file.
        media_type: of the file.
        pieces: of the file.
    """
    if media_type == "image/jpeg":
        parts: dict[bytes, list[memoryview]] = {}
        for chunk in pieces.chunks:
            if chunk.tag == "APP11" and bytes(chunk.data[:2]) == JUMBF_SEGMENT:
                same = parts.setdefault(bytes(chunk.data[2:4]), [])
                same.append(chunk.data[_SEQUENCE + (_REPEATED if same else 0) :])
        return b"".join(part for same in parts.values() for part in same)
    if media_type == "image/gif":
        stores = (chunk.data for chunk in pieces.chunks if chunk.tag.startswith(GIF_STORE))
        return b"".join(map(joined, stores))
    if media_type == "image/svg+xml":
        return b"".join(map(_letters, _ELEMENT.findall(data)))
    return data


def _letters(written: bytes) -> bytes:
    """Return what Base64 stands for; of letters that are none, nothing."""
    try:
        return base64.b64decode(written)
    except binascii.Error:
        return b""
