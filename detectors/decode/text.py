"""Decode texts: encodings, and a normal form beside the letters as they lie."""

import re
import unicodedata
from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, Any

from detectors.decode import encodings
from detectors.decode.residue import plain
from detectors.errors import CannotAssess
from detectors.signal import Outcome, Reason

if TYPE_CHECKING:
    from detectors.decode.documents import Document
    from detectors.decode.documents.visible import Seen

LONGEST = 8 << 20
"""Bytes that are decoded. A novel has 1 MB; 8 MiB of the worst text known are judged in seconds."""
PILE = 128
"""Combining marks in a row that are still put into canonical order. Real text needs at most 30
(UAX 15, Stream-Safe Text); sorting a longer row takes quadratic time: 5 s for 60,000 marks."""

_BEYOND_LATIN = re.compile("[^\0-\u02ff]+")
_SELECTOR = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_WORD = re.compile(r"\S+")


class Passage:
    """A decoded text. Offsets count the characters of `text`, from 0."""

    def __init__(
        self,
        text: str,
        media_type: str | None,
        facts: dict[str, Any] | None = None,
        document: "Document | None" = None,
    ) -> None:
        """Keep the text.

        Args:
            text: without a byte order mark and without lone surrogates; line ends as they lie.
            media_type: `text/html` for source whose visible part is `prose`.
            facts: of the item; what chose the prose is noted there when it has chosen.
            document: what the text was taken out of, with its pages; None: the text as it lies.
        """
        self.text = text
        self._media_type = media_type
        self._facts = facts if facts is not None else {}
        self._document = document

    @cached_property
    def prose(self) -> str:
        """What the author wrote for people to read, for classifiers.

        Of an HTML page its main text, of Markdown all but front matter and code, of a document
        its body, of an e-mail neither quotation nor signature; else the text.
        """
        if self._document is not None and self._document.media_type is None:
            return self._document.prose or self.text
        if self._media_type == "text/html":
            from detectors.decode.documents.html import readable

            return readable(self.text, self._facts)
        from detectors.decode.documents import markdown

        return markdown.prose(self.text)

    @cached_property
    def seen(self) -> "Seen | None":
        """The parts of an HTML page as its reader sees it; None: all of the text is shown."""
        if self._media_type != "text/html":
            return None
        from detectors.decode.documents.visible import seen

        return seen(self.text)

    @property
    def quoted(self) -> tuple[tuple[int, int], ...]:
        """Offsets in `text` of what the document's own styles call a quotation or code."""
        return self._document.quoted if self._document is not None else ()

    @cached_property
    def plain(self) -> str:
        """The prose without assistant residue and without characters that have no shape."""
        return plain(self.prose)

    @cached_property
    def words(self) -> int:
        """Runs of non-space characters in `plain`; 0 for an empty text."""
        return sum(1 for _ in _WORD.finditer(self.plain))

    def at(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1, of a character of `text`.

        Args:
            offset: 0 to the length of the text. Lines end at LF, CR LF or CR.
        """
        line = self.text.count("\n", 0, offset) + self.text.count("\r", 0, offset)
        line -= self.text.count("\r\n", 0, offset)
        start = max(self.text.rfind("\n", 0, offset), self.text.rfind("\r", 0, offset))
        return line + 1, offset - start

    def position(self, offset: int) -> dict[str, int]:
        """Return `line`, `column`, `offset` of a character, and its `page` where there are pages.

        Lines and pages count from 1, lines within their page; the offset counts from 0, in `text`.
        """
        line, column = self.at(offset)
        if self._document is None or not self._document.pages:
            return {"line": line, "column": column, "offset": offset}
        page = bisect_right(self._document.pages, offset)
        line -= self.at(self._document.pages[page - 1])[0] - 1
        return {"page": page, "line": line, "column": column, "offset": offset}


def decode(
    data: bytes, media_type: str | None, facts: dict[str, Any], encoding: str | None = None
) -> Passage:
    """Return the text of an item and note in `facts` how it was read.

    Sets `facts["encoding"]`: `utf-8`, `utf-8-sig`, or one of those that `decode.encodings` tells
    apart, and where bytes fit no character, `facts["undecodable"]`: how many replacement
    characters (U+FFFD) stand for them. Documents set facts of their own.

    Args:
        data: the bytes of the item.
        media_type: by content.
        facts: of the item.
        encoding: of the text, where it is known already.

    Raises:
        CannotAssess: a text longer than 8 MiB, or a document that cannot be read: see
            `detectors.decode.documents`.
    """
    from detectors.decode import documents

    if media_type in documents.READERS:
        document = documents.read(data, media_type, facts)
        return Passage(document.text, document.media_type, facts, document)
    if len(data) > LONGEST:
        size = {"bytes": len(data), "limit": LONGEST}
        raise CannotAssess(Outcome.NOT_ASSESSED, Reason("passage.too_long", size))
    text, facts["encoding"] = _decoded(data, encoding or encodings.of(data) or encodings.WESTERN)
    if lost := text.count("\ufffd") - _own(data, facts["encoding"]):
        facts["undecodable"] = lost
    return Passage(text, media_type, facts)


def _decoded(data: bytes, encoding: str) -> tuple[str, str]:
    """Return text and encoding, without a byte order mark."""
    text = data.decode(encoding, "replace")  # an odd byte at the end becomes one U+FFFD
    if not text.startswith("\ufeff"):
        return text, encoding
    if encoding == "utf-8":  # the mark may open a C2PA wrapper
        return (text, encoding) if _SELECTOR.match(text, 1) else (text[1:], "utf-8-sig")
    return text[1:], encoding


def _own(data: bytes, encoding: str) -> int:
    """Return how many replacement characters the text itself holds."""
    return data.count(b"\xef\xbf\xbd") if encoding.startswith("utf-8") else 0


def nfc(text: str) -> str:
    """Return a text in normal form C, in time linear in its length.

    A row of more than 128 combining marks stays as it lies; the pieces before and after it are
    normalised by themselves.
    """
    if text.isascii():
        return text
    pieces, last = [], 0
    for run in _BEYOND_LATIN.finditer(text):
        for start, end in _piles(text, *run.span()):
            pieces += [unicodedata.normalize("NFC", text[last:start]), text[start:end]]
            last = end
    return "".join([*pieces, unicodedata.normalize("NFC", text[last:])])


def _piles(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return the rows of more than `PILE` combining marks between two offsets."""
    if end - start <= PILE:
        return []
    piles, first = [], start
    for offset in range(start, end + 1):
        if offset == end or not _combines(text[offset]):
            if offset - first > PILE:
                piles.append((first, offset))
            first = offset + 1
    return piles


def _combines(character: str) -> bool:
    """Tell whether a character is, or decomposes into nothing but, combining marks."""
    return unicodedata.combining(character) != 0 or character in "\u0f73\u0f75\u0f81"
