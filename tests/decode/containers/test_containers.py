"""What a walk promises: named pieces, bounds, and no exception whatever the bytes."""

import io
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from detectors.decode.containers import inflate, may_hold_manifest, walk
from detectors.decode.containers.gif import joined
from detectors.decode.containers.sef import blocks
from detectors.decode.containers.tiff import entries
from detectors.decode.containers.walk import MAX_CHUNKS, MAX_STEPS, MAX_UNPACKED

PNG_HEAD = b"\x89PNG\r\n\x1a\n"
TYPES = (
    "image/jpeg", "image/png", "image/webp", "image/gif", "image/tiff", "image/avif",
    "image/svg+xml", "application/pdf", "image/bmp", None,
)  # fmt: skip
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>'


def drawn(form: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((24, 24)).convert("RGB").save(out, form, **options)
    return out.getvalue()


def chunk(tag: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))


def box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", 8 + len(payload)) + kind + payload


def tags(data: bytes, media_type: str) -> list[str]:
    return [piece.tag for piece in walk(data, media_type).chunks]


FRAME = Image.linear_gradient("L").rotate(90).resize((24, 24)).convert("RGB")
EXIF = Image.Exif()
EXIF[0x0131] = "a program"
INFO = PngImagePlugin.PngInfo()
INFO.add_text("parameters", "before")
INFO.add(b"tEXt", b"after\0behind", after_idat=True)
SAMPLES = {
    "image/jpeg": drawn("JPEG", exif=EXIF, comment=b"hello", xmp=XMP, progressive=True),
    "image/png": drawn("PNG", pnginfo=INFO, exif=EXIF),
    "image/webp": drawn("WEBP", exif=EXIF.tobytes(), xmp=XMP),
    "image/gif": drawn("GIF", comment=b"hello", save_all=True, loop=3, append_images=[FRAME]),
    "image/tiff": drawn("TIFF", tiffinfo={0x0131: "a program"}),
    "image/avif": drawn("AVIF", exif=EXIF.tobytes(), xmp=XMP, speed=10),
}
EXPECTED = {
    "image/jpeg": {"APP0", "APP1", "COM"},
    "image/png": {"IHDR", "tEXt", "eXIf"},
    "image/webp": {"VP8X", "EXIF", "XMP "},
    "image/gif": {"NETSCAPE2.0"},
    "image/tiff": {"IFD0:0x0131", "IFD0:0x0100"},
    "image/avif": {"Exif", "XMP"},
}


@pytest.mark.parametrize("media_type", SAMPLES)
def test_a_walk_names_the_pieces_that_a_program_wrote(media_type: str) -> None:
    pieces = walk(SAMPLES[media_type], media_type)
    assert pieces.whole
    assert not pieces.limited
    assert {piece.tag for piece in pieces.chunks} >= EXPECTED[media_type]
    for piece in pieces.chunks:
        here = SAMPLES[media_type][piece.offset :]
        assert here.startswith(bytes(piece.data))


@pytest.mark.parametrize("media_type", SAMPLES)
def test_a_cut_file_says_so_and_gives_what_came(media_type: str) -> None:
    cut = walk(SAMPLES[media_type][:-9], media_type)
    assert media_type in ("image/jpeg", "image/tiff") or not cut.whole
    assert not walk(SAMPLES[media_type][:11], media_type).whole


def test_text_behind_the_pixels_of_a_png_is_given() -> None:
    pieces = walk(SAMPLES["image/png"], "image/png").chunks
    texts = [bytes(piece.data) for piece in pieces if piece.tag == "tEXt"]
    assert texts == [b"parameters\0before", b"after\0behind"]


def test_bytes_behind_the_end_are_not_given() -> None:
    text = chunk(b"tEXt", b"parameters\0x")
    assert "tEXt" not in tags(drawn("PNG") + text, "image/png")
    webp = SAMPLES["image/webp"] + b"EXIF" + struct.pack("<I", 4) + b"late"
    assert tags(webp, "image/webp").count("EXIF") == 1
    assert "COM" not in tags(drawn("JPEG") + b"\xff\xfe\0\x06late", "image/jpeg")


@given(st.binary(max_size=400), st.sampled_from(TYPES), st.integers(0, 60))
def test_no_bytes_raise(tail: bytes, media_type: str | None, keep: int) -> None:
    for data in (tail, SAMPLES.get(media_type or "", b"")[:keep] + tail):
        walk(data, media_type)
        may_hold_manifest(data, media_type)


@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_no_change_of_a_good_file_raises(media_type: str, draw: st.DataObject) -> None:
    data = bytearray(SAMPLES[media_type])
    for _ in range(draw.draw(st.integers(1, 8))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    pieces = walk(bytes(data), media_type)
    assert all(piece.offset + len(piece.data) <= len(data) for piece in pieces.chunks)


@pytest.mark.parametrize("media_type", sorted(SAMPLES))
def test_no_piece_lies_outside_the_file_whatever_a_byte_says(media_type: str) -> None:
    good = SAMPLES[media_type]
    for at in range(len(good)):
        data = good[:at] + b"\xff" + good[at + 1 :]
        for piece in walk(data, media_type).chunks:
            assert piece.offset + len(piece.data) <= len(data)


def test_counts_are_bounded() -> None:
    many = walk(PNG_HEAD + chunk(b"tEXt", b"a\0b") * (MAX_CHUNKS + 5), "image/png")
    assert many.limited
    assert len(many.chunks) == MAX_CHUNKS
    assert walk(PNG_HEAD + chunk(b"IDAT", b"") * (MAX_STEPS + 5), "image/png").limited
    assert walk(b"GIF89a" + bytes(7) + b"!\xf9\0" * (MAX_STEPS + 5), "image/gif").limited
    assert walk(b"GIF89a" + bytes(7) + b"!\xfe" + b"\1\1" * 1_100_000, "image/gif").limited
    assert walk(box(b"free", b"") * (MAX_STEPS + 5), "image/avif").limited


def test_packed_fields_have_a_cap_and_broken_ones_give_what_came() -> None:
    assert inflate(zlib.compress(b"a" * 5_000)) == (b"a" * 5_000, True)
    assert inflate(zlib.compress(bytes(50_000_000)), 1_000) == (bytes(1_000), False)
    assert inflate(zlib.compress(b"abc") + b"trailing") == (b"abc", True)
    assert inflate(b"no stream") == (b"", True)
    whole = bytes(range(256)) * 1_000
    packed = zlib.compress(whole, 0)
    assert whole.startswith(inflate(packed[:70_000])[0])


def test_directories_that_point_at_themselves_end() -> None:
    loop = b"II*\0" + struct.pack("<IHHHII", 8, 1, 0x8769, 4, 1, 8) + struct.pack("<I", 8)
    read = entries(loop)
    assert [entry.directory for entry in read.found] == ["IFD0"]
    assert (read.whole, read.limited) == (True, False)
    wild = b"MM\0*" + struct.pack(">IHHHII", 8, 65_535, 0x010E, 2, 0xFFFFFFFF, 0xFFFFFFF0)
    assert (entries(wild).found, entries(wild).whole) == ([], False)


def test_big_tiff_is_read() -> None:
    head = b"II+\0" + struct.pack("<HHQ", 8, 0, 16)
    entry = struct.pack("<QHHQ8s", 1, 0x0131, 2, 4, b"abc\0") + bytes(8)
    assert [bytes(e.data) for e in entries(head + entry).found] == [b"abc\0"]
    assert (entries(head[:12]).found, entries(head[:12]).whole) == ([], False)


def test_items_in_pieces_are_joined() -> None:
    infe = box(b"infe", b"\2\0\0\0\0\1\0\0Exif\0")
    iinf = box(b"iinf", b"\0\0\0\0\0\1" + infe)
    iloc = box(b"iloc", b"\1\0\0\0\x44\0\0\1" + struct.pack(">HHHHIIII", 1, 1, 0, 2, 0, 2, 4, 2))
    meta = box(b"meta", bytes(4) + iinf + iloc + box(b"idat", b"ab--cd"))
    pieces = walk(box(b"ftyp", b"avif\0\0\0\0") + meta, "image/avif").chunks
    assert [(piece.tag, bytes(piece.data)) for piece in pieces] == [("Exif", b"abcd")]


def test_sub_blocks_of_a_gif_are_joined() -> None:
    loop, *_ = walk(SAMPLES["image/gif"], "image/gif").chunks
    assert (loop.tag, joined(loop.data)) == ("NETSCAPE2.0", b"\1\3\0")
    assert joined(memoryview(b"\3abc\2de\0")) == b"abcde"


C2PA_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
REFERENCE = XMP.replace(b"></", b"><a dcterms:provenance='self'/></")
MANIFESTS = [
    ("image/jpeg", b"\xff\xd8\xff\xeb\0\4JP" + drawn("JPEG")[2:]),
    ("image/jpeg", drawn("JPEG", xmp=REFERENCE)),
    ("image/png", PNG_HEAD + chunk(b"caBX", b"x") + drawn("PNG")[8:]),
    ("image/png", PNG_HEAD + chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0x")),
    ("image/webp", b"RIFF\x10\0\0\0WEBPC2PA\4\0\0\0abcd"),
    ("image/webp", drawn("WEBP", xmp=REFERENCE)),
    ("image/gif", b"GIF89a" + bytes(7) + b"!\xff\x0bC2PA_GIF\1\0\0\1x\0;"),
    ("image/tiff", drawn("TIFF", tiffinfo={0xCD41: b"abcd"})),
    ("image/tiff", drawn("TIFF", tiffinfo={0x02BC: REFERENCE})),
    ("image/avif", SAMPLES["image/avif"] + box(b"uuid", C2PA_BOX + b"x")),
    ("image/svg+xml", b"<svg><metadata><c2pa:manifest>AA</c2pa:manifest></metadata></svg>"),
    ("application/pdf", b"%PDF-1.7 /C2PA_Manifest"),
]


@pytest.mark.parametrize(("media_type", "data"), MANIFESTS)
def test_every_place_of_a_manifest_opens_the_gate(media_type: str, data: bytes) -> None:
    assert may_hold_manifest(data, media_type)


@pytest.mark.parametrize("media_type", SAMPLES)
def test_a_picture_without_a_place_keeps_the_gate_shut(media_type: str) -> None:
    assert not may_hold_manifest(SAMPLES[media_type], media_type)
    assert not may_hold_manifest(SAMPLES[media_type], None)


def heif(items: int, extents: int, size: int) -> bytes:
    """Return items of many pieces that all lie over the same bytes."""
    names = b"".join(
        box(b"infe", b"\2\0\0\0" + struct.pack(">HH", item + 1, 0) + b"Exif\0")
        for item in range(items)
    )
    places = b"".join(
        struct.pack(">HHH", item + 1, 0, extents) + struct.pack(">I", size) * extents
        for item in range(items)
    )
    iinf = box(b"iinf", bytes(4) + struct.pack(">H", items) + names)
    iloc = box(b"iloc", b"\0\0\0\0\x04\0" + struct.pack(">H", items) + places)
    meta = box(b"meta", bytes(4) + iinf + iloc)
    return box(b"ftyp", b"avif\0\0\0\0") + meta + box(b"mdat", bytes(size))


def tiff(*values: tuple[int, int, int, int], tail: bytes) -> bytes:
    """Return a directory of (tag, type, count, offset) and the bytes behind it."""
    table = b"".join(struct.pack("<HHII", *value) for value in values)
    return b"II*\0" + struct.pack("<IH", 8, len(values)) + table + bytes(4) + tail


def trailer(length: int) -> bytes:
    """Return a Samsung trailer whose blocks all have the same name, as long as the file."""
    body = bytearray(length)
    struct.pack_into("<I", body, 4, length - 8)
    table = (
        struct.pack("<4sII", b"SEFH", 107, 256) + struct.pack("<HHII", 0, 0, length, length) * 256
    )
    return bytes(body) + table + struct.pack("<I4s", len(table), b"SEFT")


def peak(look: Callable[[], object]) -> int:
    tracemalloc.start()
    look()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_pieces_that_lie_over_each_other_share_one_budget_for_the_file() -> None:
    data = heif(100, 64, 100_000)
    pieces = walk(data, "image/avif")
    assert pieces.limited
    assert sum(len(piece.data) for piece in pieces.chunks) <= MAX_UNPACKED
    assert peak(lambda: walk(data, "image/avif")) < 40 << 20


def test_names_that_lie_over_each_other_are_bounded() -> None:
    data = trailer(1 << 20)
    assert blocks(data) == []
    assert peak(lambda: blocks(data)) < 1 << 20
    head = struct.pack("<HHI", 0, 0, 4) + b"NameBody"
    table = struct.pack("<4sIIHHII", b"SEFH", 107, 1, 0, 0, len(head), len(head))
    (block,) = blocks(head + table + struct.pack("<I4s", len(table), b"SEFT"))
    assert (block.tag, bytes(block.data)) == ("Name", b"Body")


def test_a_region_under_many_tags_is_given_as_often_as_the_file_is_long() -> None:
    packet = bytes(50_000)
    many = [(0x02BC, 1, len(packet), 8 + 2 + 5_000 * 12 + 4)] * 5_000
    read = entries(tiff(*many, tail=packet))
    assert read.limited
    assert len(read.found) == 4
    moved = [(0x02BC, 1, len(packet) - n, 8 + 2 + 5_000 * 12 + 4 + n) for n in range(5_000)]
    assert len(entries(tiff(*moved, tail=packet)).found) == 4
    once = [(0x02BC, 1, len(packet), 8 + 2 + 12 + 4)]
    assert not entries(tiff(*once, tail=packet)).limited


def test_pointers_to_directories_are_followed_a_limited_number_of_times() -> None:
    table = 8 + 2 + 19_999 * 12 + 4
    links = tiff(*[(0x8769, 4, 16, table)] * 19_999, tail=struct.pack("<I", 8) * 16)
    began = time.process_time()
    read = entries(links)
    assert time.process_time() - began < 1
    assert read.limited


def test_of_the_comments_of_a_gif_the_first_are_kept() -> None:
    comments = b"GIF89a" + bytes(7) + b"!\xfe\1a\0" * 190_000 + b";"
    pieces = walk(comments, "image/gif")
    assert (len(pieces.chunks), pieces.whole, pieces.limited) == (64, True, False)
    assert not may_hold_manifest(comments, "image/gif")
