"""An array of records, indented."""

from collections.abc import Iterable
from typing import TextIO

import msgspec

from provenance.record import Record
from provenance.render import RenderOptions
from provenance.render.escape import escape_json


def write(records: Iterable[Record], out: TextIO, look: RenderOptions) -> None:
    """Write one array, each record as it comes."""
    before = "[\n"
    for record in records:
        shown = msgspec.json.format(msgspec.json.encode(record), indent=2).decode()
        out.write(before + escape_json(shown, ascii_only=not look.unicode))
        before = ",\n"
    out.write("[]\n" if before == "[\n" else "\n]\n")
