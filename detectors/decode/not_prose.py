"""Texts that nobody wrote for people to read: pointers, metadata of another file, data."""

import csv
import io
import re

import msgspec

POINTER = re.compile(
    rb"version https?://(?:git-lfs\.github\.com|hawser\.github\.com)/spec/v\d[^\n]{0,40}\n"
    rb"(?:[a-z0-9.-]{1,100} [^\n]{1,300}\n){0,20}?oid [a-z0-9]{1,20}:[0-9a-f]{32,128}\r?\n"
    rb"size \d{1,20}\s{0,4}"
)
"""What Git LFS leaves in place of a file that was not downloaded (Git LFS specification)."""
MAX_POINTER = 1_024
"""Bytes of a pointer, by that specification."""
HEAD = 16 << 10
"""Characters of a text that are looked at for a packet's root."""
XMP_ROOT = re.compile(
    r"\ufeff?\s*+(?:<\?xml[^>]{0,400}\?>\s*+)?(?:<!--[^>]{0,2000}-->\s*+)?"
    r"(?:<\?xpacket\s|<(?:\w{1,40}:)?(?:xmpmeta|xapmeta|RDF)[\s>])"
)
XMP_NAMES = ("<?xpacket ", "adobe:ns:meta/", "http://ns.adobe.com/")
"""One of them is in every packet of XMP, and not in other RDF."""
MEMBER = re.compile(r'\[?\s{0,100}\{\s{0,100}"[^"\n]{1,200}"\s{0,20}:')
"""How an object begins, or a list of them; hand-made ones have a comma too many somewhere."""
CLOSED = {"{": "}", "[": "]"}
MAX_LINES = 64
"""Lines or rows by which a file of many is told."""
MAX_TABLE = 64 << 10
"""Characters of a table that are looked at."""
DELIMITERS = (",", ";", "\t")
TITLE = re.compile(r"[^\W\d](?:[\w ()/%#:-]|\.(?=\w)){0,60}")
"""Heading of a column: a word or a few, without punctuation or a blank in front."""
POSTS = frozenset({
    "text", "full_text", "full text", "tweet_text", "tweet", "body", "content", "message", "post",
    "id", "post_id", "tweetid", "tweet_id", "account_id", "author", "user", "username",
    "screen_name", "created_at", "date", "timestamp",
})  # fmt: skip
"""Headings of tables of posts, in lower case."""
NUMBERED = re.compile(r"\d{1,20}|\d{4}-\d\d-\d\d(?:[T ][\d:.+Z -]{1,30})?")
"""A number or a day, by which the rows of a table without a heading of names are told."""
FEWEST_ROWS = 3
"""Rows that make a table, the heading among them; two do where it is one of posts."""
ASSIGNED = re.compile(
    r"(?:(?:var|let|const)\s{1,9}|export\s{1,9}default\s{1,9}(?=[\[{]))?"
    r"(?:[A-Za-z_$][\w$.\[\]'\"-]{0,200}\s{0,20}[=(]\s{0,20})?(?=[\[{])"
)
"""What stands in front of data that is written as a script, as in archives of accounts."""


def told(data: bytes, encoding: str) -> tuple[str, str] | None:
    """Return media type and reason code of a text that is not prose, None for prose.

    Args:
        data: the whole text.
        encoding: in which it is written.
    """
    if len(data) <= MAX_POINTER and POINTER.fullmatch(data):
        return "text/plain", "item.lfs_pointer"
    text = data.decode(encoding, "replace")
    if XMP_ROOT.match(text[:HEAD]) and any(name in text[:HEAD] for name in XMP_NAMES):
        return "application/rdf+xml", "item.sidecar"
    bare = text.removeprefix("\ufeff").strip()
    if bare[:1] in ("{", "[") and (name := _json(bare)):
        return name, "item.data"
    if _is_script(bare):
        return "application/json", "item.data"
    if _is_table(text.removeprefix("\ufeff")):
        return "text/csv", "item.data"
    return None


def _json(text: str) -> str | None:
    """Return the media type of a JSON object or array, or of lines of them; None for no JSON."""
    if _is_value(text):
        return "application/json"
    lines = [line for line in text.split("\n", MAX_LINES)[:MAX_LINES] if line.strip()]
    each = all(line.lstrip()[:1] in ("{", "[") and _is_value(line) for line in lines)
    if each and len(lines) > 1:
        return "application/x-ndjson"
    nearly = MEMBER.match(text) and text[-1] == CLOSED[text[0]]
    return "application/json" if nearly else None


def _is_script(text: str) -> bool:
    """Tell whether a text is a script that does nothing but name one JSON value."""
    if not (before := ASSIGNED.match(text)):
        return False
    value = text[before.end() :].removesuffix(";").rstrip()
    return _is_value(value.removesuffix(")") if "(" in before[0] else value)


def _is_value(text: str) -> bool:
    """Tell whether a text is one JSON value; nothing is built of it."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return False
    return True


def _is_table(text: str) -> bool:
    """Tell whether a text is rows of as many columns each, under a heading or numbered."""
    first = text[:MAX_TABLE].split("\n", 1)[0]
    return any(_has_columns(text, mark) for mark in DELIMITERS if mark in first)


def _has_columns(text: str, delimiter: str) -> bool:
    """Tell whether a text is a table with this mark between its columns."""
    rows = []
    try:
        for row in csv.reader(io.StringIO(text[:MAX_TABLE]), delimiter=delimiter):
            rows += [row] if row else []
            if len(rows) == MAX_LINES:
                break
    except csv.Error:
        return False
    if len(text) > MAX_TABLE and len(rows) < MAX_LINES:
        rows.pop()  # cut
    columns = {len(row) for row in rows}
    if len(columns) != 1 or columns == {1}:
        return False
    return _is_headed(rows) or (len(rows) >= FEWEST_ROWS and _is_numbered(rows[1:]))


def _is_headed(rows: list[list[str]]) -> bool:
    """Tell whether the first row is a heading: names, each another, the first may be missing."""
    names = rows[0]
    fewest = 2 if POSTS.intersection(map(str.lower, names)) else FEWEST_ROWS
    return (
        len(rows) >= fewest
        and len(set(names)) == len(names)
        and all(TITLE.fullmatch(name) for name in names[not names[0] :])
    )


def _is_numbered(rows: list[list[str]]) -> bool:
    """Tell whether a column is numbers or days alone and no cell begins with a blank."""
    cells = (cell for row in rows for cell in row)
    return all(cell == cell.lstrip() for cell in cells) and any(
        all(map(NUMBERED.fullmatch, column)) for column in zip(*rows, strict=True)
    )
