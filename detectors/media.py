"""What bytes are: kind and media type by content, never by name."""

import re
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What an item is."""

    IMAGE = "image"
    TEXT = "text"
    POST = "post"
    UNSUPPORTED = "unsupported"


class MediaType(msgspec.Struct, frozen=True):
    """A media type and the kind it makes an item."""

    name: str | None
    kind: Kind


PICTURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
)
STUMPS = (b"\xff\xd8", b"\x89PNG")
"""Heads that only a cut-off JPEG or PNG has: a broken picture, not a foreign file."""
BRANDS = {
    b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic", b"heix": "image/heic",
    b"heim": "image/heic", b"heis": "image/heic", b"hevc": "image/heic", b"hevx": "image/heic",
    b"mif1": "image/heif", b"msf1": "image/heif",
}  # fmt: skip
"""ISO base media brands of still pictures (ISO/IEC 23008-12, AV1 Image File Format)."""
FOREIGN = (
    (b"\x7fELF", "application/x-elf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"(\xb5/\xfd", "application/zstd"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
    (b"\0\0\1\0", "image/vnd.microsoft.icon"),
    (b"\0asm", "application/wasm"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
)
BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
HEAD = 4096
"""Bytes that are looked at; a root element further down makes no SVG."""
CONTROL = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))
"""C0 controls that text does not hold."""
CONTROL_SHARE = 0.05
"""Share of control bytes in the head above which bytes are no text in any encoding we read."""
SVG_ROOT = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*+(?:<\?xml[^>]{0,400}\?>\s*+)?(?:<!--(?:(?!-->).){0,2000}-->\s*+)*+"
    rb"(?:<!DOCTYPE[^>\[]{0,400}(?:\[.{0,3000}\]\s*+)?>\s*+)?(?:<!--(?:(?!-->).){0,2000}-->\s*+)*+"
    rb"<(?:\w+:)?svg[\s>/]",
    re.DOTALL | re.IGNORECASE,
)
HTML_ROOT = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*+(?:<!--(?:(?!-->).){0,2000}-->\s*+)*+"
    rb"<(?:!DOCTYPE\s+html|html|head|body)[\s>]",
    re.DOTALL | re.IGNORECASE,
)
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
MAIL_HEAD = 1 << 16
"""Bytes of a message's head that are looked at; signatures of relays fill several thousand."""
MAIL = re.compile(rb"(?:From [^\n]{1,400}\n)?(?:[!-9;-~]{1,76}:[^\n]*\n(?:[ \t][^\n]*\n)*)+\r?\n")
"""A block of header fields, closed by an empty line (RFC 5322, 2.2)."""
MAIL_NAMES = re.compile(rb"^([!-9;-~]{1,76}):", re.MULTILINE)
MAIL_MACHINE = {b"message-id", b"mime-version", b"received"}
"""Of these, which nobody types, a message has one beside `From` and `Date`."""
MARKDOWN = re.compile(
    rb"\A(?:\xef\xbb\xbf)?---[ \t]*\r?\n(?:(?!---)[^\n]{0,400}\n){0,60}?[\w-]{1,40}:[ \t\r\n]"
    rb"|^(?:```|~~~)[^\n`]{0,60}\n(?:[^\n]*\n){0,200}?(?:```|~~~)[ \t\r]*(?:\n|\Z)",
    re.MULTILINE,
)
"""Front matter, or a code block; headings alone are comments of many languages too."""


def sniff(data: bytes, said: Kind | None = None) -> MediaType:
    """Give media type and kind of these bytes.

    Args:
        data: the whole item. Of all but ZIP archives and messages, 4,096 bytes decide.
        said: what the user says it is. It decides between readings of the same bytes (text of
            anything that is no known binary format) and never makes one format another.
    """
    if not data:
        return MediaType(None, Kind.UNSUPPORTED)
    head = data[:HEAD]
    if picture := _picture(head):
        return MediaType(picture, Kind.IMAGE)
    if head.startswith(b"%PDF-"):
        return MediaType("application/pdf", Kind.TEXT)
    if foreign := _foreign(head):
        word = foreign == "application/zip" and _is_word(data)
        return MediaType(WORD, Kind.TEXT) if word else MediaType(foreign, Kind.UNSUPPORTED)
    if said is Kind.IMAGE or (said is None and not _readable(head)):
        return MediaType(None, Kind.UNSUPPORTED)
    return MediaType(_text(data, head), Kind.TEXT)


def _is_word(data: bytes) -> bool:
    """Tell whether an archive is a Word document, by the names in it."""
    from detectors.documents.archive import is_word

    return is_word(data)


def _text(data: bytes, head: bytes) -> str:
    """Give the media type of a text."""
    if HTML_ROOT.match(head):
        return "text/html"
    if (fields := MAIL.match(data[:MAIL_HEAD])) is not None:
        names = {name.lower() for name in MAIL_NAMES.findall(fields[0])}
        if {b"from", b"date"} <= names and names & MAIL_MACHINE:
            return "message/rfc822"
    return "text/markdown" if MARKDOWN.search(head) else "text/plain"


def _picture(head: bytes) -> str | None:
    """Give the media type of a picture, by its first bytes."""
    for magic, name in PICTURES:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        brands = [head[8:12], *(head[i : i + 4] for i in range(16, min(_u32(head), 64), 4))]
        return next((BRANDS[brand] for brand in brands if brand in BRANDS), None)
    if head[:2] == b"BM" and len(head) >= 18 and head[6:10] == b"\0\0\0\0":  # noqa: PLR2004 - BITMAPFILEHEADER
        return "image/bmp"
    if head in (STUMPS[0], *(STUMPS[1] + rest for rest in (b"", b"\r", b"\r\n", b"\r\n\x1a"))):
        return "image/jpeg" if head == STUMPS[0] else "image/png"
    return "image/svg+xml" if SVG_ROOT.match(head) else None


def _foreign(head: bytes) -> str | None:
    """Give the media type of a known format that is not looked at."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat"):
        return "video/mp4"
    if head[4:8] == b"jumb":
        return "application/c2pa"
    if head[:4] == b"RIFF":
        return {b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}.get(
            head[8:12], "application/x-riff"
        )
    return next((name for magic, name in FOREIGN if head.startswith(magic)), None)


def _readable(head: bytes) -> bool:
    """Tell whether these bytes may be text: UTF-8, UTF-16 with its mark, or an 8-bit encoding."""
    if head.startswith(BOMS):
        return True
    control = len(head) - len(head.translate(None, CONTROL))
    return control <= CONTROL_SHARE * len(head)


def _u32(head: bytes) -> int:
    """Give the length of the first ISO box."""
    return int.from_bytes(head[:4], "big")
