"""IPTC IIM datasets (IIM 4.2) in the image resources of Photoshop."""

from itertools import islice

from detectors.decode.containers.resources import resources
from detectors.metadata.exif import plain

HEAD = b"Photoshop 3.0\0"
IPTC = 0x0404
MAX_DATASETS = 2_000


def datasets(data: bytes) -> list[tuple[str, str]]:
    """Return (`2:110`, text) of the application record's datasets; stops where it is malformed."""
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
    """Return the datasets inside Photoshop's image resources, from the first `8BIM` on."""
    found = (data[a:b] for number, a, b in resources(data, 0, len(data)) if number == IPTC)
    return list(islice((each for body in found for each in datasets(body)), MAX_DATASETS))
