"""A manifest that verifiers take long over is not verified, and what it declares is still told."""

import base64
import io
import json
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from detectors.c2pa import cbor, jumbf
from detectors.c2pa.declaration import declared
from detectors.credentials.detector import Credentials
from detectors.decode.containers import may_hold_manifest, store_bytes, walk
from detectors.decode.sniff import sniff
from detectors.item import Item, Sidecar
from detectors.metadata.detector import Metadata
from detectors.signal import Claim, Outcome, Signal
from detectors.text_credentials.detector import TextCredentials

SIGNED = Path(__file__).parents[2] / "fixtures" / "signed"
TEXTS = Path(__file__).parents[2] / "fixtures" / "texts"
TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
AI = {
    "action": "c2pa.created",
    "digitalSourceType": TYPE + "trainedAlgorithmicMedia",
    "softwareAgent": {"name": "ExampleGen"},
}
DECLARES_AI = {"c2pa.actions.v2": {"actions": [AI]}}


def encoded(value: Any) -> bytes:
    """Return a value as CBOR."""

    def head(kind: int, size: int) -> bytes:
        return bytes([kind << 5 | 26]) + struct.pack(">I", size)

    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encoded, value))
    pairs = b"".join(encoded(key) + encoded(each) for key, each in value.items())
    return head(5, len(value)) + pairs


def box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", 8 + len(payload)) + kind + payload


def superbox(kind: bytes, label: str, *inside: bytes) -> bytes:
    uuid = kind + bytes.fromhex("00110010800000aa00389b71")
    return box(b"jumb", box(b"jumd", uuid + b"\3" + label.encode() + b"\0") + b"".join(inside))


def manifest(assertions: dict[str, Any], label: str = "urn:c2pa:example") -> bytes:
    """Return a manifest without a signature whose claim vouches for every assertion."""
    made = [
        superbox(b"cbor", name, box(b"cbor", encoded(said))) for name, said in assertions.items()
    ]
    urls = [{"url": f"self#jumbf=c2pa.assertions/{name}"} for name in assertions]
    claim = {"claim_generator_info": {"name": "Example App"}, "created_assertions": urls}
    return superbox(
        b"c2ma", label,
        superbox(b"c2as", "c2pa.assertions", *made),
        superbox(b"c2cl", "c2pa.claim.v2", box(b"cbor", encoded(claim))),
        superbox(b"c2cs", "c2pa.signature", box(b"cbor", encoded([]))),
    )  # fmt: skip


def store(*manifests: bytes) -> bytes:
    return superbox(b"c2pa", "c2pa", *manifests)


def ingredients(count: int) -> dict[str, Any]:
    said = {"relationship": "componentOf", "title": "t"}
    return {f"c2pa.ingredient.v3__{number}": said for number in range(count)}


MANY = store(manifest(DECLARES_AI | ingredients(jumbf.MOST_INGREDIENTS + 1)))
FEW = store(manifest(DECLARES_AI | ingredients(3)))


def drawn(form: str) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((24, 24)).convert("RGB").save(out, form)
    return out.getvalue()


def chunk(tag: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))


def png(held: bytes) -> bytes:
    whole = drawn("PNG")
    return whole[:33] + chunk(b"caBX", held) + whole[33:]


def jpeg(held: bytes) -> bytes:
    head, step = held[:8], 60_000
    body = b""
    for number, at in enumerate(range(8, len(held), step)):
        piece = b"JP\0\1" + struct.pack(">I", number + 1) + head + held[at : at + step]
        body += b"\xff\xeb" + struct.pack(">H", 2 + len(piece)) + piece
    return drawn("JPEG")[:2] + body + drawn("JPEG")[2:]


def gif(held: bytes) -> bytes:
    blocks = b"".join(
        bytes([len(held[at : at + 255])]) + held[at : at + 255] for at in range(0, len(held), 255)
    )
    whole = drawn("GIF")
    head = 13 + (3 << (whole[10] & 7) + 1)
    return whole[:head] + b"!\xff\x0bC2PA_GIF\1\0\0" + blocks + b"\0" + whole[head:]


def webp(held: bytes) -> bytes:
    body = (
        drawn("WEBP")[12:] + b"C2PA" + struct.pack("<I", len(held)) + held + b"\0" * (len(held) % 2)
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def svg(held: bytes) -> bytes:
    letters = base64.b64encode(held).decode()
    inner = f"<metadata><c2pa:manifest>{letters}</c2pa:manifest></metadata>"
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:c2pa="http://c2pa.org/manifest"'
    return f"<svg {spaces}>{inner}</svg>".encode()


def pdf(held: bytes) -> bytes:
    whole = (SIGNED / "ai.pdf").read_bytes()
    at = whole.index(b"jumb") - 4
    return whole[:at] + held + whole[at + int.from_bytes(whole[at : at + 4], "big") :]


PLACES = {"png": png, "jpeg": jpeg, "gif": gif, "webp": webp, "svg": svg, "pdf": pdf}


def look(data: bytes, sidecar: bytes | None = None) -> Signal:
    beside = None
    if sidecar is not None:
        beside = Sidecar(read=lambda: sidecar, name="a.c2pa", shared=False)
    (signal,) = Credentials({}).inspect(Item("a", lambda: data, sidecar=beside))
    return signal


def check_over_limit(said: Signal, code: str) -> None:
    assert (said.outcome, said.claim) == (Outcome.NOT_ASSESSED, None)
    assert said.reason.code == code
    args = {"what": "ingredients", "found": 1_001, "limit": 1_000, "by": "ExampleGen"}
    assert said.reason.args == args | {"also": ["credential.also.ai_generated"]}
    assert said.facts["ai"] == "generated"
    assert said.facts["verified"] is False


@pytest.mark.parametrize("form", PLACES)
def test_of_many_ingredients_the_declaration_is_told_unverified(form: str) -> None:
    began = time.process_time()
    said = look(PLACES[form](MANY))
    assert time.process_time() - began < 1
    check_over_limit(said, "credential.over_limit")
    assert said.facts["ai_path"]["softwareAgent"] == "ExampleGen"
    assert said.facts["generator"] == "Example App"
    assert look(PLACES[form](FEW)).reason.code != "credential.over_limit"


def test_beside_a_picture_they_are_counted_too() -> None:
    check_over_limit(look(drawn("PNG"), MANY), "credential.over_limit")


def wrapped(held: bytes) -> bytes:
    data = b"C2PATXT\0\1" + struct.pack(">I", len(held)) + held
    return (
        "Words.\ufeff" + "".join(chr(0xFE00 + b if b < 16 else 0xE00F0 + b) for b in data)
    ).encode()


def armoured(held: bytes) -> bytes:
    url = b"data:application/c2pa;base64," + base64.b64encode(held)
    return b"# Words\n-----BEGIN C2PA MANIFEST-----\n" + url + b"\n-----END C2PA MANIFEST-----\n"


def scripted(held: bytes) -> bytes:
    letters = base64.b64encode(held)
    return (
        b'<!DOCTYPE html><html><head><script type="application/c2pa">'
        + letters
        + b"</script></head></html>"
    )


@pytest.mark.parametrize("made", [wrapped, armoured, scripted, None])
def test_texts_are_held_to_the_same_limit(made: Callable[[bytes], bytes] | None) -> None:
    data = made(MANY) if made else b"Words of a text."
    beside = None if made else Sidecar(read=lambda: MANY, name="a.c2pa", shared=False)
    (said,) = TextCredentials({}).inspect(Item("a", lambda: data, sidecar=beside))
    check_over_limit(said, "text_credentials.over_limit")


@pytest.mark.parametrize(
    ("held", "what"),
    [
        (store(manifest(DECLARES_AI | {f"org.example.{n}": {} for n in range(2_100)})), "boxes"),
        (store(*(manifest(DECLARES_AI, f"urn:c2pa:{n}") for n in range(600))), "boxes"),
        (store(manifest(DECLARES_AI), box(b"free", bytes(jumbf.MOST_BYTES))), "bytes"),
    ],
    ids=["assertions", "manifests", "bytes"],
)
def test_other_ways_to_be_too_large_are_limits_too(held: bytes, what: str) -> None:
    said = look(png(held))
    assert said.reason.code == "credential.over_limit"
    assert said.reason.args["what"] == what


def test_the_command_says_what_was_not_verified(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(MANY))
    done = run("check", "--only", "credentials", "--format", "json", "a.jpg")
    assert done.returncode == 0
    assert json.loads(done.stdout)[0]["signals"][0]["facts"]["ai"] == "generated"
    shown = run("check", "--only", "credentials", "a.jpg").stdout
    assert "1001 ingredients" in " ".join(shown.split())
    assert "AI made it (ExampleGen)" in " ".join(shown.split())


@pytest.mark.parametrize("path", sorted(SIGNED.glob("ai*.*")), ids=lambda path: path.name)
def test_our_own_walk_reads_what_the_library_reads(path: Path) -> None:
    data = path.read_bytes()
    media_type = sniff(data).name or ""
    held = jumbf.active(store_bytes(data, media_type, walk(data, media_type)))
    ours = declared(held)
    said = Credentials({}).inspect(Item("a", lambda: data))[0].facts
    theirs = [row for row in said.get("actions", []) if "through" not in row]
    assert [action.source_type for action in ours.actions] == [
        row.get("digitalSourceType") for row in theirs
    ]
    assert next(iter(held["manifests"].values()))["claim_version"] == said["claim_version"]


@given(st.binary(max_size=200), st.integers(0, len(FEW)), st.integers(0, 40))
def test_no_bytes_raise(noise: bytes, at: int, cut: int) -> None:
    data = FEW[:at] + noise + FEW[at + cut :]
    jumbf.excess(data)
    declared(jumbf.active(data))


@given(st.binary(max_size=60))
def test_cbor_is_read_or_refused(data: bytes) -> None:
    try:
        cbor.decoded(data)
    except ValueError:
        return


@pytest.mark.parametrize(
    "data",
    [b"\x81" * 100_000, b"\x9f" * 50, b"\x9f" + b"\0" * 200_000 + b"\xff", b"\xbf\x80\0\xff", b""],
)
def test_cbor_that_is_deep_long_or_broken_is_refused_at_once(data: bytes) -> None:
    began = time.process_time()
    with pytest.raises(ValueError, match="CBOR"):
        cbor.decoded(data)
    assert time.process_time() - began < 1


# RFC 8949, appendix A.
VECTORS = {
    "00": 0, "1818": 24, "1b000000e8d4a51000": 1_000_000_000_000, "20": -1, "3903e7": -1000,
    "f90000": 0.0, "fb3ff199999999999a": 1.1, "f4": False, "f5": True, "f6": None, "f7": None,
    "c11a514b67b0": 1363896240, "4401020304": b"\1\2\3\4", "6449455446": "IETF",
    "62c3bc": "\u00fc", "8301820203820405": [1, [2, 3], [4, 5]], "a201020304": {1: 2, 3: 4},
    "5f42010243030405ff": b"\1\2\3\4\5", "9f018202039f0405ffff": [1, [2, 3], [4, 5]],
    "bf61610161629f0203ffff": {"a": 1, "b": [2, 3]}, "f0": None,
}  # fmt: skip


@pytest.mark.parametrize("written", VECTORS)
def test_the_examples_of_the_standard_are_read(written: str) -> None:
    assert cbor.decoded(bytes.fromhex(written)) == VECTORS[written]


SHORT = {
    "png": drawn("PNG")[:8] + chunk(b"tEXt", b"a\0b") * 100_001,
    "gif": b"GIF89a" + bytes(7) + b"!\xfe\1a\0" * 50_001,
    "avif": box(b"ftyp", b"avif\0\0\0\0") + box(b"moov", box(b"free", b"") * 5_001),
}
HOLDERS = {
    "png": chunk(b"caBX", FEW),
    "gif": b"!\xff\x0bC2PA_GIF\1\0\0\1x\0",
    "avif": box(b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + FEW),
}


@pytest.mark.parametrize("form", SHORT)
def test_a_file_of_many_pieces_goes_to_no_verifier(form: str) -> None:
    many = SHORT[form]
    assert not may_hold_manifest(many, f"image/{form}")
    said = look(many + HOLDERS[form])
    assert said.reason.code == "credential.over_limit"
    assert said.reason.args["what"] == "pieces"
    assert look(many).facts == {"state": "absent"}


PAIRED = Path(__file__).parents[2] / "fixtures/signed/paired.jpg"
LABEL = '{"Label": "1", "ContentProducer": "x"}'
CREATED = {"actions": [{"action": "c2pa.created", "digitalSourceType": "trainedAlgorithmicMedia"}]}


@pytest.mark.parametrize("wrap", [png, jpeg, gif, webp, svg])
def test_a_manifest_that_cannot_be_read_still_tells_what_it_declares(
    wrap: Callable[[bytes], bytes],
) -> None:
    said = look(wrap(store(manifest({"c2pa.actions.v2": CREATED}))))
    assert said.outcome is Outcome.NOT_ASSESSED
    assert said.reason.code == "credential.unreadable"
    assert (said.facts["ai"], said.facts["verified"]) == ("generated", False)
    assert said.reason.args["also"] == ["credential.also.ai_generated"]


def test_so_does_one_beside_the_picture() -> None:
    held = store(manifest({"c2pa.actions.v2": CREATED}))
    said = look(PAIRED.read_bytes(), held)
    assert (said.facts["state"], said.facts["ai"]) == ("unreadable", "generated")


@pytest.mark.parametrize(
    ("name", "value", "claims"),
    [
        ("photoshop:Credit", "Made with Google AI", [Claim.AI_GENERATED]),
        ("Iptc4xmpExt:AISystemUsed", "None", [None]),
        ("tiff:Software", "Midjourney v6", [Claim.AI_GENERATED]),
        ("dc:description", {"x-default": LABEL}, [Claim.AI_GENERATED]),
        ("tiff:Make", "Canon", [None]),
    ],
)
@pytest.mark.parametrize("label", ["cawg.metadata", "stds.exif"])
def test_metadata_that_a_credential_signs_is_read_like_other_metadata(
    label: str, name: str, value: Any, claims: list[Claim | None]
) -> None:
    held = jpeg(store(manifest({label: {"@context": {}, name: value}})))
    assert [signal.claim for signal in Metadata({}).inspect(Item("a.jpg", lambda: held))] == claims
