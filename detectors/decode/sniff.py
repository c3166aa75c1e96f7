"""What bytes are: kind and media type by content, never by name."""

import re
from enum import StrEnum
from pathlib import PurePath

import msgspec

from detectors.decode import encodings, not_prose
from detectors.decode.containers.raw import raw_type
from detectors.decode.signatures import foreign, picture
from detectors.signal import Reason


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
    encoding: str | None = None
    """Encoding of a text."""
    reason: Reason | None = None
    """Why an item of an unsupported kind is not examined."""


NAMED_PICTURES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".webp", ".tif", ".tiff", ".bmp",
    ".dib", ".svg", ".avif", ".heic", ".heif", ".hif", ".jxl", ".jp2", ".psd", ".psb", ".ico",
    ".mpo", ".dng", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".sr2", ".orf", ".rw2", ".raf", ".pef",
    ".srw", ".3fr", ".iiq", ".x3f", ".crw",
})  # fmt: skip
"""Endings of names that claim a picture of a format that is known here by its first bytes."""
TWIN = re.compile(r"~\d{1,9}\Z")
"""What a second item of the same name has behind it."""
WHAT = {
    "text/html": "web_page", "text/plain": "text", "text/markdown": "text",
    "message/rfc822": "mail", "application/json": "data", "application/x-ndjson": "data",
    "text/csv": "data", "application/rdf+xml": "data",
}  # fmt: skip
"""Media types of texts → what such a file is, in the words of a message."""
HEAD = 4096
"""Bytes that are looked at; a root element further down makes no SVG."""
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
"""A message has `From`, `Date` and at least one of these, which machines write."""
MARKDOWN = re.compile(
    rb"\A(?:\xef\xbb\xbf)?---[ \t]*\r?\n(?:(?!---)[^\n]{0,400}\n){0,60}?[\w-]{1,40}:[ \t\r\n]"
    rb"|^(?:```|~~~)[^\n`]{0,60}\n(?:[^\n]*\n){0,200}?(?:```|~~~)[ \t\r]*(?:\n|\Z)",
    re.MULTILINE,
)
"""Front matter, or a code block; headings alone are comments of many languages too."""


def sniff(data: bytes, said: Kind | None = None, name: str = "") -> MediaType:
    """Return media type and kind of these bytes.

    Args:
        data: the whole item. Of pictures and of formats that are not examined, the first bytes
            decide; texts are looked at through their whole length.
        said: what the user says it is. It decides between readings of the same bytes (text of
            anything that is no known binary format) and never makes one format another.
        name: of the file. It decides nothing but this: a file that is named as a picture and is
            none is not examined, and the reason says so.
    """
    found, what = _sniffed(data, said)
    if not data or said is Kind.TEXT or (found.name or "").startswith("image/"):
        return found
    ending = PurePath(TWIN.sub("", name)).suffix.lower()
    if ending not in NAMED_PICTURES or (found.reason and found.reason.code == "item.lfs_pointer"):
        return found
    args = {"ending": ending, "looks": what, "media_type": found.name}
    return MediaType(
        found.name, Kind.UNSUPPORTED, reason=Reason("item.not_what_it_is_called", args)
    )


def _sniffed(data: bytes, said: Kind | None) -> tuple[MediaType, str]:
    """Return what bytes are, and the word for it."""
    if not data:
        return _unsupported(None, "unknown", "item.empty")
    return _binary(data) or _letters(data, said)


def _binary(data: bytes) -> tuple[MediaType, str] | None:
    """Return what the first bytes say, None where they are of no known format."""
    head = data[:HEAD]
    if (name := picture(head)) or SVG_ROOT.match(head):
        raw = raw_type(data) if name == "image/tiff" else None
        return MediaType(raw or name or "image/svg+xml", Kind.IMAGE), "picture"
    if head.startswith(b"%PDF-"):
        return MediaType("application/pdf", Kind.TEXT), "document"
    known = foreign(head)
    if known and known[0] == "application/zip" and _is_word(data):
        return MediaType(WORD, Kind.TEXT), "document"
    return _unsupported(*known, "item.unsupported", looks=known[1]) if known else None


def _letters(data: bytes, said: Kind | None) -> tuple[MediaType, str]:
    """Return which text bytes are, or that they are none."""
    encoding = None if said is Kind.IMAGE else encodings.of(data)
    if encoding is None and said is not Kind.TEXT:
        return _unsupported(None, "unknown", "item.unrecognised")
    if said is None and encoding and (other := not_prose.told(data, encoding)):
        return _unsupported(other[0], WHAT[other[0]], other[1])
    name = _text(data)
    return MediaType(name, Kind.TEXT, encoding), WHAT[name]


def _unsupported(name: str | None, what: str, code: str, **args: str) -> tuple[MediaType, str]:
    """Return what is not examined, and the word for it."""
    told = args if name is None else {"media_type": name} | args
    return MediaType(name, Kind.UNSUPPORTED, reason=Reason(code, told)), what


def _is_word(data: bytes) -> bool:
    """Tell whether an archive is a Word document, by the names in it."""
    from detectors.decode.documents.archive import is_word

    return is_word(data)


def _text(data: bytes) -> str:
    """Return the media type of a text."""
    head = data[:HEAD]
    if HTML_ROOT.match(head):
        return "text/html"
    if (fields := MAIL.match(data[:MAIL_HEAD])) is not None:
        names = {name.lower() for name in MAIL_NAMES.findall(fields[0])}
        if {b"from", b"date"} <= names and names & MAIL_MACHINE:
            return "message/rfc822"
    return "text/markdown" if MARKDOWN.search(head) else "text/plain"
