"""Marks are found in their fields, innocent pictures are left alone, and no file takes long."""

import io
import json
import os
import struct
import subprocess
import sys
import tomllib
import zlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from detectors.errors import ConfigError
from detectors.item import Item
from detectors.metadata.detector import Metadata
from detectors.metadata.rules import RULES
from detectors.signal import Claim, Outcome, Signal

FIXTURES = Path(__file__).parents[2] / "fixtures"
TRUTH = tomllib.loads((FIXTURES / "marks.toml").read_text("utf-8"))
PICTURES = sorted(path for path in (FIXTURES / "marks").rglob("*") if path.is_file())
TRAPS = [path for path in PICTURES if path.parent.name == "traps"]
ROOM = files("detectors.metadata")
TABLE = tomllib.loads(ROOM.joinpath("marks.toml").read_text("utf-8"))
SENTENCES = tomllib.loads(ROOM.joinpath("en.toml").read_text("utf-8"))
METADATA = Metadata({})
PNG = (FIXTURES / "marks/a1111.png").read_bytes()
JPEG = (FIXTURES / "marks/traps/comment.jpg").read_bytes()
RECIPE = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1234, Size: 512x512"


def look(data: bytes) -> list[Signal]:
    return METADATA.inspect(Item("x", lambda: data))


def codes(data: bytes) -> list[str]:
    return [signal.reason.code for signal in look(data)]


def chunk(tag: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))


def png(*chunks: bytes) -> bytes:
    head, pixels = PNG[:33], PNG[PNG.index(b"IDAT") - 4 :]
    return head + b"".join(chunks) + pixels


def jpeg_xmp(packet: bytes) -> bytes:
    return JPEG[:2] + app1(b"http://ns.adobe.com/xap/1.0/\0" + packet) + JPEG[2:]


def app1(data: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_a_picture_says_what_the_manifest_says(path: Path) -> None:
    said = look(path.read_bytes())
    rows = TRUTH[str(path.relative_to(FIXTURES))]
    kept = [{key: getattr(signal, key) for key in row} for row in rows for signal in said]
    assert [row for row in rows if row not in kept] == []
    for signal in said:
        assert SENTENCES[signal.reason.code].format(**signal.reason.args)
        assert signal.log10_lr is None
        if signal.outcome is Outcome.FINDING:
            assert len(signal.facts["value"]) <= 200
            assert signal.facts["field"] == signal.reason.args["field"]
        msgspec.json.encode(signal)


@pytest.mark.parametrize("path", TRAPS, ids=lambda path: path.name)
def test_innocent_pictures_are_not_accused(path: Path) -> None:
    assert [signal.outcome for signal in look(path.read_bytes())] == [Outcome.CLEAR]


def test_every_row_has_a_picture_a_source_and_a_rule() -> None:
    seen = {signal.facts.get("mark") for path in PICTURES for signal in look(path.read_bytes())}
    for row in TABLE["mark"]:
        assert row["id"] in seen
        assert row["source"]
        assert row["risk"]
        assert row["log10_lr"] == "unmeasured" or row["log10_lr"] > 0
        assert all(when["rule"] in RULES for when in row["when"])
    assert len({row["id"] for row in TABLE["mark"]}) == len(TABLE["mark"])


def test_the_pictures_are_made_the_same_again(tmp_path: Path) -> None:
    make = "import marks, pathlib, sys; marks.make(pathlib.Path(sys.argv[1]))"
    env = os.environ | {"PYTHONPATH": str(FIXTURES)}
    subprocess.run([sys.executable, "-c", make, tmp_path], env=env, check=True)
    again = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert again == {path.relative_to(FIXTURES / "marks"): path.read_bytes() for path in PICTURES}
    assert max(map(len, again.values())) < 6_000


def test_a_writer_speaks_once_and_the_program_is_named_where_it_is_certain() -> None:
    both = look((FIXTURES / "marks/comfyui.png").read_bytes())
    assert [signal.facts["tool"] for signal in both] == ["ComfyUI"]
    assert both[0].reason.args["value"].startswith("KSampler, CheckpointLoaderSimple")
    saver = look((FIXTURES / "marks/comfyui_saver.png").read_bytes())
    assert [signal.source for signal in saver] == ["metadata:ComfyUI", "metadata:PNG parameters"]
    assert "tool" not in saver[1].facts


def test_a_sentence_shows_the_settings_and_not_the_prompt() -> None:
    said = look(png(chunk(b"tEXt", b"parameters\0a red\nfox\n" + RECIPE.encode())))[0]
    assert said.reason.args["value"] == f"{RECIPE[:60]}…"
    assert said.facts["value"].startswith("a red\nfox")


def test_camera_fields_are_facts_and_claim_nothing() -> None:
    said = look((FIXTURES / "marks/traps/camera.jpg").read_bytes())
    assert [signal.claim for signal in said] == [None]
    assert said[0].reason.args == {"camera": "Canon EOS R6"}
    assert said[0].facts["camera"]["taken"] == "2026:05:01 10:00:00"
    assert "software" not in said[0].facts["camera"]
    phone = look((FIXTURES / "marks/traps/phone.jpg").read_bytes())
    assert phone[0].reason.args == {"camera": "Apple iPhone 16"}


def test_graphs_in_camera_fields_are_no_camera() -> None:
    said = look((FIXTURES / "marks/comfyui_exif.webp").read_bytes())
    assert "camera" not in said[0].facts


@pytest.mark.parametrize("form", ["AVIF", "TIFF", "PNG", "WEBP"])
def test_exif_and_xmp_that_a_library_writes_are_read(form: str) -> None:
    exif = Image.Exif()
    exif[0x0131] = "NovelAI Diffusion V4"
    out = io.BytesIO()
    Image.linear_gradient("L").resize((16, 16)).convert("RGB").save(out, form, exif=exif)
    assert codes(out.getvalue()) == ["metadata.generated_by"]


def test_iim_of_a_tiff_and_raw_profiles_of_imagemagick_are_read() -> None:
    credit = b"\x1c\x02\x6e\0\x13Made with Google AI"
    resource = b"8BIM\4\4\0\0" + struct.pack(">I", len(credit)) + credit
    for tag, value in ((0x83BB, credit), (0x8649, resource)):
        out = io.BytesIO()
        Image.new("L", (8, 8)).save(out, "TIFF", tiffinfo={tag: value})
        assert codes(out.getvalue()) == ["metadata.generated_by"]
    exif = Image.Exif()
    exif[0x0131] = "Fooocus v2.1"
    xmp = (FIXTURES / "marks/iptc.svg").read_bytes()
    for kind, raw in (("iptc", resource), ("8bim", credit), ("exif", exif.tobytes()), ("xmp", xmp)):
        body = f"Raw profile type {kind}\0\0".encode()
        text = f"\n{kind}\n{len(raw):8}\n{raw.hex()}\n".encode()
        said = codes(png(chunk(b"zTXt", body + zlib.compress(text))))
        assert said[0].startswith("metadata.generated")
    assert codes(png(chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 4\nno hex"))) == [
        "metadata.clear"
    ]


def test_hidden_data_is_found_through_every_png_filter() -> None:
    size = 130
    bits = "".join(f"{byte:08b}" for byte in b"stealth_pngcomp").ljust(size, "0")
    picture = Image.linear_gradient("L").resize((4, size)).convert("RGBA")
    for y in range(size):
        picture.putpixel((0, y), (y, 2 * y % 256, 90, 254 | int(bits[y])))
    for kind in range(5):
        rows = filtered(picture.tobytes(), 4 * 4, kind)
        head = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, size, 8, 6, 0, 0, 0))
        packed = zlib.compress(rows)
        body = chunk(b"IDAT", packed[:50]) + chunk(b"IDAT", packed[50:])
        made = PNG[:8] + head + body + chunk(b"IEND", b"")
        assert Image.open(io.BytesIO(made)).tobytes() == picture.tobytes()
        assert [signal.facts["value"] for signal in look(made)] == ["stealth_pngcomp"]
        assert codes(PNG[:8] + head + chunk(b"IDAT", packed[:9])) == ["metadata.clear_in_part"]


def filtered(pixels: bytes, stride: int, kind: int) -> bytes:
    """Return the rows of an RGBA picture under one PNG filter."""
    rows, above = b"", bytes(stride)
    for start in range(0, len(pixels), stride):
        line = pixels[start : start + stride]
        out = bytearray([kind])
        for at, byte in enumerate(line):
            left, up = (line[at - 4] if at >= 4 else 0), above[at]
            corner = above[at - 4] if at >= 4 else 0
            guess = left + up - corner
            near = min((left, up, corner), key=lambda each: abs(guess - each))
            out.append((byte - (0, left, up, (left + up) // 2, near)[kind]) & 255)
        rows, above = rows + bytes(out), line
    return rows


def test_rows_too_wide_or_too_few_are_not_searched_for_hidden_data() -> None:
    for width, height in ((70_000, 120), (200, 0), (2, 60), (1, 1)):
        head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
        assert codes(PNG[:8] + head + chunk(b"IEND", b"")) == ["metadata.clear"]


BOM = "\ufeff"


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [RECIPE, BOM + RECIPE, "狐" * 3 + "\n" + RECIPE])
def test_user_comments_are_read_whatever_their_byte_order(order: str, text: str) -> None:
    raw = b"UNICODE\0" + text.encode(order)
    value = struct.pack(">HHHII", 1, 0x9286, 7, len(raw), 26) + bytes(4)
    tiff = b"MM\0*" + struct.pack(">I", 8) + value + raw
    if text.startswith(BOM):
        assert look(JPEG[:2] + app1(b"Exif\0\0" + tiff) + JPEG[2:])[0].outcome is Outcome.FINDING
    else:
        assert codes(png(chunk(b"eXIf", tiff))) == ["metadata.generated"]


def test_labels_and_graphs_of_the_wrong_shape_claim_nothing() -> None:
    wrong = [
        b"AIGC\0" + json.dumps(value).encode()
        for value in ({"Label": "1"}, {"AIGC": []}, {"Label": ["1"], "ProduceID": "p"}, [])
    ] + [
        b"workflow\0" + json.dumps(value).encode()
        for value in (
            {"nodes": [{"type": "KSampler"}]},
            {"links": [], "nodes": {"type": "KSampler"}},
            {"links": [], "nodes": [1, {"type": 2}], "definitions": {"subgraphs": [3]}},
            {"prompt": {"1": {"class_type": 1}}},
        )
    ]
    for body in wrong:
        assert codes(png(chunk(b"tEXt", body))) == ["metadata.clear"]


def test_a_subgraph_counts_as_part_of_its_graph() -> None:
    inner = {"subgraphs": [{"nodes": [{"type": "KSampler"}]}]}
    drawn = {"links": [], "nodes": [{"type": "0a1b"}], "definitions": inner}
    said = look(png(chunk(b"tEXt", b"workflow\0" + json.dumps(drawn).encode())))
    assert [signal.claim for signal in said] == [Claim.AI_GENERATED]


def test_values_carry_no_lone_surrogates() -> None:
    text = '{"AIGC": {"Label": 1, "ProduceID": "\ud800"}}'.encode("utf-16-be", "surrogatepass")
    raw = b"UNICODE\0" + text
    value = struct.pack(">HHHII", 1, 0x9286, 7, len(raw), 26) + bytes(4)
    tiff = b"MM\0*" + struct.pack(">I", 8) + value + raw
    said = look(png(chunk(b"eXIf", tiff)))[0]
    assert said.claim is Claim.AI_GENERATED
    msgspec.json.encode(said)


@cache
def bombs() -> dict[str, bytes]:
    parameters = b"parameters\0\0" + zlib.compress(bytes(200_000_000))
    deep = b'{"a":' * 50_000
    levels = b"XML:com.adobe.xmp\0\0\0\0\0" + b"<a>" * 100_000
    laughs = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    wild = b"MM\0*" + struct.pack(">IHHHII", 8, 65_535, 0x010E, 2, 0xFFFFFFFF, 0xFFFFFFF0)
    loop = b"II*\0" + struct.pack("<IHHHII", 8, 1, 0x8769, 4, 1, 8) + struct.pack("<I", 8)
    xmp = b"http://ns.adobe.com/xap/1.0/\0"
    steps = b"parameters\0" + b"Steps: 1\n" * 900_000
    many = b"".join(app1(b"Exif\0\0" + wild) for _ in range(3_000))
    big = b"II*\0" + struct.pack("<IH", 8, 4_000)
    big += struct.pack("<HHII", 0x010E, 2, 40_000_000, 48_014) * 4_000 + bytes(40_000_100)
    return {
        "zTXt": png(chunk(b"zTXt", parameters)),
        "json": png(chunk(b"tEXt", b"prompt\0" + deep)),
        "xmp levels": png(chunk(b"iTXt", levels)),
        "xmp entities": JPEG[:2] + app1(xmp + laughs) + JPEG[2:],
        "xmp packets": JPEG[:2] + app1(xmp + b"<a/>") * 120 + JPEG[2:],
        "exif counts": png(chunk(b"eXIf", wild)),
        "exif loop": png(chunk(b"eXIf", loop)),
        "exif blocks": JPEG[:2] + many + JPEG[2:],
        "exif texts": big,
        "chunks": png(chunk(b"tEXt", b"Title\0x") * 8_000),
        "values": png(chunk(b"tEXt", b"parameters\0x") * 8_000),
        "lines": png(chunk(b"tEXt", steps)),
        "svg": b"<svg>" + b"<g>" * 20_000 + b"<rdf:RDF/>",
        "seft": JPEG + b"SEFH" + bytes(4) + b"\xff" * 40 + struct.pack("<I", 48) + b"SEFT",
    }


@pytest.mark.parametrize("data", bombs().values(), ids=list(bombs()))
def test_bombs_end_without_a_mark(data: bytes) -> None:
    said = look(data)
    assert [signal.claim for signal in said] == [None]
    assert len(said) == 1


def test_what_was_left_unread_is_not_called_clear() -> None:
    kinds = bombs()
    for name in ("zTXt", "xmp levels", "xmp packets", "exif blocks", "exif texts", "values"):
        assert codes(kinds[name]) == ["metadata.over_limit"]
    assert codes(PNG[:12]) == ["metadata.unreadable"]
    assert codes((FIXTURES / "marks/iptc.avif").read_bytes()[:-200]) == ["metadata.clear_in_part"]


@given(st.sampled_from(PICTURES), st.data())
def test_changed_files_never_raise(path: Path, draw: st.DataObject) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(draw.draw(st.integers(1, 12))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(0, len(data)))
    for changed in (bytes(data), bytes(data[:cut])):
        for signal in look(changed):
            msgspec.json.encode(signal)


@given(
    st.sampled_from([b"\xff\xd8\xff", PNG[:33], b"RIFF\0\0\1\0WEBP", b"GIF89a", b"II*\0"]),
    st.binary(),
)
def test_random_bytes_never_raise(head: bytes, tail: bytes) -> None:
    assert look(head + tail)


def test_there_is_nothing_to_set() -> None:
    with pytest.raises(ConfigError, match="takes no options"):
        Metadata({"threshold": 1})


RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
PACKET = f'<x xmlns="adobe:ns:meta/"><rdf:RDF {RDF}><rdf:Description %s/></rdf:RDF></x>'
LONG = "u" * 400_000
MANY = " ".join(f'a:x{n}=""' for n in range(20_000))
LONG_NAMES = (PACKET % f'xmlns:a="{LONG}" {MANY}').encode()
PROFILE = b"Raw profile type xmp\0\0" + zlib.compress(b"\nxmp\n1\n" + LONG_NAMES.hex().encode())
DIGEST = b"0" * 32
NOTE = f'xmlns:n="http://ns.adobe.com/xmp/note/" n:HasExtendedXMP="{DIGEST.decode()}"'
EXTENDED = app1(b"http://ns.adobe.com/xap/1.0/\0" + (PACKET % NOTE).encode())


def in_pieces(packet: bytes) -> bytes:
    step, head = 60_000, b"http://ns.adobe.com/xmp/extension/\0" + DIGEST
    return b"".join(
        app1(head + struct.pack(">II", len(packet), at) + packet[at : at + step])
        for at in range(0, len(packet), step)
    )


@pytest.mark.parametrize(
    "data",
    [
        png(chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(LONG_NAMES))),
        png(chunk(b"zTXt", PROFILE)),
        b'<svg xmlns="http://www.w3.org/2000/svg"><metadata>' + LONG_NAMES + b"</metadata></svg>",
        JPEG[:2] + EXTENDED + in_pieces(LONG_NAMES) + JPEG[2:],
    ],
    ids=["png", "raw profile", "svg", "jpeg extension"],
)
def test_a_namespace_too_long_to_stand_before_every_name_is_a_limit_and_not_clear(
    data: bytes,
) -> None:
    assert codes(data) == ["metadata.over_limit"]


def test_malformed_xmp_is_read_as_far_as_it_goes_and_never_called_clear() -> None:
    head = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf'
    )
    begin = head + b'-syntax-ns#"><rdf:Description>'
    undeclared = begin + b"<Iptc4xmpExt:DigitalSourceType>x/trainedAlgorithmicMedia"
    for rest in (b"</Iptc4xmpExt:DigitalSourceType>", b"</Iptc4xmpExt:DigitalSourceType>\0\1&<"):
        assert codes(jpeg_xmp(undeclared + rest)) == ["metadata.generated"]
    said = codes(jpeg_xmp(begin + b"<dc:title>Tom & Jerry</dc:title>"))
    assert said == ["metadata.clear_in_part"]


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_data_hidden_in_colours_or_alpha_is_found_in_every_format_without_loss(
    form: str, mode: str
) -> None:
    word = b"stealth_pngcomp" if mode == "RGBA" else b"stealth_rgbcomp"
    bits = [int(bit) for byte in word for bit in f"{byte:08b}"]
    image = Image.new(mode, (40, 90), (200, 120, 60, 254)[: len(mode)])
    step = 1 if mode == "RGBA" else 3
    for at in range(0, len(bits), step):
        x, y = divmod(at // step, 90)
        pixel = list(image.getpixel((x, y)))
        for offset, bit in enumerate(bits[at : at + step]):
            channel = 3 if mode == "RGBA" else offset
            pixel[channel] = pixel[channel] & 254 | bit
        image.putpixel((x, y), tuple(pixel))
    out = io.BytesIO()
    image.save(out, form, lossless=True, exact=True)
    said = look(out.getvalue())
    assert [signal.facts.get("mark") for signal in said] == ["stealth"]
    image.resize((80, 180)).save(out := io.BytesIO(), form, lossless=True)
    assert [signal.facts.get("mark") for signal in look(out.getvalue())] == [None]


def says(field: str, text: str) -> list[Signal]:
    """What is said of a JPEG with one property in its XMP."""
    return look(jpeg_xmp(
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
        b'syntax-ns#" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        b'xmlns:xmp="http://ns.adobe.com/xap/1.0/"><rdf:Description>'
        + f"<{field}>{text}</{field}></rdf:Description></rdf:RDF></x:xmpmeta>".encode()
    ))  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "None", "N.A.", "AI was not used", "Created without AI", "AI-free",
        "None (camera original)",
        "none - original photograph", "\u2014", "?", "AI used: none", "KI nicht verwendet",
        "Es wurde keine KI verwendet", "Nenhum sistema de IA", "IA non utilis\u00e9e", "n.v.t.",
        "teko\u00e4ly\u00e4 ei k\u00e4ytetty", "\u0431\u0435\u0437 \u0418\u0418",
        "AI\u4e0d\u4f7f\u7528",
        "yapay zeka kullan\u0131lmad\u0131", "\uc0ac\uc6a9\ud558\uc9c0 \uc54a\uc74c",
        "Taken by a human photographer, no AI used", "Original photo",
    ],
)  # fmt: skip
def test_a_field_that_denies_ai_is_no_declaration(text: str) -> None:
    assert [signal.claim for signal in says("Iptc4xmpExt:AISystemUsed", text)] == [None]


@pytest.mark.parametrize(
    "text",
    [
        "Midjourney v6", "Noise Generative Model X", "NotebookLM", "Non-linear Labs AI",
        "Notion AI", "Image generated with Midjourney, no human photographer", "Yes", "Kling",
    ],
)  # fmt: skip
def test_a_field_that_names_a_system_is_one(text: str) -> None:
    signals = says("Iptc4xmpExt:AISystemUsed", text)
    assert [signal.claim for signal in signals] == [Claim.AI_GENERATED]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Midjourney v6.1", True), ("Generated by DALL-E 3", True), ("HiDream-I1-Full", True),
        ("Seedream 4.0", True), ("FLUX.1 [dev]", True), ("Stable Diffusion XL", True),
        ("Ideogram 2.0", True), ("Imagen AI", False), ("Luminar AI", False),
        ("Topaz Photo AI", False),
        ("Firefly 8S", False), ("Midjourney news reader", False), ("Adobe Photoshop 26.1", False),
        ("Reve de Paris", False), ("Leonardo Rossi", False), ("Grok the docs", False),
    ],
)  # fmt: skip
def test_a_generator_is_named_with_versions_and_variants(text: str, named: bool) -> None:
    claims = [signal.claim for signal in says("xmp:CreatorTool", text)]
    assert claims == ([Claim.AI_GENERATED] if named else [None])


@pytest.mark.parametrize(
    "block",
    [
        b"MM\0*\0\0\0\x08\0\x02",  # cut in its directory
        b"MM\0*\0\xff\0\0" + bytes(8),  # the directory lies outside
        b"MM\0*\0\0\0\x08\0\x01\x01\x0f\0\x02\0\0\0\x09\0\0\xff\xff" + bytes(4),  # a value does
        b"XX\0*\0\0\0\x08" + bytes(8),  # no byte order
    ],
)
def test_malformed_exif_is_never_called_clear(block: bytes) -> None:
    assert codes(JPEG[:2] + app1(b"Exif\0\0" + block) + JPEG[2:]) == ["metadata.clear_in_part"]
    assert codes(png(chunk(b"eXIf", block))) == ["metadata.clear_in_part"]


@pytest.mark.parametrize(
    "damaged", [chunk(b"zTXt", b"parameters\0\0no zlib"), chunk(b"iTXt", b"parameters")]
)
def test_a_damaged_text_of_a_png_is_never_called_clear(damaged: bytes) -> None:
    assert codes(png(damaged)) == ["metadata.clear_in_part"]


def test_a_source_type_in_its_short_form_is_one() -> None:
    said = says("Iptc4xmpExt:DigitalSourceType", "digsrctype:trainedAlgorithmicMedia")
    assert [signal.claim for signal in said] == [Claim.AI_GENERATED]


LABEL = '{"Label": "1", "ContentProducer": "x", "ProduceID": "1"}'


@pytest.mark.parametrize("number", [0, 1, 2, 11, 13, 15])
@pytest.mark.parametrize(
    "written", [LABEL, "AIGC" + LABEL, "\0\0AIGC\0" + LABEL, '{"aigc": ' + LABEL + "}"]
)
def test_a_label_is_read_in_every_application_segment(number: int, written: str) -> None:
    data = written.encode()
    segment = bytes((0xFF, 0xE0 + number)) + struct.pack(">H", len(data) + 2) + data
    claims = [signal.claim for signal in look(JPEG[:2] + segment + JPEG[2:])]
    assert claims == [Claim.AI_GENERATED]


@pytest.mark.parametrize(
    "said",
    [
        {"data": json.dumps({"product": "dreamina", "exportType": "generation"})},
        {"source_info": json.dumps({"aigc_info": {"aigc_label_type": 1}})},
    ],
)
def test_json_in_a_text_of_json_is_read(said: dict[str, str]) -> None:
    found = look(png(chunk(b"tEXt", b"Comment\0" + json.dumps(said).encode())))
    assert [signal.claim for signal in found] == [Claim.AI_GENERATED]


RAN = {
    "1": {"class_type": "KSampler", "inputs": {}},
    "2": {"class_type": "SaveImage", "inputs": {}},
}
SCALED = {"1": {"class_type": "LoadImage", "inputs": {}}, "2": {"class_type": "SaveImage"}}
DRAWN = {
    "nodes": [{"id": 1, "type": "KSampler"}, {"id": 2, "type": "SaveImage"}],
    "links": [[1, 1, 0, 2, 0, "IMAGE"]],
}


@pytest.mark.parametrize(
    ("texts", "claims"),
    [
        ({"parameters": DRAWN}, [Claim.AI_GENERATED]),
        ({"extra_pnginfo": {"workflow": DRAWN}}, [Claim.AI_GENERATED]),
        ({"Comment": {"prompt": json.dumps(RAN), "workflow": "{}"}}, [Claim.AI_GENERATED]),
        ({"prompt": json.dumps(RAN)}, [Claim.AI_GENERATED]),
        ({"parameters": SCALED, "workflow": DRAWN}, [None]),
    ],
)
def test_a_graph_is_found_wherever_programs_put_it(
    texts: dict[str, Any], claims: list[Claim | None]
) -> None:
    chunks = (f"{key}\0{json.dumps(said)}".encode() for key, said in texts.items())
    found = look(png(*(chunk(b"tEXt", said) for said in chunks)))
    assert [signal.claim for signal in found] == claims


def test_a_lossless_webp_that_says_it_is_enormous_is_not_decoded() -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "WEBP", lossless=True)
    data = bytearray(file.getvalue())
    data[21:25] = (0x3FFF | 0x3FFF << 14).to_bytes(4, "little")
    assert {signal.outcome for signal in look(bytes(data))} == {Outcome.CLEAR}
