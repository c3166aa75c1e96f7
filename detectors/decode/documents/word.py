"""Text of Word documents (ECMA-376, .docx)."""

import io
import re
import struct
import zlib
from itertools import islice
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

from detectors.decode.documents import LONGEST, Document, damaged, needs_extra, over, shown

if TYPE_CHECKING:
    from docx.document import Document as Opened

FORM = "Word"
MOST_MEMBERS = 2000
UNPACKED = 100 << 20
"""Bytes of all members together."""
UNPACKED_XML = 24 << 20
"""Bytes of all XML members: their trees take some 12 times as much memory."""
RATIO = 200
"""Bytes unpacked for one packed; XML of real documents packs 10 to 40 times."""
SMALL = 4 << 20
"""Bytes unpacked below which the ratio is no matter."""
MOST_PARAGRAPHS = 100_000
MOST_LINKS = 10_000
CORE = ("author", "last_modified_by", "created", "modified", "revision", "comments")
APPLICATION = {
    "Application": "application",
    "AppVersion": "version",
    "TotalTime": "minutes_edited",
    "Template": "template",
}
"""Element of docProps/app.xml → name of the fact."""
_QUOTING = re.compile(
    r"quot|zitat|cita|block ?text|code|listing|preformat|verbatim|macro|plain ?text|source",
    re.IGNORECASE,
)
"""Names of styles for quotations and code, Word's own and those that people give."""
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_PROPERTIES = "{http://schemas.openxmlformats.org/officeDocument/2006/extended-properties}"


def read(data: bytes, facts: dict[str, Any]) -> Document:
    """Read the paragraphs of the body, tables and text boxes included, one a line.

    `text` has those of headers and footers, and where links lead, behind them; `prose` has the body
    alone. Text that
    tracked changes delete, footnotes and comments are left out. Sets `facts["extractor"]` and
    `facts["document"]` with the properties of the file, and `facts["paragraphs_read"]` where not
    all of them were.

    Raises:
        CannotAssess: python-docx is missing, the file is damaged, or larger inside than a limit.
    """
    try:
        import docx
        from docx.opc.exceptions import OpcError
        from lxml.etree import LxmlError  # type: ignore[import-untyped]
    except ImportError:
        raise needs_extra(FORM) from None
    try:
        _within_limits(data)
        opened = docx.Document(io.BytesIO(data))
        facts["extractor"] = f"python-docx {docx.__version__}"
        lines, quoted = _paragraphs(opened, opened.element.body, facts)
        margins = [line for part in _margins(opened) for line in _paragraphs(opened, part, {})[0]]
        if said := _properties(opened):
            facts["document"] = said
    except (
        BadZipFile,
        OpcError,
        LxmlError,
        OSError,
        EOFError,
        struct.error,
        LookupError,
        ValueError,
        AttributeError,
        TypeError,
        NotImplementedError,
        RuntimeError,
        zlib.error,
    ) as error:  # fmt: skip - what zipfile and python-docx raise on files that break their rules
        raise damaged(FORM, error) from None
    body = "\n".join(lines)[:LONGEST]
    text = "\n".join([body, *margins, *_links(opened)])[:LONGEST]
    return Document(text=text, prose=body, quoted=tuple(quoted))


def _within_limits(data: bytes) -> None:
    """Refuse what is larger inside than is unpacked safely; zipfile unpacks no more than is said.

    Raises:
        CannotAssess: over a limit.
    """
    with ZipFile(io.BytesIO(data)) as packed:
        members = packed.infolist()
    if len(members) > MOST_MEMBERS:
        raise over(FORM, "members", len(members), MOST_MEMBERS)
    total = sum(member.file_size for member in members)
    if total > UNPACKED:
        raise over(FORM, "bytes unpacked", total, UNPACKED)
    xml = sum(m.file_size for m in members if m.filename.lower().endswith((".xml", ".rels")))
    if xml > UNPACKED_XML:
        raise over(FORM, "bytes of XML", xml, UNPACKED_XML)
    if total > SMALL and total > RATIO * len(data):
        raise over(FORM, "bytes for each one packed", total // len(data), RATIO)


def _paragraphs(
    opened: "Opened", root: Any, facts: dict[str, Any]
) -> tuple[list[str], list[tuple[int, int]]]:
    """Return the text of every paragraph below an element, in order, and what is quoted in it.

    What stands in a fallback stands beside it a second time, for older programs. A paragraph is
    quoted where its style is one for quotations or code.
    """
    found = root.iter(f"{_W}p")
    quoting = {one.style_id for one in opened.styles if _QUOTING.search(str(one.name))}
    lines: list[str] = []
    quoted: list[tuple[int, int]] = []
    start = 0
    for paragraph in islice(found, MOST_PARAGRAPHS):
        if next(paragraph.iterancestors(_FALLBACK), None) is not None:
            continue
        lines.append(paragraph.text.replace("\n", " "))
        if paragraph.style in quoting:
            quoted.append((start, start + len(lines[-1])))
        start += len(lines[-1]) + 1
    if next(found, None) is not None:
        facts["paragraphs_read"] = MOST_PARAGRAPHS
    return lines, quoted


def _margins(opened: "Opened") -> list[Any]:
    """Return the headers and footers as elements."""
    return [
        part.element
        for relation in opened.part.rels.values()
        if not relation.is_external and relation.reltype.endswith(("/header", "/footer"))
        for part in [relation.target_part]
    ]


def _links(opened: "Opened") -> list[str]:
    """Return the addresses that the body links to, in the order of the file."""
    found = (rel for rel in opened.part.rels.values() if rel.reltype.endswith("/hyperlink"))
    return [rel.target_ref for rel in islice(found, MOST_LINKS) if rel.is_external]


def _properties(opened: "Opened") -> dict[str, str]:
    """Return what docProps/core.xml and docProps/app.xml say, dates in ISO 8601."""
    core = opened.core_properties
    said = {name: value for name in CORE if (value := getattr(core, name))}
    said |= {
        fact: element.text
        for relation in opened.part.package.rels.values()
        if not relation.is_external and relation.reltype.endswith("/extended-properties")
        for name, fact in APPLICATION.items()
        if (element := _parsed(relation.target_part.blob).find(_PROPERTIES + name)) is not None
    }
    return {
        name: shown(value.isoformat() if hasattr(value, "isoformat") else value)
        for name, value in said.items()
        if value
    }


def _parsed(blob: bytes) -> Any:
    """Parse the root of a part, by python-docx's parser: no entities, no network."""
    from docx.oxml import parse_xml

    return parse_xml(blob)
