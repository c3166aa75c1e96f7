"""GitLab Code Quality: a JSON array, an entry for each item that asks for a look.

The form is that of "Code Quality report format" in GitLab's documentation: a path without `./`, a
fingerprint that no other entry has, and that stays from checkout to checkout.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, Final, TextIO

import msgspec

from provenance.intake.files import named
from provenance.intake.location import Root
from provenance.record import Record, Risk
from provenance.render import RenderOptions
from provenance.render.escape import escape_json
from provenance.render.words import Words
from provenance.verdict.headline import headline

SEVERITIES: Final = {Risk.HIGH: "critical", Risk.REVIEW: "minor"}
UNCHECKED: Final = "info"
"""The severity of an item that could not be checked."""
CUT: Final = "blocker"
"""The severity of the entry which says that others are missing, for the run was interrupted."""


def write(records: Iterable[Record], out: TextIO, look: RenderOptions) -> None:
    """Write the array. What a baseline accepts has no entry."""
    words, root = Words(look), Root(look.root)

    def json(value: dict[str, Any]) -> str:
        return escape_json(msgspec.json.encode(value).decode(), ascii_only=not look.unicode)

    between = ""
    out.write("[")
    for record in records:
        if entry := _entry(record, words, root, look):
            out.write(f"{between}\n{json(entry)}")
            between = ","
    if cut := look.cut():
        entry = _shaped(words.shown(cut), "interrupted", CUT, ".")
        out.write(f"{between}\n{json(entry)}")
    out.write("\n]\n")


def _entry(record: Record, words: Words, root: Root, look: RenderOptions) -> dict[str, Any] | None:
    """Return the entry of a record; None where it has none."""
    severity = SEVERITIES.get(record.verdict.risk) if look.acceptance(record) is None else None
    place = root.locate(record)
    path = named(place.path)
    if severity:
        said, check = words.whole(record), headline(record).value.replace("_", "-")
    elif look.unchecked(record):
        severity, said, check = UNCHECKED, words.missed(record), "could-not-check"
    else:
        return None
    content = record.item.sha256 or ""
    if place.post:
        said = f"{words.shown(place.post)}: {said}"
    return _shaped(said, check, severity, path, place.line, identity=f"{place.name}\0{content}")


def _shaped(
    said: str, check: str, severity: str, path: str, line: int = 1, *, identity: str = ""
) -> dict[str, Any]:
    told = f"{check}\0{identity}".encode("utf-8", "surrogatepass")
    return {
        "description": said,
        "check_name": f"provenance/{check}",
        "fingerprint": hashlib.sha256(told).hexdigest(),
        "severity": severity,
        "location": {"path": path, "lines": {"begin": line}},
    }
