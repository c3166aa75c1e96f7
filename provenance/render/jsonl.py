"""One record a line, for programs."""

from collections.abc import Iterable
from typing import TextIO

import msgspec

from provenance.record import Record
from provenance.render import RenderOptions
from provenance.render.escape import escape_json

_ENCODER = msgspec.json.Encoder()


def line(record: Record, *, ascii_only: bool = False) -> str:
    """Return a record as one line, without its end."""
    return escape_json(_ENCODER.encode(record).decode(), ascii_only=ascii_only)


def write(records: Iterable[Record], out: TextIO, look: RenderOptions) -> None:
    """Write each record as it comes, compact, and hand it over at once."""
    for record in records:
        out.write(line(record, ascii_only=not look.unicode) + "\n")
        out.flush()
