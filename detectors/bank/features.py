"""Local features of a picture: where they lie, what they look like, and a small grey copy.

An entry keeps them in one block of bytes: a header, a 64-bit code for each feature (for finding
candidates), positions, descriptors, the grey copy (for checking candidates by pixels), and of a
flat graphic its colours.
"""

import struct
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from detectors.decode.opencv import cv2
from detectors.hashing.flatness import CELLS

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOME: Final = Path(__file__).parent
MAGIC: Final = b"LF1\0"
HEADER: Final = struct.Struct("<4s6H")
POSITION: Final = 64
"""Positions are kept in 1/64 pixel."""
SCALE: Final = 512
"""A descriptor's values, 0..1, are kept as bytes of this scale; larger ones than .498 are rare."""
LENGTH: Final = 128
ENTRY_SIDE: Final = 384
"""Longer side in pixels at which an entry's features are taken."""
QUERY_SIDE: Final = 448
SMALL: Final = 200
"""Longer side under which a picture is doubled first."""
ENTRY_FEATURES: Final = 350
QUERY_FEATURES: Final = 450
THUMB_SIDE: Final = 144
SIFT: Final = {"contrastThreshold": 0.015, "edgeThreshold": 12, "sigma": 1.4}
"""Tuned for faces: weak contrast counts, edges less than in the defaults."""


class Features(msgspec.Struct, frozen=True):
    """Local features of a picture."""

    size: tuple[int, int]
    """Width and height in pixels at which they were taken."""
    points: "NDArray[np.float32]"
    """(n, 2): x and y in those pixels."""
    descriptors: "NDArray[np.float32]"
    """(n, 128): RootSIFT, unit length, strongest feature first."""
    codes: "NDArray[np.uint64]"
    """(n,): signs of 64 principal components."""
    grey: "NDArray[np.uint8]"
    """(height, width): the picture they were taken from; of an entry, its small copy."""

    def mirrored(self) -> "Features":
        """Return the features of the mirrored picture: a permutation, nothing is computed anew."""
        flipped = self.descriptors[:, _mirror()]
        points = np.array([self.size[0] - 1, 0], np.float32) + self.points * np.array(
            [-1, 1], np.float32
        )
        return Features(self.size, points, flipped, encode(flipped), self.grey[:, ::-1])


def extract(grey: "NDArray[np.uint8]", side: int, most: int) -> Features:
    """Return the strongest features of a picture.

    Args:
        grey: (height, width), 0..255.
        side: the longer side in pixels at which they are taken, if the picture is larger.
        most: how many.
    """
    cv2.setNumThreads(1)  # several workers share the machine, and one thread is reproducible
    longer = max(grey.shape)
    factor = side / longer if longer > side else 2 if longer < SMALL else 1
    if factor != 1:
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        grey = _resized(grey, factor, how)
    grey = np.ascontiguousarray(grey)
    size = grey.shape[1], grey.shape[0]
    found, raw = _sift(most).detectAndCompute(grey, None) if most else ((), None)
    if raw is None:
        none = np.zeros((0, LENGTH), np.float32)
        return Features(size, np.zeros((0, 2), np.float32), none, encode(none), grey)
    order = np.argsort([-point.response for point in found], kind="stable")[:most]
    points = np.array([found[i].pt for i in order], np.float32)
    rooted = np.sqrt(raw[order] / np.maximum(raw[order].sum(axis=1, keepdims=True), 1e-9))
    return Features(size, points, rooted.astype(np.float32), encode(rooted), grey)


def entry_block(
    grey: "NDArray[np.uint8]", colours: "NDArray[np.uint8]", most: int = ENTRY_FEATURES
) -> bytes:
    """Return the features of a picture as the bytes that an entry keeps.

    Args:
        grey: (height, width), 0..255.
        colours: (views, 16, 16, 3) of a graphic; no views of a photograph.
        most: features to keep.
    """
    made = extract(grey, ENTRY_SIDE, most)
    thumb = _resized(made.grey, min(1, THUMB_SIDE / max(made.grey.shape)), cv2.INTER_AREA)
    packed = np.minimum(np.round(made.descriptors * SCALE), 255).astype(np.uint8)
    sizes = (len(made.points), *made.size, thumb.shape[1], thumb.shape[0], 1 + len(colours))
    parts = (
        made.codes.astype("<u8"),
        np.clip(np.round(made.points * POSITION), 0, 2**16 - 1).astype("<u2"),
        packed,
        thumb,
        colours,
    )
    return HEADER.pack(MAGIC, *sizes) + b"".join(part.tobytes() for part in parts)


CODES_END: Final = HEADER.size + 8 * ENTRY_FEATURES
"""Bytes of a block that hold its codes."""


def block_codes(block: "bytes | memoryview") -> "NDArray[np.uint64]":
    """Return only the codes of an entry's bytes; none where they are of another format."""
    if len(block) < HEADER.size or block[:4] != MAGIC:
        return np.zeros(0, np.uint64)
    count = min(HEADER.unpack_from(block)[1], (len(block) - HEADER.size) // 8)
    return np.frombuffer(block, "<u8", count, HEADER.size)


def from_block(block: bytes) -> Features:
    """Return the features of an entry's bytes; `grey` is its small copy.

    Raises:
        ValueError: the bytes are too short.
    """
    _, count, width, height, across, down, _ = HEADER.unpack_from(block)
    at = HEADER.size
    arrays: list[NDArray[Any]] = []
    for kind, number in (
        ("<u8", count),
        ("<u2", 2 * count),
        ("u1", LENGTH * count),
        ("u1", across * down),
    ):
        arrays.append(np.frombuffer(block, kind, number, at))
        at += arrays[-1].nbytes
    codes, points, packed, thumb = arrays
    return Features(
        (width, height),
        points.reshape(-1, 2).astype(np.float32) / np.float32(POSITION),
        packed.reshape(-1, LENGTH).astype(np.float32) / np.float32(SCALE),
        codes,
        thumb.reshape(down, across),
    )


def block_colours(block: bytes) -> "NDArray[np.uint8] | None":
    """Return the colours of an entry: (views, 16, 16, 3), no views of a photograph.

    None: the entry was made before colours were kept, or its bytes are of another format.
    """
    if len(block) < HEADER.size or block[:4] != MAGIC:
        return None
    count = HEADER.unpack_from(block)[6] - 1
    size = count * CELLS * CELLS * 3
    if count < 0 or len(block) < HEADER.size + size:
        return None
    return np.frombuffer(block, np.uint8, size, len(block) - size).reshape(-1, CELLS, CELLS, 3)


def encode(descriptors: "NDArray[np.float32]") -> "NDArray[np.uint64]":
    """Return binary descriptors: signs of 64 principal components, the first one highest."""
    mean, components = _projection()
    signs = (descriptors - mean) @ components.T > 0
    return np.packbits(signs, axis=1).view(">u8")[:, 0].astype(np.uint64)


@cache
def _sift(most: int) -> Any:
    """Return OpenCV's extractor; its type stubs lack the name."""
    return cv2.SIFT_create(nfeatures=most, **SIFT)  # type: ignore[attr-defined]


def _resized(grey: "NDArray[np.uint8]", factor: float, how: int) -> "NDArray[np.uint8]":
    if factor == 1:
        return grey
    height, width = grey.shape
    size = max(1, round(width * factor)), max(1, round(height * factor))
    resized: NDArray[np.uint8] = np.asarray(cv2.resize(grey, size, interpolation=how))
    return resized


@cache
def _mirror() -> "NDArray[np.int64]":
    """Return the order of a mirrored descriptor's 128 values.

    A descriptor is 4 x 4 cells of 8 directions, along and across the feature's own direction; a
    mirror turns the cells across it round, and each direction to its opposite side.
    """
    values = np.arange(LENGTH).reshape(4, 4, 8)
    return values[::-1][:, :, -np.arange(8) % 8].reshape(-1)


@cache
def _projection() -> "tuple[NDArray[np.float32], NDArray[np.float32]]":
    """Return mean (128,) and the first 64 principal components (64, 128) of RootSIFT."""
    table = np.load(HOME / "projection.npy", allow_pickle=False).astype(np.float32)
    return table[0], table[1:]
