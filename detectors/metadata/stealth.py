"""The signature of hidden generation data in the lowest bits of a PNG's alpha channel.

Programs write it down the columns, from the left, so the first columns are enough; and they can be
unfiltered without the rest, as every PNG filter looks only to the left and up.
"""

from detectors.containers import inflate
from detectors.containers.png import stream

SIGNATURE_BYTES = 15
"""`stealth_pnginfo`, `stealth_pngcomp` … (sd-webui-stealth-pnginfo)."""
BITS = 8 * SIGNATURE_BYTES
RGBA = b"\x08\x06\0\0\0"
"""Bit depth 8, colour type 6, not interlaced."""
PIXEL = 4
MAX_BYTES = 4 << 20
"""Unpacked bytes of the rows that are looked at; far more than 120 rows of any usual picture."""


def signature(data: bytes) -> str:
    """Give the first 15 bytes that the lowest alpha bits spell, or nothing where there are none.

    Args:
        data: a PNG file.
    """
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[24:29] != RGBA or width * height < BITS or not height:
        return ""
    rows, columns = min(height, BITS), -(-BITS // height)
    stride = 1 + width * PIXEL
    if columns > width or rows * stride > MAX_BYTES:
        return ""
    pixels, _ = inflate(stream(data, MAX_BYTES), rows * stride)
    if len(pixels) < rows * stride:
        return ""
    alphas = _alphas(pixels, stride, rows, columns)
    bits = [alphas[row][column] & 1 for column in range(columns) for row in range(rows)][:BITS]
    spelt = int("".join(map(str, bits)), 2).to_bytes(SIGNATURE_BYTES, "big")
    return spelt.decode("ascii") if spelt.isascii() else ""


def _alphas(pixels: bytes, stride: int, rows: int, columns: int) -> list[list[int]]:
    """Give alpha of the first columns, row by row (PNG, clause 9: filtering)."""
    size = columns * PIXEL
    above = bytes(size)
    found = []
    for start in range(0, rows * stride, stride):
        line = bytearray(pixels[start + 1 : start + 1 + size])
        kind = pixels[start]
        for at in range(size):
            left = line[at - PIXEL] if at >= PIXEL else 0
            corner = above[at - PIXEL] if at >= PIXEL else 0
            line[at] = (line[at] + _predicted(kind, left, above[at], corner)) & 0xFF
        found.append(list(line[3::PIXEL]))
        above = bytes(line)
    return found


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    """Give what a filter type predicts for a byte."""
    if kind == 4:  # noqa: PLR2004 - Paeth
        guess = left + up - corner
        return min((left, up, corner), key=lambda near: abs(guess - near))
    return (0, left, up, (left + up) // 2)[kind] if kind in (1, 2, 3) else 0
