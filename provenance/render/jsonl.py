"""One record a line, for programs."""

from collections.abc import Iterable
from typing import TextIO

import msgspec

from provenance.record import Record
from provenance.render import RenderOptions
from provenance.render.escape import escape_json


def write(records: Iterable[Record], out: TextIO, look: RenderOptions) -> None:
    """Write each record as it comes, compact, and hand it over at once."""
    encoder = msgspec.json.Encoder()
    for record in records:
        line = encoder.encode(record).decode()
        out.write(escape_json(line, ascii_only=not look.unicode) + "\n")
        out.flush()
