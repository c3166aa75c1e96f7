"""Text of e-mail messages (RFC 5322, MIME): the body that a reader sees, never an attachment."""

import re
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import EmailPolicy
from typing import Any

from detectors.documents import LONGEST, Document, damaged, over

FORM = "e-mail"
LARGEST = 24 << 20
"""Bytes of a message: what most servers carry. Parsing takes up to 30 times as much memory."""
MOST_PARTS = 20
MOST_LINES = 500_000
"""Boundaries and enclosed messages, and lines, that are parsed: the parser goes one call deeper for
each part that is nested, and looks at every line once for each that is open."""
LONGEST_HEADER = 4000
"""Characters of a header that are parsed; some headers take quadratic time."""
_NESTING = re.compile(rb"boundary\s{0,9}=|message/rfc822", re.IGNORECASE)
_QUOTED = re.compile(r"^>.*(?:\n|\Z)", re.MULTILINE)
_SIGNATURE = re.compile(r"^-- \r?$", re.MULTILINE)
FAULTS = (MessageError, LookupError, RecursionError, ValueError, TypeError, AttributeError)
"""What the standard library raises on hostile headers."""


class _Bounded(EmailPolicy):
    """The default policy, with headers cut where they would take long to parse."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:LONGEST_HEADER]


def read(data: bytes, facts: dict[str, Any]) -> Document:
    """Give the body of a message; `prose` is it without quoted lines and signature.

    Sets `facts["body"]` (`text/plain` or `text/html`) and `facts["attachments"]` (their number).

    Raises:
        CannotAssess: too many parts, or headers that cannot be read.
    """
    _within_limits(data)
    try:
        message: Any = BytesParser(EmailMessage, policy=_Bounded()).parsebytes(data)
        body = message.get_body(("plain", "html"))
        attached = message.iter_attachments() if message.is_multipart() else ()
        facts["attachments"] = sum(1 for _ in attached)
        if body is None:
            return Document(text="")
        facts["body"] = body.get_content_type()
        text = _content(body)
    except FAULTS:
        raise damaged(FORM) from None
    text = text[:LONGEST].replace("\r\n", "\n").encode("utf-8", "replace").decode()
    if facts["body"] == "text/html":
        return Document(text=text, media_type="text/html")
    signature = _SIGNATURE.search(text)
    own = _QUOTED.sub("", text[: signature.start()] if signature else text)
    return Document(text=text, prose=own if own.strip() else text)


def _within_limits(data: bytes) -> None:
    """Refuse what takes long to parse.

    Raises:
        CannotAssess: over a limit.
    """
    for what, found, limit in (
        ("bytes", len(data), LARGEST),
        ("lines", data.count(b"\n"), MOST_LINES),
        ("parts", sum(1 for _ in _NESTING.finditer(data)), MOST_PARTS),
    ):
        if found > limit:
            raise over(FORM, what, found, limit)


def _content(body: Any) -> str:
    """Give a body as text; an unknown character set is read as UTF-8, else Windows-1252."""
    try:
        return str(body.get_content(errors="replace"))
    except LookupError:
        payload = body.get_payload(decode=True)
        raw = payload if isinstance(payload, bytes) else b""
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode("cp1252", "replace")
