"""Text of e-mail messages (RFC 5322, MIME): the body that a reader sees, never an attachment."""

import codecs
import re
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import EmailPolicy
from functools import partial
from typing import Any

from detectors.decode.documents import LONGEST, Document, damaged, over

FORM = "e-mail"
LARGEST = 24 << 20
"""Bytes of a message: what most servers carry. Parsing takes up to 30 times as much memory."""
MOST_PARTS = 20
MOST_LINES = 500_000
"""Parts that hold parts, enclosed messages among them, and lines, that are parsed: the parser goes
one call deeper for each part that is nested, and looks at every line once for each that is open."""
MOST_ENCLOSED = 200
"""Parts of all kinds: each has headers that are parsed."""
LONGEST_HEADER = 4000
LONGEST_OF_PART = 300
"""Characters of a header that are kept, and of one that tells how a part is written (`Content-…`):
these are parsed, some in quadratic time. 4,000 quotes take 0.2 CPU seconds, a boundary has 70."""
NO_CHARSETS = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
"""Codecs of Python that are no character sets of messages; decoding Punycode takes quadratic time:
5 CPU seconds for 800 KB."""
_QUOTED = re.compile(r"^>.*(?:\n|\Z)", re.MULTILINE)
_SIGNATURE = re.compile(r"^-- \r?$", re.MULTILINE)
FAULTS = (MessageError, LookupError, RecursionError, ValueError, TypeError, AttributeError)
"""What the standard library raises on hostile headers."""


class _Bounded(EmailPolicy):
    """The default policy, with headers cut where they would take long to parse."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        of_part = name.lower().startswith("content-")
        return name, value[: LONGEST_OF_PART if of_part else LONGEST_HEADER]


class _Counted(EmailMessage):
    """A message or part that counts the parts of all of them, as the parser makes them."""

    def __init__(self, policy: EmailPolicy, count: "_Count") -> None:
        super().__init__(policy)
        self._count = count
        count.all += 1
        if count.all > MOST_ENCLOSED:
            raise over(FORM, "parts", count.all, MOST_ENCLOSED)

    def attach(self, payload: Any) -> None:
        """Take a part."""
        if not self.get_payload():
            self._count.holding += 1
            if self._count.holding > MOST_PARTS:
                raise over(FORM, "nested parts", self._count.holding, MOST_PARTS)
        super().attach(payload)


class _Count:
    """Parts of one message."""

    def __init__(self) -> None:
        self.all = self.holding = 0


def read(data: bytes, facts: dict[str, Any]) -> Document:
    """Read the body of a message; `prose` is it without quoted lines and signature.

    Sets `facts["body"]` (`text/plain` or `text/html`) and `facts["attachments"]` (their number).

    Raises:
        CannotAssess: too many parts, or headers that cannot be read.
    """
    _within_limits(data)
    try:
        made: Any = partial(_Counted, count=_Count())
        message: Any = BytesParser(made, policy=_Bounded()).parsebytes(data)
        body = message.get_body(("plain", "html"))
        attached = message.iter_attachments() if message.is_multipart() else ()
        facts["attachments"] = sum(1 for _ in attached)
        if body is None:
            return Document(text="")
        facts["body"] = body.get_content_type()
        text = _content(body)
    except FAULTS as error:
        raise damaged(FORM, error) from None
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
    lines = data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
    for what, found, limit in (("bytes", len(data), LARGEST), ("lines", lines, MOST_LINES)):
        if found > limit:
            raise over(FORM, what, found, limit)


def _content(body: Any) -> str:
    """Return a body as text; an unknown character set is read as UTF-8, else Windows-1252."""
    charset = body.get_content_charset("us-ascii")
    known = _is_charset(charset)
    if not known:
        body.del_param("charset")  # else the payload is decoded by it before it is given as bytes
    payload = body.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    if known:
        return raw.decode(charset, "replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _is_charset(name: str) -> bool:
    """Tell whether a name stands for a character set that messages are written in."""
    try:
        if codecs.lookup(name).name in NO_CHARSETS:
            return False
        b"a".decode(name, "replace")  # refused by codecs that do not give text
    except LookupError:
        return False
    return True
