"""Names in a ZIP archive's central directory; nothing is unpacked."""

from collections.abc import Iterator

END = b"PK\x05\x06"
ENTRY = b"PK\x01\x02"
TAIL = 22 + 65_535
"""Bytes at the end of a file in which the end record may lie: with the longest comment."""
MOST = 4000
"""Names that are read."""
PLACES = {b"[Content_Types].xml", b"word/document.xml"}


def is_word(data: bytes) -> bool:
    """Tell whether an archive holds what makes it a Word document (ECMA-376, part 2)."""
    return PLACES.issubset(_names(data))


def _names(data: bytes) -> Iterator[bytes]:
    """Yield the names of the members, as far as the directory is sound (APPNOTE 4.3.12, 4.3.16)."""
    end = data.rfind(END, max(0, len(data) - TAIL))
    at = int.from_bytes(data[end + 16 : end + 20], "little") if end >= 0 else len(data)
    for _ in range(MOST):
        entry = data[at : at + 46]
        if not entry.startswith(ENTRY):
            return
        name, extra, comment = (
            int.from_bytes(entry[i : i + 2], "little")
            for i in (28, 30, 32)  # lengths
        )
        yield data[at + 46 : at + 46 + name]
        at += 46 + name + extra + comment
