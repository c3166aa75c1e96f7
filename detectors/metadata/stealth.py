"""The signature of hidden generation data in the lowest bits of a picture without loss.

Programs write it down the columns, from the left, into the alpha channel or into the three colours
(sd-webui-stealth-pnginfo, NovelAI). The first columns are enough; of a PNG they can be unfiltered
without the rest, as every PNG filter looks only to the left and up. Of WebP, lossless files are
decoded whole.
"""

import io
import struct
from collections.abc import Sequence

from detectors.decode.containers import inflate
from detectors.decode.containers.png import stream

SIGNATURE_BYTES = 15
"""`stealth_pnginfo`, `stealth_pngcomp`, `stealth_rgbinfo` …"""
BITS = 8 * SIGNATURE_BYTES
CHANNELS = {b"\x08\x06\0\0\0": 4, b"\x08\x02\0\0\0": 3}
"""Bit depth 8, colour type 6 or 2, not interlaced → channels."""
ALPHA = 3
MAX_BYTES = 4 << 20
"""Unpacked bytes of the rows that are looked at; far more than 120 rows of any usual picture."""
MAX_PIXELS = 4 << 20
"""Pixels of a WebP that is decoded: a tenth of a second."""

Column = Sequence[Sequence[int]]
"""Pixels of a column, from the top, each as its channels."""


def signatures(data: bytes) -> dict[str, str]:
    """Return the first 15 bytes that the lowest bits spell, by where: `alpha`, `colours`.

    Args:
        data: a PNG or WebP file; of anything else, nothing is said.
    """
    columns = _of_webp(data) if data[8:12] == b"WEBP" else _of_png(data)
    if not columns:
        return {}
    every = [pixel for column in columns for pixel in column]
    colours = [channel & 1 for pixel in every for channel in pixel[:ALPHA]]
    alphas = [pixel[ALPHA] & 1 for pixel in every if len(pixel) > ALPHA]
    spelt = {"colours": _spelt(colours), "alpha": _spelt(alphas)}
    return {where: said for where, said in spelt.items() if said}


def _spelt(bits: list[int]) -> str:
    """Return the text that the first bits spell; empty where it is none."""
    if len(bits) < BITS:
        return ""
    said = int("".join(map(str, bits[:BITS])), 2).to_bytes(SIGNATURE_BYTES, "big")
    return said.decode("ascii") if said.isascii() else ""


def _of_png(data: bytes) -> list[Column]:
    """Return the first columns of a PNG, as many as hold the signature."""
    channels = CHANNELS.get(data[24:29])
    width, height = struct.unpack(">II", data[16:24].ljust(8, b"\0"))
    if channels is None or not width * height:
        return []
    rows, columns = min(height, BITS), -(-BITS // height)
    stride = 1 + width * channels
    if columns > width or rows * stride > MAX_BYTES:
        return []
    pixels, _ = inflate(stream(data, MAX_BYTES), rows * stride)
    if len(pixels) < rows * stride:
        return []
    lines = _unfiltered(pixels, stride, rows, columns * channels, channels)
    return [[line[x * channels : (x + 1) * channels] for line in lines] for x in range(columns)]


def _unfiltered(pixels: bytes, stride: int, rows: int, size: int, step: int) -> list[bytes]:
    """Return the first bytes of each row (PNG, clause 9: filtering).

    Args:
        pixels: rows as they are stored, each behind its filter type.
        stride: bytes of a row with its filter type.
        rows: how many.
        size: bytes that are wanted of each.
        step: bytes of a pixel.
    """
    above = bytes(size)
    found = []
    for start in range(0, rows * stride, stride):
        line = bytearray(pixels[start + 1 : start + 1 + size])
        kind = pixels[start]
        for at in range(size):
            left = line[at - step] if at >= step else 0
            corner = above[at - step] if at >= step else 0
            line[at] = (line[at] + _predicted(kind, left, above[at], corner)) & 0xFF
        above = bytes(line)
        found.append(above)
    return found


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    """Return what a filter type predicts for a byte."""
    if kind == 4:  # Paeth
        guess = left + up - corner
        return min((left, up, corner), key=lambda near: abs(guess - near))
    return (0, left, up, (left + up) // 2)[kind] if kind in (1, 2, 3) else 0


def _of_webp(data: bytes) -> list[Column]:
    """Return the first columns of a lossless WebP, as many as hold the signature."""
    if b"VP8L" not in (data[12:16], *_tags(data)) or _webp_pixels(data) > MAX_PIXELS:
        return []
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=["WEBP"]) as image:
            width, height = image.size
            if width * height > MAX_PIXELS or image.mode not in ("RGB", "RGBA"):
                return []
            columns = min(-(-BITS // height), width)
            part = image.crop((0, 0, columns, min(height, BITS)))
            return [
                [part.getpixel((x, y)) for y in range(part.height)]  # type: ignore[misc]
                for x in range(columns)
            ]
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return []


def _webp_pixels(data: bytes) -> int:
    """Return the pixels that a WebP says it has: of its canvas, and of its lossless picture.

    Before the decoder sees it, which warns of large ones (WebP container, VP8X and VP8L headers).
    """
    canvas = 0
    if data[12:16] == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        canvas = width * height
    bits = int.from_bytes(data[(at := data.find(b"VP8L")) + 9 : at + 13], "little")
    return max(canvas, ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1))


def _tags(data: bytes) -> list[bytes]:
    """Return the names of the first chunks of a RIFF file."""
    found: list[bytes] = []
    position = 12
    while position + 8 <= len(data) and len(found) < 16:  # pixels stand early
        found.append(data[position : position + 4])
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        position += 8 + size + size % 2
    return found
