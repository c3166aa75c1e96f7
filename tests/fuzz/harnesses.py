"""One harness a parser: files to begin with, what reads them, and how it may refuse.

A harness takes bytes. It returns, or raises what the parser says it raises; anything else, and more
CPU seconds than `SECONDS`, is a finding. `test_harnesses.py` tries a few mutants of each with every
run of the tests, `run.py` as many as there is time for.
"""

import json
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import audited

from detectors.c2pa import cbor, declaration, jumbf, validation
from detectors.decode.containers import may_hold_manifest, store_bytes, walk
from detectors.decode.headers import gif_frames, jpeg_header, plain_png, tiff_pages, webp_header
from detectors.decode.sniff import sniff
from detectors.decode.untrusted import MALFORMED
from detectors.errors import CannotAssess, Error
from detectors.item import Item, Kind

if TYPE_CHECKING:
    from detectors.bank.entry import Entry

FIXTURES = Path(__file__).parents[2] / "fixtures"
SECONDS = 5.0
"""CPU seconds of one input: what opening an item may take in the engine."""
LARGEST = 64 << 10
"""Bytes of a file to begin with: mutants of large ones spend their time on copying."""
DAY = datetime(2026, 11, 24, tzinfo=UTC)


class Harness(NamedTuple):
    """A parser under test."""

    look: Callable[[bytes], object]
    corpus: Callable[[], list[bytes]]
    refuses: tuple[type[Exception], ...] = ()
    """What the parser says it raises."""


def files(*patterns: str) -> Callable[[], list[bytes]]:
    """Return a corpus of fixtures that are not large."""

    def read() -> list[bytes]:
        paths = sorted({path for pattern in patterns for path in FIXTURES.glob(pattern)})
        small = [path for path in paths if path.is_file() and path.stat().st_size <= LARGEST]
        return [path.read_bytes() for path in small]

    return read


def written(*texts: str) -> Callable[[], list[bytes]]:
    """Return a corpus of texts."""
    return lambda: [text.encode("utf-8", "surrogatepass") for text in texts]


PICTURES = files("marks/*", "signed/*.*")
KNOWN: dict[bytes, str] = {
    b"\xff\xd8": "image/jpeg", b"\x89P": "image/png", b"GI": "image/gif", b"RI": "image/webp",
    b"II": "image/tiff", b"MM": "image/tiff", b"<s": "image/svg+xml",
    b"8B": "image/vnd.adobe.photoshop", b"FU": "image/x-fuji-raf", b"\xff\n": "image/jxl",
}  # fmt: skip


def kind_of(data: bytes) -> str | None:
    """Return a media type by the first bytes alone, so that no mutant of the rest loses it."""
    if data[4:8] in (b"ftyp", b"JXL "):
        return "image/avif" if data[4:8] == b"ftyp" else "image/jxl"
    return KNOWN.get(data[:2])


def cameras() -> list[bytes]:
    """Return files of the formats that no fixture has: Photoshop, RAF, CR3."""
    resource = b"8BIM\4\x24\0\0\0\0\0\4<x/>"
    photoshop = b"8BPS\0\1".ljust(30, b"\0") + len(resource).to_bytes(4, "big") + resource
    jpeg = (FIXTURES / "signed" / "resaved.jpg").read_bytes()
    raf = b"FUJIFILMCCD-RAW ".ljust(86, b"\0") + b"\0\x64" + len(jpeg).to_bytes(4, "big")
    canon = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48") + b"\0\0\0\x10CMT1II*\0\0\0\0\0"
    movie = b"\0\0\0\x30moov\0\0\0\x28uuid" + canon
    cr3 = b"\0\0\0\x14ftypcrx \0\0\0\1isom" + movie
    return [photoshop, raf.ljust(100, b"\0") + jpeg, cr3]


def letters() -> list[bytes]:
    """Return texts that are no prose, and prose in other encodings."""
    shown = ('{"a": [1, {"b": null}]}', "id,a\n1,2\n3,4\n", "<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    other = ("Привет, мир".encode("koi8_r"), "こんにちは".encode("cp932"), "é".encode("utf-16"))
    return [*(text.encode() for text in shown), *other]


def containers(data: bytes) -> None:
    media_type = kind_of(data)
    pieces = walk(data, media_type)
    may_hold_manifest(data, media_type)
    store_bytes(data, media_type or "", pieces)
    assert all(piece.offset <= len(data) for piece in pieces.chunks)


def metadata(data: bytes) -> None:
    from detectors.metadata.detector import Metadata

    Metadata({}).inspect(Item("a", lambda: data))


def headers(data: bytes) -> None:
    sniff(data)
    for read in (jpeg_header, plain_png, webp_header, gif_frames, tiff_pages):
        read(data)


def picture(data: bytes) -> None:
    from detectors.decode.open_picture import decode

    opened = decode(data, kind_of(data), {})
    assert opened.rgb.shape[2] == 3
    assert opened.grey.size


def passage(data: bytes) -> None:
    from detectors.decode.text import decode, nfc

    text = decode(data, sniff(data, Kind.TEXT).name, {})
    assert isinstance(text.words, int)
    assert nfc(text.text) is not None
    text.at(len(text.text))


def page(data: bytes) -> None:
    from detectors.decode.text import decode

    assert decode(data, "text/html", {}).prose is not None


def document(media_type: str) -> Callable[[bytes], object]:
    def look(data: bytes) -> None:
        from detectors.decode.documents import read

        read(data, media_type, {})

    return look


def store(data: bytes) -> None:
    jumbf.excess(data)
    declaration.declared(jumbf.active(data))


def report(data: bytes) -> None:
    said = json.loads(data)
    if isinstance(said, dict):
        declaration.declared(said)
        validation.state(said)
        validation.unlisted(said)


def reports() -> list[bytes]:
    found = []
    for path in sorted((FIXTURES / "signed").glob("*.jpg")):
        data = path.read_bytes()
        read = jumbf.active(store_bytes(data, "image/jpeg", walk(data, "image/jpeg")))
        codes = {"activeManifest": {"failure": [{"code": "claimSignature.mismatch"}]}}
        found.append(json.dumps(read | {"validation_results": codes}, default=repr).encode())
    return found


@cache
def text_credentials_detector() -> Any:
    from detectors.text_credentials.detector import TextCredentials

    return TextCredentials({})


@cache
def credentials_detector() -> Any:
    from detectors.credentials.detector import Credentials

    return Credentials({})


def text_credentials(data: bytes) -> None:
    text_credentials_detector().inspect(Item("a", lambda: data, kind=Kind.TEXT))


def credentials(data: bytes) -> None:
    credentials_detector().inspect(Item("a", lambda: data))


def text_marks(data: bytes) -> None:
    from detectors.text_marks.detector import TextMarks

    TextMarks({}).inspect(Item("a", lambda: data, kind=Kind.TEXT))


def in_file(name: str, look: Callable[[Path], object]) -> Callable[[bytes], object]:
    """Return a harness for what reads a file by its path."""

    def written_first(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(data)
            look(path)

    return written_first


def posts(path: Path) -> None:
    from provenance.intake.files import Sidecars
    from provenance.intake.posts import holds_posts, of_file

    holds_posts(str(path), follow=False)
    for item in of_file(str(path), follow=False, sidecars=Sidecars()):
        assert item.kind is Kind.POST
        assert all(part.kind in Kind for _, part in item.parts)


def feed(form: str) -> Callable[[Path], object]:
    def look(path: Path) -> None:
        from detectors.bank.exchange import format_of
        from detectors.bank.exchange.row import RowDefaults, entry_of

        for row in format_of(form).read(path):
            entry_of(row, RowDefaults(now="2026-01-01T00:00:00Z"))

    return look


def entries() -> "list[Entry]":
    from detectors.bank.entry import Entry, Hash, Status

    now = "2026-01-02T03:04:05Z"
    pdq = Hash("5d469d495bd620855eba5807c0e1bbf8755e445758c1a6296aaa1ffec16a5cc6", quality=90)
    hashes = {"pdq": (pdq,), "sha256": (Hash("ab" * 32),)}
    usual: dict[str, Any] = {"hashes": hashes, "created": now, "modified": now}
    return [
        Entry(id="one", tags=("a",), first_seen="2026-01-01", **usual),
        Entry(id="two", note="n", innocent=True, **usual),
        Entry(id="three", status=Status.WITHDRAWN, reason="r", **usual),
    ]


def exported(form: str) -> Callable[[], list[bytes]]:
    """Return what we write in a format ourselves."""

    def made() -> list[bytes]:
        from detectors.bank.exchange import format_of
        from detectors.bank.exchange.row import Feed

        return [b"".join(format_of(form).write(entries(), Feed(name="f", notes=True)))]

    return made


def bank_file(name: str) -> Callable[[bytes], object]:
    def look(data: bytes) -> None:
        from detectors.bank.folder.store import Bank, create, damage

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.bank"
            create(path, "2026-01-01T00:00:00Z")
            (path / name).write_bytes(data)
            damage(path)
            Bank(path, whole=True)

    return look


def bank_log(data: bytes) -> None:
    """Look at a log whose digests are made anew, so that the entries themselves are read."""
    from detectors.bank.entry import digest
    from detectors.bank.folder.log import END, MARK

    lines = [line.removesuffix(b"}") for line in data.splitlines()]
    bank_file("entries.jsonl")(b"".join(b + MARK + digest(b).encode() + END for b in lines))


def logged() -> list[bytes]:
    from detectors.bank.folder.log import line, whole

    return [whole(line(entry)) or b"" for entry in entries()]


def trust(path: Path) -> None:
    from detectors.c2pa.trust.edit import add

    add(path.parent / "t", path, name="a", issued="2026-01-01", use="signers", now=DAY)


def policy(path: Path) -> None:
    from provenance.verdict import load

    load(str(path))


def settings(path: Path) -> None:
    from provenance.cli.configuration import load

    load(named=str(path))


def model(loader: str) -> Callable[[Path], object]:
    def look(path: Path) -> None:
        import importlib

        (path.parent / "weights.safetensors").write_bytes(b"")
        module, _, function = loader.partition(":")
        getattr(importlib.import_module(f"detectors.{module}"), function)(path.parent)

    return look


def shipped(room: str) -> Callable[[], list[bytes]]:
    root = Path(declaration.__file__).parents[1]
    return lambda: [(root / room / "config.json").read_bytes()]


def gguf(data: bytes) -> None:
    from gguf import read

    read(data)


def tiny_gguf() -> list[bytes]:
    import struct

    def text(said: bytes) -> bytes:
        return struct.pack("<Q", len(said)) + said

    pair = text(b"a") + struct.pack("<IIQ", 9, 4, 2) + struct.pack("<II", 1, 2)
    info = text(b"t") + struct.pack("<IQIQ", 1, 4, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + pair + info
    return [head + bytes(-len(head) % 32) + struct.pack("<4f", 1, 2, 3, 4)]


def escapes(data: bytes) -> None:
    from provenance.cli.secrets import without_secrets
    from provenance.render.escape import escape, escape_json

    text = data.decode("utf-8", "surrogateescape")
    for shown in (escape(text, ascii_only=True), escape_json(text, ascii_only=True)):
        assert shown.isascii()
    assert "\x1b" not in escape(without_secrets(text))


HARNESSES: dict[str, Harness] = {
    "containers": Harness(containers, PICTURES),
    "cameras": Harness(containers, cameras),
    "letters": Harness(sniff, letters),
    "metadata": Harness(metadata, PICTURES),
    "headers": Harness(headers, PICTURES),
    "picture": Harness(picture, PICTURES, (CannotAssess,)),
    "passage": Harness(passage, files("texts/*/*", "documents/*.md"), (CannotAssess,)),
    "page": Harness(page, files("documents/*.html", "texts/*/*.html"), (CannotAssess,)),
    "pdf": Harness(
        document("application/pdf"), files("documents/*.pdf", "signed/*.pdf"), (CannotAssess,)
    ),
    "docx": Harness(
        document("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        files("documents/*.docx"),
        (CannotAssess,),
    ),
    "mail": Harness(document("message/rfc822"), files("documents/*.eml"), (CannotAssess,)),
    "store": Harness(store, files("signed/*.c2pa", "signed/*.png", "signed/*.webp")),
    "cbor": Harness(cbor.decoded, lambda: [b"\xa1\x61a\x82\x01\xf9\0\0", b"\x9f\x5f\x41a\xff\xff"],
                    (ValueError,)),
    "report": Harness(report, reports, (ValueError, RecursionError)),
    "credentials": Harness(credentials, files("signed/ai*.*")),
    "text_credentials": Harness(text_credentials, files("texts/*/*")),
    "text_marks": Harness(text_marks, files("texts/*/*"), (CannotAssess,)),
    "posts": Harness(
        in_file("a.jsonl", posts),
        written(
            '{"text": "a", "media": ["b.png"], "urls": ["x"], "post_id": 1}\n{"text": ""}\n',
            '\ufeff\r\n{"count": 1}\r\n{"text": "\\\\ \\ud83d", "media": NaN, "urls": [{}, null]}',
        ),
    ),
    **{
        f"feed_{form}": Harness(in_file(f"a.{form}", feed(form)), exported(form), (Error,))
        for form in ("jsonl", "csv", "threatexchange", "ncmec", "stopncii", "stix", "misp")
    },
    "bank": Harness(
        bank_file("bank.json"),
        written('{"format":"provenance.bank/1","created":"2026-01-01T00:00:00Z","entries":0}'),
        (Error,),
    ),
    "bank_log": Harness(bank_log, logged, (Error,)),
    "trust": Harness(in_file("a.pem", trust), files("signed/trust/*.pem"), (Error,)),
    "policy": Harness(
        in_file("policy.toml", policy),
        lambda: [p.read_bytes() for p in sorted(
            (Path(__file__).parents[2] / "provenance/verdict/policies").glob("*.toml"))],
        (Error,),
    ),
    "settings": Harness(
        in_file("provenance.toml", settings),
        written('fail_on = "review"\nbank = ["a"]\n[detectors.text_model]\nfast = true\n'),
        (Error,),
    ),
    "model_text": Harness(
        in_file("config.json", model("text_model.config:load_config")),
        shipped("text_model"),
        (Error,),
    ),
    "model_image": Harness(
        in_file("config.json", model("image_model.model:load_model")),
        shipped("image_model"),
        (Error,),
    ),
    "model_portrait": Harness(
        in_file("config.json", model("portrait.model:load_model")),
        shipped("portrait"),
        (Error,),
    ),
    "audit_line": Harness(audited.line, audited.lines, (*MALFORMED, ValueError)),
    "audit_note": Harness(audited.note, audited.notes),
    "audit_bundle": Harness(audited.statement, audited.statements),
    "gguf": Harness(gguf, tiny_gguf, (ValueError,)),
    "escapes": Harness(escapes, written("a\x1b[31m\u202e", "postgresql://u:p@h/d", "a=b:c@d")),
}  # fmt: skip
"""Name → harness. Parsers of libraries are reached through ours."""


class Slow(Exception):  # noqa: N818 - a finding
    """An input that takes longer than it may."""


def tried(harness: Harness, data: bytes) -> None:
    """Look at an input once.

    Raises:
        Slow: it took too long. Whatever else is raised is a finding too.
    """
    began = time.process_time()
    with suppress(*harness.refuses):
        harness.look(data)
    if (spent := time.process_time() - began) > SECONDS:
        raise Slow(f"{spent:.1f} CPU seconds")
