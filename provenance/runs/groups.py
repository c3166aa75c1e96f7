"""Groups of a run: what occurs more than once."""

from typing import BinaryIO

import msgspec

from provenance.runs.ledger import Ledger

SAME_BYTES = "same_bytes"


def write(ledger: Ledger, out: BinaryIO) -> dict[str, int]:
    """Write the groups, largest first, one a line; return how many there are of each kind."""
    count = 0
    for content, _ in ledger.equal_bytes():
        count += 1
        out.write(b'{"kind":"same_bytes","items":[')
        for number, uri in enumerate(ledger.of_content(content)):
            out.writelines((b"," if number else b"", msgspec.json.encode(uri)))
        out.write(b'],"sha256":"' + content.hex().encode() + b'"}\n')
    return {SAME_BYTES: count, "same_picture": 0}
