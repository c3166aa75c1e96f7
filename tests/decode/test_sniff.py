"""What files are is told by their content, and what is neither picture nor prose is named."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.decode.containers import WALKS, walk
from detectors.decode.containers.raw import raw_type
from detectors.decode.signatures import FOREIGN, PICTURES
from detectors.decode.sniff import Kind, sniff

Records = Callable[..., list[dict[str, Any]]]
DST = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    f'xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" e:DigitalSourceType="{DST}"/>'
    '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
).encode()
CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")


def box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", 8 + len(payload)) + kind + payload


def segment(marker: int, payload: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", 2 + len(payload)) + payload


JPEG = (
    b"\xff\xd8" + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)
    + segment(0xE2, b"MPF\0" + bytes(20)) + segment(0xDA, bytes(10)) + bytes(9) + b"\xff\xd9"
)  # fmt: skip


def tiff(*rows: tuple[int, int, bytes], magic: bytes = b"II*\0") -> bytes:
    """Return a TIFF of one directory: (tag, type, value) with XMP among them."""
    rows = (*rows, (0x02BC, 1, XMP))
    sizes = {1: 1, 2: 1, 3: 2, 4: 4}
    values, at = b"", 8 + 2 + 12 * len(rows) + 4
    directory = struct.pack("<H", len(rows))
    for tag, kind, value in sorted(rows):
        directory += struct.pack("<HHI", tag, kind, len(value) // sizes[kind])
        directory += (
            value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<I", at + len(values))
        )
        values += value if len(value) > 4 else b""
    return magic + struct.pack("<I", 8) + directory + bytes(4) + values


def psd(version: int) -> bytes:
    resource = b"8BIM" + struct.pack(">HHI", 0x0424, 0, len(XMP)) + XMP + bytes(len(XMP) % 2)
    head = b"8BPS" + struct.pack(">H6xHIIHH", version, 3, 8, 8, 8, 3)
    return head + bytes(4) + struct.pack(">I", len(resource)) + resource + bytes(40)


def camera(maker: bytes) -> bytes:
    """Return a TIFF of a maker whose one directory describes sensor data."""
    return tiff((0x010F, 2, maker), (0x0106, 3, struct.pack("<H", 32803)))


def raf() -> bytes:
    head = b"FUJIFILMCCD-RAW 0201".ljust(84, b"\0")
    return head + struct.pack(">II", 100, len(JPEG)) + bytes(8) + JPEG + bytes(50)


JXL = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")
CR3 = box(b"ftyp", b"crx \0\0\0\1crx isom") + box(
    b"moov", box(b"uuid", CANON + box(b"CMT1", tiff()))
)
FILES = {
    "a.jxl": (JXL + box(b"xml ", XMP) + box(b"jxlc", b"\xff\x0a" + bytes(20)), "image/jxl"),
    "a.psd": (psd(1), "image/vnd.adobe.photoshop"),
    "a.psb": (psd(2), "image/vnd.adobe.photoshop"),
    "a.dng": (tiff((0xC612, 1, b"\1\4\0\0")), "image/x-adobe-dng"),
    "a.nef": (camera(b"NIKON CORPORATION\0"), "image/x-nikon-nef"),
    "a.arw": (camera(b"SONY\0"), "image/x-sony-arw"),
    "a.pef": (camera(b"PENTAX\0"), "image/x-pentax-pef"),
    "a.srw": (camera(b"SAMSUNG\0"), "image/x-samsung-srw"),
    "a.3fr": (camera(b"Hasselblad\0"), "image/x-raw"),
    "a.orf": (tiff(magic=b"IIRO"), "image/x-olympus-orf"),
    "a.rw2": (tiff(magic=b"IIU\0"), "image/x-panasonic-rw2"),
    "a.raf": (raf(), "image/x-fuji-raf"),
    "a.mpo": (JPEG + JPEG, "image/jpeg"),
    "motion.jpg": (JPEG + box(b"ftyp", b"mp42\0\0\0\0isom"), "image/jpeg"),
}
UNREAD = {"a.psd", "a.psb", "a.raf", "a.orf", "a.rw2"}
"""Formats in which no verifier looks for a manifest."""


def test_every_format_is_known_by_its_content_and_its_metadata_is_read(
    records: Records, tmp_path: Path
) -> None:
    for name, (data, _) in FILES.items():
        (tmp_path / name).write_bytes(data)
    looks = ("--only", "credentials,metadata,image_model")
    said = {r["item"]["uri"]: r for r in records("check", *FILES, *looks, cwd=tmp_path)}
    for name, (_, media_type) in FILES.items():
        assert (said[name]["item"]["kind"], said[name]["item"]["media_type"]) == (
            "image",
            media_type,
        )
        by = {signal["detector"]: signal for signal in said[name]["signals"]}
        assert by["metadata"]["claim"] == "ai_generated", name
        code = "credential.format" if name in UNREAD else "credential.absent"
        assert by["credentials"]["reason"]["code"] == code, name
        if media_type != "image/jpeg":
            pixels = by["image_model"]
            assert pixels["outcome"] == "not_assessed"
            assert pixels["reason"]["code"] == "picture.format", name


def test_a_cr3_keeps_its_directories_inside_the_movie() -> None:
    assert sniff(CR3).name == "image/x-canon-cr3"
    assert [chunk.tag for chunk in walk(CR3, "image/x-canon-cr3").chunks] == ["EXIF"]


def test_packed_boxes_of_jpeg_xl_are_said_to_be_unread(records: Records, tmp_path: Path) -> None:
    (tmp_path / "a.jxl").write_bytes(JXL + box(b"brob", b"xml \x0b\x02\x80<x>\x03"))
    (record,) = records("check", "a.jxl", "--only", "metadata", cwd=tmp_path)
    assert record["signals"][0]["reason"]["code"] == "metadata.clear_in_part"


def test_a_plain_tiff_is_no_camera_file() -> None:
    plain = tiff((0x010F, 2, b"NIKON CORPORATION\0"), (0x0106, 3, struct.pack("<H", 2)))
    assert raw_type(plain) is None
    assert sniff(plain).name == "image/tiff"


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (b"BM" + struct.pack("<IIII", 94, 0xDEADBEEF, 54, 40) + bytes(40), "image/bmp", Kind.IMAGE),
        (b"BM is short for a bitmap, and this is a sentence.", "text/plain", Kind.TEXT),
        (b"\xff\x0a" + bytes(30), "image/jxl", Kind.IMAGE),
        (b"P3\n# drawn\n2 2\n255\n0 0 0 1 1 1 2 2 2 3 3 3\n", "image/x-portable-anymap",
         Kind.UNSUPPORTED),
        (b"P3 is the third of the proposals, and nobody liked it.", "text/plain", Kind.TEXT),
        (b"{\\rtf1\\ansi Hello}", "application/rtf", Kind.UNSUPPORTED),
        ("ясный день, и больше ничего\n".encode("cp1251"), "text/plain", Kind.TEXT),
        ("я\nи ещё одна строка текста\n".encode("cp1251"), "text/plain", Kind.TEXT),
        (b"MZ is where such a program begins.", "text/plain", Kind.TEXT),
        (b"MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff\0\0",
         "application/vnd.microsoft.portable-executable", Kind.UNSUPPORTED),
        (box(b"ftyp", b"msf1\0\0\0\0hevc"), "image/heif", Kind.IMAGE),
        (box(b"ftyp", b"avis\0\0\0\0avif"), "image/avif", Kind.IMAGE),
    ],
)  # fmt: skip
def test_content_decides(data: bytes, name: str, kind: Kind) -> None:
    said = sniff(data)
    assert (said.name, said.kind) == (name, kind)


@given(st.sampled_from([row[0] for row in PICTURES]), st.binary(max_size=200))
def test_any_bytes_behind_the_head_of_a_picture_can_be_looked_at(head: bytes, rest: bytes) -> None:
    data = head + bytes(60) + rest
    said = sniff(data)
    assert said.kind is Kind.IMAGE
    walk(data, said.name)


@given(st.sampled_from(sorted(WALKS)), st.binary(max_size=300))
def test_no_walk_raises(media_type: str, data: bytes) -> None:
    walk(data, media_type)


POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
FALSE = "item.not_what_it_is_called"
NOT_PROSE = {
    "photo.png": (POINTER, "item.lfs_pointer"),
    "weights.bin": (POINTER, "item.lfs_pointer"),
    "alone.xmp": (XMP, "item.sidecar"),
    "wide.xmp": (b"\xff\xfe" + XMP.decode().encode("utf-16-le"), "item.sidecar"),
    "saved.jpg": (b"<!DOCTYPE html><html><body>Not found</body></html>", FALSE),
    "note.png": (b"Some words by someone.", FALSE),
    "film.heic": (box(b"ftyp", b"qt  \0\0\0\0qt  ") + bytes(90), FALSE),
    "paper.tif": (b"%PDF-1.4\n", FALSE),
    "noise.jpg": (bytes(range(256)) * 9, FALSE),
    "package.json": (b'{"name": "x", "about": "As an AI language model"}', "item.data"),
    "by-hand.json": (b'{\n "a": [1, 2],\n "b": {},\n}\n', "item.data"),
    "list.json": (b"\xef\xbb\xbf [1, 2]\n", "item.data"),
    "lines.jsonl": (b'{"a": 1}\n\n{"b": [2]}\n', "item.data"),
    "tweets.js": (b'window.YTD.tweets.part0 = [ {"tweet": {"full_text": "a"}} ]\n', "item.data"),
    "accounts.js": (b'const accounts = {"a": ["b"]};', "item.data"),
    "padded.js": (b'callback({"text": "a"});', "item.data"),
    "index.csv": (b",user.name,text\n0,a,b\n1,c,d\n", "item.data"),
    "quoted.csv": (b'"#","1st","?"\n"1","a","b"\n"2","c","d, e"\n', "item.data"),
    "short.csv": (b'id,text\n2,"Well, yes"\n', "item.data"),
    "bare.csv": (b'1;a;"x; y"\n2;b;z\n3;c;\n', "item.data"),
    "days.tsv": (b"a\t2026-03-01T10:00:00Z\nb\t2026-03-02\nc\t2026-03-03\n", "item.data"),
    "table.csv": (b'id,author,words\n1,a,b\n2,c,"d, e"\n', "item.data"),
    "tool": (b"\x7fELF" + bytes(90), "item.unsupported"),
}  # fmt: skip
PROSE = {
    "one.txt": b'"A string alone"',
    "two.txt": b"7",
    "three.txt": b"{ so it begins, and goes on as a text }",
    "quoted.txt": b'{"role": "user"} is how such a message begins.',
    "four.md": b"[1] A footnote, and\n[2] another one.",
    "five.txt": b"Roses are red, violets are blue\nSugar is sweet, so are you\nThe end, friend\n",
    "eight.txt": b"Date, time and place\n5, noon, here\n",
    "nine.txt": b"7, as I said\n8, as you said\n9, as all said\n",
    "ten.txt": b"f(x) = [a, b] is an interval; so is g(x) = [b, c].",
    "eleven.txt": b"Yes. Well, no\nNo. Well, yes\nBoth. Well, neither\n",
    "six.txt": POINTER + b"\nis what a pointer of Git LFS looks like.",
    "seven.txt": b"<x:xmpmeta> is the root of a packet of XMP.",
}


def test_what_is_no_prose_says_what_it_is(records: Records, tmp_path: Path) -> None:
    for name, (data, _) in NOT_PROSE.items():
        (tmp_path / name).write_bytes(data)
    said = {r["item"]["uri"]: r for r in records("check", *NOT_PROSE, cwd=tmp_path)}
    for name, (_, code) in NOT_PROSE.items():
        (signal,) = said[name]["signals"]
        assert said[name]["item"]["kind"] == "unsupported", name
        told = (signal["detector"], signal["outcome"], signal["reason"]["code"])
        assert told == ("item", "not_assessed", code), name


@pytest.mark.parametrize("name", PROSE)
def test_prose_that_looks_like_something_else_stays_a_text(name: str) -> None:
    assert sniff(PROSE[name], name=name).kind is Kind.TEXT


@pytest.mark.parametrize(
    "name", ["package.json", "table.csv", "note.png", "alone.xmp", "photo.png"]
)
def test_the_user_may_say_that_it_is_a_text(name: str) -> None:
    assert sniff(NOT_PROSE[name][0], Kind.TEXT, name).kind is Kind.TEXT


def test_pointers_and_false_pictures_fail_a_scan_and_data_does_not(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("package.json", "table.csv", "alone.xmp", "tool"):
        (folder / name).write_bytes(NOT_PROSE[name][0])
    assert run("scan", folder, "--only", "metadata").returncode == 0
    for name in ("photo.png", "weights.bin", "saved.jpg"):
        (folder / name).write_bytes(NOT_PROSE[name][0])
        done = run("scan", folder, "--only", "metadata")
        assert done.returncode == 3
        assert name in done.stderr
        (folder / name).unlink()
    done = run("check", folder / "package.json")
    assert done.returncode == 3
    assert "--kind text" in " ".join(done.stdout.split())


def test_a_false_picture_says_what_it_looks_like(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "saved.jpg").write_bytes(NOT_PROSE["saved.jpg"][0])
    shown = " ".join(run("check", tmp_path / "saved.jpg").stdout.split())
    assert "The name ends in .jpg" in shown
    assert "it looks like a web page" in shown


def test_every_foreign_format_has_a_word() -> None:
    from provenance.messages import table

    assert {f"type.{row[3]}" for row in FOREIGN} <= table().keys()


@given(
    st.recursive(
        st.none() | st.text(max_size=9),
        lambda x: st.lists(x) | st.dictionaries(st.text(max_size=3), x),
    )
)
def test_a_json_object_or_array_is_data_and_another_value_is_text(value: object) -> None:
    said = sniff(json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace"))
    assert (said.kind is Kind.UNSUPPORTED) == isinstance(value, (list, dict))
