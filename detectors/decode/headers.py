"""What the headers of pictures say before a single pixel is decoded; standard library only."""

import struct
from itertools import islice

import msgspec

from detectors.decode.containers import gif, jpeg, png, riff, tiff

MOST_FRAMES = 10_000
"""Frames and pages are counted up to here."""
MOST_SCANS = 501
"""Scans of a JPEG are counted up to here."""
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Start-of-frame markers (T.81, table B.1)."""
SEQUENTIAL = (0xC0, 0xC1)
KEPT_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"eXIf", b"IEND")
"""PNG chunks that pixels, transparency and orientation need."""
PNG_HEAD = 8
HEAD = 6
"""Bytes of a JPEG frame header before its components (T.81, B.2.2)."""


class JpegHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What a JPEG says of itself before its pixels."""

    width: int
    height: int
    scans: int
    """1 for a sequential JPEG whose first scan has all components; counted to 501 otherwise."""
    coefficients: int
    """Bytes that a decoder of several scans has to keep; 0 where it keeps none."""


def jpeg_header(data: bytes) -> JpegHeader | None:
    """Return the header of a JPEG, or None where no frame and scan can be found.

    Source of the marker syntax: ITU-T T.81, annex B.
    """
    frame: tuple[int, bytes] | None = None
    for marker, at, length in jpeg.every_segment(data):
        if marker in FRAMES and frame is None:
            frame = marker, data[at : at + length]
        elif marker == jpeg.SOS:
            return _described(data, at, frame) if frame else None
    return None


def _described(data: bytes, scan: int, frame: tuple[int, bytes]) -> JpegHeader | None:
    """Return the header from the frame's segment and the offset of the first scan's payload."""
    marker, body = frame
    if len(body) < HEAD or len(body) < HEAD + 3 * body[5] or scan >= len(data):
        return None
    height, width, count = struct.unpack_from(">HHB", body, 1)
    if not (height and width and count):
        return None
    if marker in SEQUENTIAL and data[scan] >= count:
        return JpegHeader(width=width, height=height, scans=1, coefficients=0)
    factors = [(body[7 + 3 * i] >> 4 or 1, body[7 + 3 * i] & 15 or 1) for i in range(count)]
    widest, tallest = (max(pair[axis] for pair in factors) for axis in (0, 1))
    share = sum(across * down for across, down in factors) / (widest * tallest)
    scans = 0
    for found, _, _ in jpeg.every_segment(data):
        scans += found == jpeg.SOS
        if scans == MOST_SCANS:
            break
    bytes_kept = int(2 * width * height * share)
    return JpegHeader(width=width, height=height, scans=scans, coefficients=bytes_kept)


def plain_png(data: bytes) -> tuple[bytes, int]:
    """Return a PNG without the chunks that are no pixels, and the frames of its animation.

    A text or colour profile that unpacks to megabytes would otherwise cost the whole picture.
    What remains is the default image, which every viewer shows.
    """
    kept, frames, dropped = [data[:PNG_HEAD]], 1, False
    for name, start, length in png.every_chunk(data):
        end = start + length + 4
        if name in KEPT_CHUNKS:
            kept.append(data[start - 8 : end])
        else:
            dropped = True
            if name == b"acTL" and end <= len(data):
                frames = min(MOST_FRAMES, max(1, int.from_bytes(data[start : start + 4], "big")))
        if name == b"IEND":
            break
    return (b"".join(kept) if dropped else data), frames


def webp_header(data: bytes) -> tuple[int, int, int] | None:
    """Return width, height and frames of a WebP, or None where its first chunk is not whole.

    Source: RFC 9649, sections 2.5 to 2.7.
    """
    kind, body = data[12:16], data[20:30]
    if len(body) < 10:  # the longest of the three heads
        return None
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF, 1
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, 1
    if kind != b"VP8X":
        return None
    width, height = (int.from_bytes(body[i : i + 3], "little") + 1 for i in (4, 7))
    pictures = (1 for name, _, _ in riff.every_chunk(data, len(data)) if name == b"ANMF")
    return width, height, max(1, sum(islice(pictures, MOST_FRAMES)))


def gif_frames(data: bytes) -> int:
    """Return the number of pictures in a GIF, counted to 10,000."""
    found = (1 for block in gif.blocks(data, len(data)) if block.label == gif.PICTURE)
    return max(1, sum(islice(found, MOST_FRAMES)))


def tiff_pages(data: bytes) -> int:
    """Return the number of directories in a TIFF, counted to 10,000; a loop ends the count."""
    layout = tiff.layout_of(data)
    if layout is None:
        return 1
    at, seen = layout.first, set[int]()
    while at + layout.pointer.size <= len(data) and len(seen) < MOST_FRAMES:
        (start,) = layout.pointer.unpack_from(data, at)
        if start in seen or not 0 < start <= len(data) - layout.count.size:
            break
        seen.add(start)
        at = layout.following(start, layout.count.unpack_from(data, start)[0])
    return max(1, len(seen))
