"""Texts of EXIF (CIPA DC-008): bounded, in both byte orders, in every charset of UserComment."""

import msgspec

from detectors.decode.containers.tiff import Entry, entries

NAMES = {
    0x010D: "DocumentName",
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x013B: "Artist",
    0x013C: "HostComputer",
    0x8298: "Copyright",
    0x9003: "DateTimeOriginal",
    0x9286: "UserComment",
    0x9C9B: "XPTitle",
    0x9C9C: "XPComment",
    0x9C9D: "XPAuthor",
    0x9C9E: "XPKeywords",
    0x9C9F: "XPSubject",
}
"""Tags whose texts are read."""
USER_COMMENT = 0x9286
WINDOWS = range(0x9C9B, 0x9CA0)
"""Tags of Windows Explorer, in UTF-16 whatever the byte order of the block."""
TEXTUAL = (1, 2, 7)
"""BYTE, ASCII, UNDEFINED."""
PREFIX = b"Exif\0\0"
SCORED = 512
"""Bytes by which the order of UTF-16 is told."""
CHARSET = 8
"""Bytes of the charset in front of a UserComment."""


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """The textual tags of a block, still encoded, which `text` decodes."""

    found: list[Entry]
    whole: bool
    """False where the block is malformed: what could be read stands."""
    limited: bool
    """Whether a limit left some out."""


def raw_texts(data: bytes | memoryview) -> Texts:
    """Return the textual tags of the main and the Exif directory that are read, still encoded.

    Args:
        data: a TIFF stream; the `Exif` head of JPEG segments may stand before it.
    """
    if bytes(data[:6]) == PREFIX:
        data = data[6:]
    read = entries(data)
    texts = [
        entry
        for entry in read.found
        if entry.tag in NAMES and entry.type in TEXTUAL and entry.directory in ("IFD0", "Exif")
    ]
    whole = read.whole and bool(read.found) and not read.lost & set(NAMES)
    return Texts(found=texts, whole=whole or not data, limited=read.limited)


def plain(raw: bytes) -> str:
    """Return a text that claims no charset: UTF-8 where it is, else Latin-1; no NUL at its ends."""
    try:
        return raw.decode("utf-8").strip("\0")
    except UnicodeDecodeError:
        return raw.decode("latin-1").strip("\0")


def text(entry: Entry, raw: bytes) -> str:
    """Return the text of an entry, from its bytes."""
    if entry.tag in WINDOWS:
        return raw.decode("utf-16-le", "replace").strip("\0")
    if entry.tag != USER_COMMENT:
        return plain(raw)
    charset, body = raw[:CHARSET], raw[CHARSET:]
    if charset == b"UNICODE\0":
        return _utf16(body, little=entry.little)
    if charset == b"JIS\0\0\0\0\0":
        return body.decode("iso2022_jp", "replace").strip("\0")
    if charset in (b"ASCII\0\0\0", bytes(CHARSET)):
        return plain(body)
    return plain(raw)  # no charset at all, as many programs write it


def _utf16(body: bytes, *, little: bool) -> str:
    """Return UTF-16 text; programs disagree on its byte order, so both are tried and scored.

    Args:
        body: the text, with or without a byte order mark.
        little: byte order of the EXIF block, which decides where nothing else does.
    """
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        little = body[:1] == b"\xff"
        body = body[2:]
    else:
        scores = {order: _score(body[:SCORED], order) for order in ("utf-16-le", "utf-16-be")}
        if scores["utf-16-le"] <= 0 and scores["utf-16-be"] <= 0 and _is_plain(body[:SCORED]):
            return plain(body)
        if scores["utf-16-le"] != scores["utf-16-be"]:
            little = scores["utf-16-le"] > scores["utf-16-be"]
    return body.decode("utf-16-le" if little else "utf-16-be", "replace").strip("\0")


def _is_plain(body: bytes) -> bool:
    """Tell whether bytes are ASCII text, which programs write behind the wrong charset."""
    return b"\0" not in body.rstrip(b"\0") and body.rstrip(b"\0").isascii()


def _score(body: bytes, order: str) -> int:
    """Return how much a text in this byte order looks like one: blanks, ASCII, one script."""
    said = body.decode(order, "replace").strip("\0")
    ascii_letters = sum(" " <= char <= "~" or char in "\n\r\t" for char in said)
    faults = sum(char == "\ufffd" or not (char.isprintable() or char.isspace()) for char in said)
    blocks = len({ord(char) >> 8 for char in said})
    return 4 * ascii_letters - 4 * faults - blocks
