"""Formats by their first bytes: files that programs make, every row, prose of the same letters."""

import bz2
import gzip
import io
import lzma
import plistlib
import sqlite3
import struct
import sys
import tarfile
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from detectors.decode.signatures import BRANDS, FOREIGN, ISO, PICTURES, RIFF
from detectors.decode.sniff import WORD, Kind, sniff

FIXTURES = Path(__file__).parents[2] / "fixtures"


def to_buffer(write: Callable[[io.BytesIO], Any]) -> bytes:
    out = io.BytesIO()
    write(out)
    return out.getvalue()


def drawn(form: str, mode: str = "RGB") -> bytes:
    return to_buffer(lambda out: Image.linear_gradient("L").convert(mode).save(out, form))


def archive() -> bytes:
    def write(out: io.BytesIO) -> None:
        with zipfile.ZipFile(out, "w") as file:
            file.writestr("a.txt", "words")

    return to_buffer(write)


def tape() -> bytes:
    def write(out: io.BytesIO) -> None:
        with tarfile.open(fileobj=out, mode="w") as file:
            file.add(__file__, "a.py")

    return to_buffer(write)


def sound() -> bytes:
    def write(out: io.BytesIO) -> None:
        with wave.open(out, "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(400))

    return to_buffer(write)


def database() -> bytes:
    with sqlite3.connect(":memory:") as line:
        line.execute("CREATE TABLE words (word TEXT)")
        return line.serialize()


MADE: dict[str, tuple[Callable[[], bytes], str, Kind]] = {
    "jpeg": (lambda: drawn("JPEG"), "image/jpeg", Kind.IMAGE),
    "png": (lambda: drawn("PNG"), "image/png", Kind.IMAGE),
    "gif": (lambda: drawn("GIF"), "image/gif", Kind.IMAGE),
    "webp": (lambda: drawn("WEBP"), "image/webp", Kind.IMAGE),
    "tiff": (lambda: drawn("TIFF"), "image/tiff", Kind.IMAGE),
    "bmp": (lambda: drawn("BMP"), "image/bmp", Kind.IMAGE),
    "avif": (lambda: drawn("AVIF"), "image/avif", Kind.IMAGE),
    "ico": (lambda: drawn("ICO"), "image/vnd.microsoft.icon", Kind.UNSUPPORTED),
    "icns": (lambda: drawn("ICNS"), "image/x-icns", Kind.UNSUPPORTED),
    "jp2": (lambda: drawn("JPEG2000"), "image/jp2", Kind.UNSUPPORTED),
    "pcx": (lambda: drawn("PCX"), "image/vnd.zbrush.pcx", Kind.UNSUPPORTED),
    "dds": (lambda: drawn("DDS"), "image/vnd-ms.dds", Kind.UNSUPPORTED),
    "ppm": (lambda: drawn("PPM"), "image/x-portable-anymap", Kind.UNSUPPORTED),
    "pfm": (lambda: drawn("PPM", "F"), "image/x-portable-anymap", Kind.UNSUPPORTED),
    "eps": (lambda: drawn("EPS"), "application/postscript", Kind.UNSUPPORTED),
    "zip": (archive, "application/zip", Kind.UNSUPPORTED),
    "tar": (tape, "application/x-tar", Kind.UNSUPPORTED),
    "gzip": (lambda: gzip.compress(b"words"), "application/gzip", Kind.UNSUPPORTED),
    "bzip2": (lambda: bz2.compress(bytes(900)), "application/x-bzip2", Kind.UNSUPPORTED),
    "xz": (lambda: lzma.compress(b"words"), "application/x-xz", Kind.UNSUPPORTED),
    "wav": (sound, "audio/wav", Kind.UNSUPPORTED),
    "sqlite": (database, "application/vnd.sqlite3", Kind.UNSUPPORTED),
    "numpy": (lambda: to_buffer(lambda out: np.save(out, np.eye(3))), "application/x-numpy",
              Kind.UNSUPPORTED),
    "plist": (lambda: plistlib.dumps({"a": 1}, fmt=plistlib.FMT_BINARY), "application/x-bplist",
              Kind.UNSUPPORTED),
    "pdf": ((FIXTURES / "documents" / "letter.pdf").read_bytes, "application/pdf",
            Kind.TEXT),
    "docx": ((FIXTURES / "documents" / "letter.docx").read_bytes, WORD, Kind.TEXT),
    "xlsx": ((FIXTURES / "documents" / "sheet.xlsx").read_bytes, "application/zip",
             Kind.UNSUPPORTED),
    "eml": ((FIXTURES / "documents" / "letter.eml").read_bytes, "message/rfc822",
            Kind.TEXT),
    "html": ((FIXTURES / "documents" / "page.html").read_bytes, "text/html", Kind.TEXT),
    "markdown": (lambda: b"---\ntitle: x\n---\nWords.\n", "text/markdown", Kind.TEXT),
    "svg": (lambda: b'<?xml version="1.0"?><!-- x --><svg xmlns="http://www.w3.org/2000/svg"/>',
            "image/svg+xml", Kind.IMAGE),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_what_programs_write_is_known(name: str) -> None:
    make, media_type, kind = MADE[name]
    said = sniff(make())
    assert (said.name, said.kind) == (media_type, kind)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ELF is Linux's")
def test_a_program_is_known() -> None:
    assert sniff(Path(sys.executable).read_bytes()).name == "application/x-elf"


@pytest.mark.parametrize(("offset", "magic", "media_type", "what"), FOREIGN)
def test_no_row_is_hidden_by_one_before_it(
    offset: int, magic: bytes, media_type: str, what: str
) -> None:
    said = sniff(bytes(offset) + magic + b"\1" * 64)
    assert (said.name, said.kind) == (media_type, Kind.UNSUPPORTED)
    assert said.reason is not None
    assert said.reason.args["looks"] == what


@pytest.mark.parametrize(("magic", "media_type"), PICTURES)
def test_no_picture_is_hidden_by_one_before_it(magic: bytes, media_type: str) -> None:
    assert sniff(magic + bytes(64)).name == media_type


@pytest.mark.parametrize("brand", BRANDS)
def test_a_still_picture_is_known_by_any_of_its_brands(brand: bytes) -> None:
    for brands in (brand + bytes(4), b"zzzz" + bytes(4) + b"yyyy" + brand):
        head = struct.pack(">I", 8 + len(brands)) + b"ftyp" + brands
        assert sniff(head + bytes(64)).name == BRANDS[brand]


@pytest.mark.parametrize("kind", ISO)
def test_a_film_is_known_by_its_first_box(kind: bytes) -> None:
    assert sniff(struct.pack(">I", 24) + kind + b"isom" + bytes(60)).name == "video/mp4"


@pytest.mark.parametrize("form", [*RIFF, b"ACON"])
def test_riff_is_told_by_its_form(form: bytes) -> None:
    name = RIFF.get(form, ("application/x-riff",))[0]
    assert sniff(b"RIFF" + struct.pack("<I", 60) + form + bytes(60)).name == name


PROSE = (
    "The free press wrote of it, and nobody else did.",
    "Add wide margins, and print it on one side.",
    "The jumbo jet came down at noon.",
    "You skip the first of them.",
    "MMORPG players met in the park.",
    "IIRS said so, and IIRO agreed.",
    "RIFF is a container, and WAVE lies in it.",
    "RIFF or WEBP, it is all the same to me.",
    "GGUF models are smaller, OggS is older.",
    "ID3 tags are what I mean.",
    "icns and gimp xcf are pictures.",
    "gimp xcf is a picture too.",
    "PAR1 and wOF2 are four letters each.",
    "P2 2024 was the better half of the year.",
    "P7 is where we meet.",
)


@pytest.mark.parametrize("text", PROSE)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_prose_may_begin_with_the_letters_of_a_format(text: str, encoding: str) -> None:
    data = f"{text}\nC'est déjà l'été, dit-elle.\n".encode(encoding)
    assert sniff(data).kind is Kind.TEXT


@given(st.text(st.sampled_from("aeiou TMGRIF 12.,"), min_size=4, max_size=4),
       st.sampled_from(["free", "wide", "skip", "jumb"]))  # fmt: skip
def test_a_word_at_the_fifth_letter_makes_no_film(before: str, word: str) -> None:
    assert sniff(f"{before}{word} is what it says.".encode()).kind is Kind.TEXT
