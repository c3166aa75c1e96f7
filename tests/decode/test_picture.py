"""What a picture is decoded to, whatever it is stored in, and what is refused before it unpacks."""

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from detectors.decode.limits import MOST_MEGAPIXELS
from detectors.decode.open_picture import decode
from detectors.decode.picture import Picture
from detectors.decode.sniff import sniff
from detectors.errors import CannotAssess
from detectors.hashing.picture import bits, distances, pdq
from detectors.item import Item
from detectors.signal import Outcome

ORIENTATION = 0x0112


def drawing(width: int = 240, height: int = 180) -> Image.Image:
    """Return a picture with detail at every scale."""
    noise = np.random.default_rng(7)
    parts = [
        Image.fromarray(noise.integers(0, 256, (side, side, 3), dtype=np.uint8)).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        for side in (3, 6, 14, 40)
    ]
    mixed = parts[0]
    for share, part in zip((0.5, 0.35, 0.2), parts[1:], strict=True):
        mixed = Image.blend(mixed, part, share)
    return Image.blend(mixed, mixed.convert("L").convert("RGB"), 0.7)


def stored(image: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def decoded(data: bytes) -> tuple[Picture, dict[str, Any]]:
    facts: dict[str, Any] = {}
    return decode(data, sniff(data).name, facts), facts


def refused(data: bytes) -> CannotAssess:
    with pytest.raises(CannotAssess) as caught:
        _ = Item("x", lambda: data).picture
    return caught.value


def hashed(picture: Picture) -> "np.ndarray[Any, Any]":
    return bits(pdq(picture.luma).waves)[None]


def heic(image: Image.Image) -> bytes:
    import pillow_heif

    out = io.BytesIO()
    pillow_heif.from_pillow(image).save(out, quality=90)
    return out.getvalue()


def turned(turn: int) -> Callable[[Image.Image], bytes]:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }

    def save(image: Image.Image) -> bytes:
        exif = Image.Exif()
        exif[ORIENTATION] = turn
        return stored(image.transpose(undo[turn]), "JPEG", quality=95, exif=exif)

    return save


def sixteen_bits(image: Image.Image) -> bytes:
    wide = np.asarray(image.convert("L")).astype(np.uint16) * 257
    return stored(Image.fromarray(wide), "PNG")


COPIES: dict[str, Callable[[Image.Image], bytes]] = {
    "jpeg": lambda image: stored(image, "JPEG", quality=90),
    "progressive": lambda image: stored(image, "JPEG", quality=90, progressive=True),
    "grey jpeg": lambda image: stored(image.convert("L"), "JPEG", quality=90),
    "cmyk": lambda image: stored(image.convert("CMYK"), "JPEG", quality=95),
    "png": lambda image: stored(image, "PNG"),
    "palette": lambda image: stored(image.quantize(200), "PNG"),
    "gif": lambda image: stored(image, "GIF"),
    "opaque alpha": lambda image: stored(image.convert("RGBA"), "PNG"),
    "grey and alpha": lambda image: stored(image.convert("LA"), "PNG"),
    "16-bit grey": sixteen_bits,
    "tiff": lambda image: stored(image, "TIFF", compression="tiff_lzw"),
    "tiff cmyk": lambda image: stored(image.convert("CMYK"), "TIFF"),
    "float tiff": lambda image: stored(image.convert("F"), "TIFF"),
    "wide tiff": lambda image: stored(image.convert("I"), "TIFF"),
    "bmp": lambda image: stored(image, "BMP"),
    "webp": lambda image: stored(image, "WEBP", quality=85),
    "avif": lambda image: stored(image, "AVIF", quality=80),
    "heic": heic,
} | {f"exif {turn}": turned(turn) for turn in range(2, 9)}


@pytest.mark.parametrize("name", COPIES)
def test_every_way_to_store_a_picture_gives_the_same_picture(name: str) -> None:
    plain = drawing()
    picture, facts = decoded(COPIES[name](plain))
    assert (picture.width, picture.height) == plain.size
    assert (facts["width"], facts["height"]) == plain.size
    assert picture.rgb.shape == (180, 240, 3)
    assert picture.grey.shape == picture.luma.shape == (180, 240)
    assert not picture.has_alpha
    original, _ = decoded(stored(plain, "PNG"))
    assert distances(hashed(picture), hashed(original))[0, 0] <= 10
    assert abs(picture.grey.astype(float) - picture.luma).mean() < 2


def test_transparency_lies_on_white_and_is_kept() -> None:
    image = drawing(64, 64).convert("RGBA")
    alpha = np.zeros((64, 64), np.uint8)
    alpha[:, 32:] = 255
    image.putalpha(Image.fromarray(alpha))
    picture, facts = decoded(stored(image, "PNG"))
    assert picture.has_alpha
    assert facts["mode"] == "RGBA"
    assert (picture.rgb[:, :32] == 255).all()
    assert np.array_equal(picture.bare, np.asarray(image.convert("RGB")))
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, alpha)


def test_a_transparent_palette_colour_is_transparent() -> None:
    image = drawing(64, 64).quantize(8)
    picture, _ = decoded(stored(image, "PNG", transparency=3))
    assert picture.has_alpha


def test_nobody_writes_into_a_picture() -> None:
    picture, _ = decoded(stored(drawing(), "PNG"))
    with pytest.raises(ValueError, match="read-only"):
        picture.rgb[0, 0] = 0


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_is_decoded_and_the_others_counted(form: str) -> None:
    first, second = drawing(60, 40), drawing(60, 40).rotate(180)
    data = stored(first, form, save_all=True, append_images=[second, first], lossless=True)
    picture, facts = decoded(data)
    assert picture.frames == facts["frames"] == 3
    assert abs(picture.rgb.astype(int) - np.asarray(first)).mean() < 12


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF"])
def test_the_rows_that_came_of_a_cut_file_are_there(form: str) -> None:
    data = stored(drawing(), form, **({"interlace": 0} if form == "GIF" else {}))
    picture, facts = decoded(data[: len(data) * 6 // 10])
    assert picture.truncated
    assert facts["truncated"] is True
    assert (picture.width, picture.height) == (240, 180)
    rows = picture.rgb.shape[0]
    assert 20 < rows < 180
    whole, _ = decoded(data)
    top = rows - 20
    assert np.abs(picture.rgb[:top].astype(int) - whole.rgb[:top]).mean() < 3


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP", "AVIF"])
@given(cut=st.floats(0, 1), flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255))))
@settings(max_examples=25, deadline=None)
def test_damage_gives_a_picture_or_a_reason(
    form: str, cut: float, flips: list[tuple[float, int]]
) -> None:
    data = bytearray(stored(drawing(48, 40), form))
    for where, value in flips:
        data[20 + int(where * (len(data) - 21))] = value
    part = bytes(data[: int(cut * len(data))]) if cut < 0.9 else bytes(data)
    item = Item("x", lambda: part)
    with suppress(CannotAssess):  # and nothing else
        picture = item.picture
        assert picture.rgb.shape[:2] == picture.grey.shape


def test_pillow_is_left_as_it_was() -> None:
    before = ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    decoded(stored(drawing(), "PNG"))
    refused(b"\x89PNG\r\n\x1a\nrest")
    after = ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    assert after == before


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8",
        b"\xff\xd8\xff\xe0\0\x10JFIF",
        b"\xff\xd8\xff\xda\0\x08\1\0\0\0\0\0rest",
        b"\xff\xd8\xff\xc0\0\x05\x08\0\0\xff\xda\0\2",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"RIFF\x20\0\0\0WEBPVP8 ",
        b"RIFF\x20\0\0\0WEBPABCD" + bytes(30),
        b"II*\0\x08\0\0\0",
        b"\0\0\0\x18ftypheic\0\0\0\0heic",
        b"\0\0\0\x18ftypavif\0\0\0\0avif",
    ],
)
def test_stumps_are_broken(data: bytes) -> None:
    fault = refused(data)
    assert fault.outcome is Outcome.FAILED
    assert fault.reason.code == "picture.broken"


def test_a_cut_file_without_a_row_says_so() -> None:
    data = stored(drawing(), "PNG")
    assert refused(data[: data.index(b"IDAT") + 30]).reason.code in (
        "picture.no_rows",
        "picture.broken",
    )


def test_a_sequence_without_a_still_is_not_decoded() -> None:
    data = b"\0\0\0\x14ftypmsf1\0\0\0\0hevc" + b"\0\0\0\x10moov" + bytes(8)
    with pytest.raises(CannotAssess) as caught:
        decode(data, sniff(data).name, {})
    told = (caught.value.outcome, caught.value.reason.code)
    assert told == (Outcome.NOT_ASSESSED, "picture.format")


def test_drawings_in_vectors_have_no_pixels() -> None:
    fault = refused(b'<svg xmlns="http://www.w3.org/2000/svg"/>')
    assert (fault.outcome, fault.reason.code) == (Outcome.NOT_ASSESSED, "picture.no_pixels")


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b"")


def resized_jpeg(width: int, height: int) -> bytes:
    data = bytearray(stored(drawing(16, 16), "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def gif_of(width: int, height: int) -> bytes:
    size = struct.pack("<HH", width, height)
    return b"GIF89a" + size + b"\0\0\0," + bytes(4) + size + b"\0\2\2\x4c\1\0;"


def webp_of(width: int, height: int) -> bytes:
    bits_of = (width - 1) | (height - 1) << 14
    body = b"\x2f" + bits_of.to_bytes(4, "little") + bytes(20)
    chunked = b"VP8L" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunked)) + b"WEBP" + chunked


def bmp_of(width: int, height: int) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(head), 0, 0, 54) + head + bytes(100)


BOMBS = {
    "image/png": png_of(30_000, 30_000),
    "image/jpeg": resized_jpeg(65_000, 65_000),
    "image/gif": gif_of(65_000, 65_000),
    "image/webp": webp_of(16_000, 16_000),
    "image/bmp": bmp_of(60_000, 60_000),
}


@pytest.mark.parametrize("media_type", BOMBS)
def test_a_bomb_is_refused_by_its_header(media_type: str) -> None:
    assert sniff(BOMBS[media_type]).name == media_type
    fault = refused(BOMBS[media_type])
    assert (fault.outcome, fault.reason.code) == (Outcome.NOT_ASSESSED, "picture.too_large")
    assert fault.reason.args["limit"] == MOST_MEGAPIXELS[media_type]


def progressive(scans: int) -> bytes:
    data = stored(drawing(64, 64), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * scans + b"\xff\xd9"


def test_a_jpeg_of_very_many_scans_is_not_decoded() -> None:
    fault = refused(progressive(600))
    assert (fault.outcome, fault.reason.code) == (Outcome.NOT_ASSESSED, "picture.too_many_scans")
    picture, _ = decoded(progressive(3))
    assert picture.width == 64


def test_a_progressive_jpeg_that_would_fill_the_memory_is_not_decoded() -> None:
    data = bytearray(stored(drawing(64, 64), "JPEG", progressive=True, subsampling=0))
    at = data.index(b"\xff\xc2") + 5
    data[at : at + 4] = struct.pack(">HH", 12_000, 12_000)
    assert refused(bytes(data)).reason.code == "picture.too_much_memory"


@pytest.mark.parametrize("name", [b"zTXt", b"iCCP", b"iTXt"])
def test_a_bomb_in_a_chunk_does_not_cost_the_picture(name: bytes) -> None:
    packed = zlib.compress(bytes(20_000_000), 9)
    heads = {b"zTXt": b"a\0\0", b"iCCP": b"a\0\0", b"iTXt": b"XML:com.adobe.xmp\0\1\0\0\0"}
    data = stored(drawing(), "PNG")
    end = 33
    picture, _ = decoded(data[:end] + chunk(name, heads[name] + packed) + data[end:])
    assert np.array_equal(picture.rgb, np.asarray(drawing()))


@pytest.mark.parametrize(("form", "mode"), [("JPEG", "RGB"), ("PNG", "RGBA"), ("PNG", "P")])
def test_a_large_picture_is_kept_smaller_and_says_so(form: str, mode: str) -> None:
    image = drawing().resize((5_000, 3_600), Image.Resampling.NEAREST).convert(mode)
    picture, facts = decoded(stored(image, form))
    assert (picture.width, picture.height) == (5_000, 3_600)
    assert facts["reduced"] == picture.reduced == 2
    assert picture.rgb.shape == (1_800, 2_500, 3)


def test_absurd_exif_is_passed_over() -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0\xff\xff\xff\xff\x08\0\0\0" * 3
    picture, _ = decoded(stored(drawing(), "JPEG", exif=exif))
    assert (picture.width, picture.height) == (240, 180)
