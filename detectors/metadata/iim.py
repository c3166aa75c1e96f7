"""IPTC IIM datasets (IIM 4.2) in the image resources of Photoshop."""

from collections.abc import Iterator
from itertools import islice

from detectors.metadata.exif import plain

HEAD = b"Photoshop 3.0\0"
IPTC = 0x0404
MAX_DATASETS = 2_000


def datasets(data: bytes) -> list[tuple[str, str]]:
    """Give (`2:110`, text) of the application record's datasets; stops where it is malformed."""
    found: list[tuple[str, str]] = []
    position = 0
    while data[position : position + 1] == b"\x1c" and len(found) < MAX_DATASETS:
        record, number = data[position + 1 : position + 2], data[position + 2 : position + 3]
        size = int.from_bytes(data[position + 3 : position + 5], "big")
        start = position + 5
        if size & 0x8000 or start + size > len(data):  # extended sizes are for pictures
            break
        if record == b"\2":
            found.append((f"2:{number[0]}", plain(data[start : start + size])))
        position = start + size
    return found


def from_resources(data: bytes) -> list[tuple[str, str]]:
    """Give the datasets inside Photoshop's image resources, from the first `8BIM` on."""
    said = (each for kind, body in _resources(data) if kind == IPTC for each in datasets(body))
    return list(islice(said, MAX_DATASETS))


def _resources(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Give (id, bytes) of the image resources."""
    position = 0
    while data[position : position + 4] == b"8BIM" and position + 12 <= len(data):
        kind = int.from_bytes(data[position + 4 : position + 6], "big")
        name = 1 + data[position + 6]
        start = position + 6 + name + name % 2
        size = int.from_bytes(data[start : start + 4], "big")
        yield kind, data[start + 4 : start + 4 + size]
        position = start + 4 + size + size % 2
