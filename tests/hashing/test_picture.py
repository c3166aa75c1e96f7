"""Hashes equal to their reference implementations, and what turning a picture does to them."""

import io
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from detectors.hashing.picture import (
    ORIENTATIONS,
    bits,
    dhash,
    dihedral,
    distances,
    pdq,
    pdq64,
    phash,
)
from detectors.item import Item

KNOWN = Path(__file__).parents[2] / "fixtures" / "fakes" / "known"

# PDQ and quality by the reference implementation (pdqhash 0.2.8) of `pattern(width, height)`
VECTORS = {
    (64, 64): ("45267d494d56a2957ebaae2748e1eff8555e005748e522a948aa27beccea33c6", 100),
    (100, 100): ("5d469d495bd620855eba5807c0e1bbf8755e445758c1a6296aaa1ffec16a5cc6", 100),
    (128, 200): ("dd461d59c9d62a91e23a082759e9bf7a555e4c5588a12a29dbaa4ebe99e24cc6", 100),
    (333, 222): ("dd462dd9cbd6aab1cbba002799e9677a555e0455c8e12a29c8aaa7fe59e21846", 100),
    (512, 512): ("d5461dd9cbd62ab1c3ba0067d9e9677ad55e0855c8810a29cbaa2ebed9e21cc6", 100),
    (641, 480): ("d5461d49c9d62a91cbba0027d9e9577ad55e045588e52a29cbaa3ebed9e21cc6", 100),
    (1024, 1024): ("d5465dc9c9d62a95c2ba0027d9e9677ad55e0855c8e12aa9cbaa2ebed8e21cc6", 100),
    (50, 70): ("6526cd4959562ad5a2ba36264ce1af78455e545748e5aa296e7a94ae6bfa8946", 100),
}


def pattern(width: int, height: int) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """Return a picture by whole numbers alone, so that it is the same everywhere."""
    y, x = np.mgrid[:height, :width].astype(np.int64)
    u, v = x * 997 // width, y * 991 // height
    red = (u * u // 700 + v * 3) % 256
    green = (abs(u - 400) // 3 + v * v // 900) % 256
    blue = ((u + 2 * v) // 5 + (u * v // 5000)) % 256
    return np.stack([red, green, blue], axis=-1).astype(np.uint8)


def luma(rgb: "np.ndarray[Any, np.dtype[np.uint8]]") -> "np.ndarray[Any, np.dtype[np.float32]]":
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "PNG")
    return Item("x", out.getvalue).picture.luma


@pytest.mark.parametrize("size", VECTORS)
def test_pdq_is_that_of_the_reference(size: tuple[int, int]) -> None:
    spectrum = pdq(luma(pattern(*size)))
    assert (bits(spectrum.waves).tobytes().hex(), spectrum.quality) == VECTORS[size]


def smooth(seed: int, width: int, height: int) -> "np.ndarray[Any, np.dtype[np.float32]]":
    small = np.random.default_rng(seed).integers(0, 256, (12, 15), dtype=np.uint8)
    image = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image).astype(np.float32)


SIDES = st.integers(70, 300)


@given(seed=st.integers(0, 10**6), width=SIDES, height=SIDES)
@settings(max_examples=25, deadline=None)
def test_mirrors_and_turns_need_no_pixels(seed: int, width: int, height: int) -> None:
    x = smooth(seed, width, height)
    turned = dict(
        zip(
            ORIENTATIONS,
            [
                x,
                x[:, ::-1],
                x[::-1],
                x[::-1, ::-1],
                x.T,
                np.rot90(x),
                np.rot90(x, 3),
                x[::-1, ::-1].T,
            ],
            strict=True,
        )
    )
    ready = bits(dihedral(pdq64(x).waves))
    for place, name in enumerate(ORIENTATIONS):
        real = bits(pdq64(np.ascontiguousarray(turned[name])).waves)
        assert distances(real[None], ready[place][None])[0, 0] <= 4


@given(seed=st.integers(0, 10**6), factor=st.floats(0.4, 1))
@settings(max_examples=25, deadline=None)
def test_size_hardly_moves_the_stable_hash(seed: int, factor: float) -> None:
    small = np.random.default_rng(seed).integers(0, 256, (12, 12), dtype=np.uint8)
    whole = Image.fromarray(small).resize((320, 320), Image.Resampling.BICUBIC)
    side = round(320 * factor)
    less = whole.resize((side, side), Image.Resampling.BOX)
    one, other = (
        bits(pdq64(np.asarray(image).astype(np.float32)).waves)[None] for image in (whole, less)
    )
    assert distances(one, other)[0, 0] <= 24  # of 400 drawn ones, 18 at most


@given(seed=st.integers(0, 10**6), gain=st.floats(0.4, 1), lift=st.floats(0, 60))
@settings(max_examples=25, deadline=None)
def test_brightness_and_contrast_hardly_move_pdq(seed: int, gain: float, lift: float) -> None:
    x = smooth(seed, 128, 128)
    one, other = (bits(pdq(each).waves)[None] for each in (x, (x * gain + lift).astype(np.float32)))
    assert distances(one, other)[0, 0] <= 2


def test_half_of_the_bits_are_set() -> None:
    assert np.unpackbits(bits(pdq(smooth(3, 200, 160)).waves)).sum() == 128


def test_a_plain_picture_has_no_quality() -> None:
    assert pdq(np.full((100, 80), 120, np.float32)).quality == 0


def test_a_picture_of_one_pixel_has_hashes() -> None:
    spectrum = pdq(np.zeros((1, 1), np.float32))
    assert bits(spectrum.waves).shape == (32,)
    assert bits(pdq64(np.zeros((1, 3), np.float32)).waves).shape == (32,)


def test_distances_count_bits() -> None:
    one = np.zeros((2, 8), np.uint8)
    other = np.array([[0, 0, 0, 0, 0, 0, 0, 7], [255] * 8], np.uint8)
    assert distances(one, other).tolist() == [[3, 64], [3, 64]]


@pytest.mark.parametrize("path", sorted(KNOWN.iterdir()), ids=lambda path: path.stem)
def test_phash_and_dhash_are_those_of_imagehash(path: Path) -> None:
    image = Image.open(path).convert("L")
    assert phash(np.asarray(image)) == str(imagehash.phash(image))
    assert dhash(np.asarray(image)) == str(imagehash.dhash(image))
