"""Texts of EXIF (CIPA DC-008): bounded, in both byte orders, in every charset of UserComment."""

from detectors.containers.tiff import Entry, entries

NAMES = {
    0x010D: "DocumentName",
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x013B: "Artist",
    0x9003: "DateTimeOriginal",
    0x9286: "UserComment",
}
"""Tags whose texts are read."""
USER_COMMENT = 0x9286
TEXTUAL = (1, 2, 7)
"""BYTE, ASCII, UNDEFINED."""
PREFIX = b"Exif\0\0"
CHARSET = 8
"""Bytes of the charset in front of a UserComment."""


def raw_texts(data: bytes | memoryview) -> tuple[list[Entry], bool]:
    """Return the textual tags of the main and the Exif directory that are read, still encoded.

    Args:
        data: a TIFF stream; the `Exif` head of JPEG segments may stand before it.

    Returns:
        the entries, which `text` decodes, and whether a limit left some out.
    """
    if bytes(data[:6]) == PREFIX:
        data = data[6:]
    read = entries(data)
    texts = [
        entry
        for entry in read.found
        if entry.tag in NAMES and entry.type in TEXTUAL and entry.directory in ("IFD0", "Exif")
    ]
    return texts, read.limited


def plain(raw: bytes) -> str:
    """Give a text that claims no charset: UTF-8 where it is, else Latin-1; no NUL at its ends."""
    try:
        return raw.decode("utf-8").strip("\0")
    except UnicodeDecodeError:
        return raw.decode("latin-1").strip("\0")


def text(entry: Entry, raw: bytes) -> str:
    """Give the text of an entry, from its bytes."""
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
    """Give UTF-16 text; programs disagree on its byte order, so the text itself decides.

    Args:
        body: the text, with or without a byte order mark.
        little: byte order of the EXIF block, which decides where nothing else does.
    """
    high, low = body[:512:2].count(0), body[1:512:2].count(0)
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        little = body[:1] == b"\xff"
        body = body[2:]
    elif high != low:
        little = low > high
    return body.decode("utf-16-le" if little else "utf-16-be", "replace").strip("\0")
