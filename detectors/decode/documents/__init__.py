"""Extract the text of documents: one module a format, and a table of them.

Nothing is unpacked to disk, no macro, script or link is followed, attachments stay closed. Every
format has limits that do not depend on the machine; what was left out is named in the facts.
"""

import importlib
from typing import Any

import msgspec

from detectors.decode import memory
from detectors.errors import CannotAssess
from detectors.signal import Outcome, Reason

READERS = {
    "application/pdf": "detectors.decode.documents.pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (
        "detectors.decode.documents.word"
    ),
    "message/rfc822": "detectors.decode.documents.mail",
}
"""Media type → module with `read(data, facts) -> Document`."""
LARGEST = 64 << 20
"""Bytes of a document that are opened."""
LONGEST = 8 << 20
"""Characters of text that are taken out."""
SHOWN = 200
"""Characters kept of a field of a document's properties."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The text of a document, without lone surrogates."""

    text: str
    """All that was taken out; pages, paragraphs and cells end a line."""
    prose: str | None = None
    """What its author wrote, where that is not all of it."""
    media_type: str | None = None
    """`text/html` where the text is the source of a page."""
    pages: tuple[int, ...] = ()
    """Offsets at which pages begin, rising; empty where there are no pages."""
    quoted: tuple[tuple[int, int], ...] = ()
    """Offsets of what the document's styles call a quotation or code, in order."""


def read(data: bytes, media_type: str, facts: dict[str, Any]) -> Document:
    """Read the text of a document and note in `facts` what took it out and what was left.

    Args:
        data: the file.
        media_type: one of `READERS`.
        facts: of the item.

    Raises:
        CannotAssess: too large, damaged, locked, without text, or its library is not installed.
    """
    if len(data) > LARGEST:
        size = {"bytes": len(data), "limit": LARGEST}
        raise CannotAssess(Outcome.NOT_ASSESSED, Reason("passage.too_large", size))
    module = importlib.import_module(READERS[media_type])
    document: Document = module.read(data, facts)
    if not document.text.strip():
        raise CannotAssess(Outcome.NOT_ASSESSED, Reason("passage.no_text"))
    return document


def needs_extra(form: str) -> CannotAssess:
    """Return what to raise where the library that reads a format is not installed."""
    said = {"extra": "documents", "format": form}
    return CannotAssess(Outcome.NOT_ASSESSED, Reason("passage.needs_extra", said))


def damaged(form: str, error: BaseException) -> CannotAssess:
    """Return what to raise where a file is not what its format asks for, or memory was wanting."""
    if memory.lacking(error):
        return memory.fault()
    return CannotAssess(Outcome.FAILED, Reason("passage.damaged", {"format": form}))


def over(form: str, what: str, found: int, limit: int) -> CannotAssess:
    """Return what to raise where a file is larger inside than is opened safely."""
    said = {"format": form, "what": what, "found": found, "limit": limit}
    return CannotAssess(Outcome.NOT_ASSESSED, Reason("passage.over_limit", said))


def shown(value: object) -> str:
    """Return a property as text that fits a record."""
    return str(value)[:SHOWN].encode("utf-8", "replace").decode()
