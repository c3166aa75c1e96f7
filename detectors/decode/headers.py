"""What the headers of pictures say before a single pixel is decoded; standard library only."""

import re
import struct
from collections.abc import Iterator

import msgspec

MOST_FRAMES = 10_000
"""Frames and pages are counted up to here."""
MOST_SCANS = 501
"""Scans of a JPEG are counted up to here."""
SCAN = 0xDA
BARE = {0x01, *range(0xD0, 0xD9)}
"""JPEG markers without a length (ITU-T T.81, B.1.1.3)."""
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Start-of-frame markers (T.81, table B.1)."""
SEQUENTIAL = (0xC0, 0xC1)
AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""The next marker behind entropy-coded data: neither stuffing, fill bytes nor a restart."""
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
    for marker, at, length in _segments(data):
        if marker in FRAMES and frame is None:
            frame = marker, data[at : at + length]
        elif marker == SCAN:
            return _described(data, at, frame) if frame else None
    return None


def _described(data: bytes, scan: int, frame: tuple[int, bytes]) -> JpegHeader | None:
    """Return the header from the frame's segment and the place of the first scan's."""
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
    for found, _, _ in _segments(data):
        scans += found == SCAN
        if scans == MOST_SCANS:
            break
    bytes_kept = int(2 * width * height * share)
    return JpegHeader(width=width, height=height, scans=scans, coefficients=bytes_kept)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start of the payload and its length, for each segment, entropy data skipped."""
    at = 2
    while found := AFTER_SCAN.search(data, at):
        marker, at = data[found.end() - 1], found.end()
        if marker in BARE:
            continue
        if marker == 0xD9 or at + 2 > len(data):  # end of image
            return
        length = max(2, int.from_bytes(data[at : at + 2], "big"))
        yield marker, at + 2, length - 2
        at += length


def plain_png(data: bytes) -> tuple[bytes, int]:
    """Return a PNG without the chunks that are no pixels, and the frames of its animation.

    A text or colour profile that unpacks to megabytes would otherwise cost the whole picture.
    What remains is the default image, which every viewer shows.
    """
    kept, frames, at, dropped = [data[:PNG_HEAD]], 1, PNG_HEAD, False
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if name in KEPT_CHUNKS:
            kept.append(data[at:end])
        else:
            dropped = True
            if name == b"acTL" and end <= len(data):
                frames = min(MOST_FRAMES, max(1, int.from_bytes(data[at + 8 : at + 12], "big")))
        if name == b"IEND":
            break
        at = end
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
    frames, at = 0, 12
    while at + 8 <= len(data) and frames < MOST_FRAMES:
        frames += data[at : at + 4] == b"ANMF"
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
    return width, height, max(1, frames)


def gif_frames(data: bytes) -> int:
    """Return the number of pictures in a GIF, counted to 10,000 (GIF89a, sections 18 to 24)."""
    at, frames = 13 + _table(data, 10), 0
    while at < len(data) and frames < MOST_FRAMES:
        if data[at] == 0x2C:  # image descriptor
            frames += 1
            at = _blocks(data, at + 11 + _table(data, at + 9))
        elif data[at] == 0x21:  # extension
            at = _blocks(data, at + 2)
        else:
            break
    return max(1, frames)


def _table(data: bytes, flags: int) -> int:
    """Return the bytes of the colour table that these flags announce."""
    packed = data[flags] if flags < len(data) else 0
    return 3 << ((packed & 7) + 1) if packed & 0x80 else 0


def _blocks(data: bytes, at: int) -> int:
    """Return the place behind a row of GIF sub-blocks."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1


def tiff_pages(data: bytes) -> int:
    """Return the number of directories in a TIFF, counted to 10,000; a loop ends the count."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    number, entry, where = ("Q", 20, "Q") if big else ("H", 12, "I")
    sizes = struct.calcsize(order + number), struct.calcsize(order + where)
    at, seen = 8 if big else 4, set[int]()
    while at + sizes[1] <= len(data) and len(seen) < MOST_FRAMES:
        (start,) = struct.unpack_from(order + where, data, at)
        if start in seen or not 0 < start <= len(data) - sizes[0]:
            break
        seen.add(start)
        (entries,) = struct.unpack_from(order + number, data, start)
        at = start + sizes[0] + entries * entry
    return max(1, len(seen))
