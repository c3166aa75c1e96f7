"""Soft bindings of a manifest: watermarks and fingerprints by which it could be found again."""

import json
from typing import Any, Final

from detectors.c2pa.store import rows, text
from detectors.decode.untrusted import mapping

MOST: Final = 50
"""Rows kept."""


def soft_bindings(active: dict[str, Any]) -> list[dict[str, str]]:
    """Return what a stripped credential could be found again by; nothing is looked up.

    A row a block of a `c2pa.soft-binding` assertion (C2PA 2.2, 18.10): `algorithm` (of the C2PA
    soft binding algorithm list), `value` (bytes in hex) and `scope` (JSON; left out where it is the
    whole asset), each at most 300 characters.
    """
    told = []
    for assertion in rows(active.get("assertions")):
        if str(assertion.get("label")).startswith("c2pa.soft-binding"):
            data = mapping(assertion.get("data"))
            for block in rows(data.get("blocks"), MOST) or [{}]:
                row = {
                    "algorithm": text(data.get("alg"), 100),
                    "value": text(_hex(block.get("value"))),
                    "scope": text(_json(block.get("scope"))),
                }
                told.append({key: said for key, said in row.items() if said})
    return [row for row in told if "algorithm" in row][:MOST]


def _hex(value: Any) -> Any:
    """Return bytes, which the library gives as a list of numbers, in hex; the rest as it is."""
    if isinstance(value, list) and all(type(byte) is int and 0 <= byte <= 255 for byte in value):
        return bytes(value).hex()
    return value


def _json(value: Any) -> str | None:
    """Return what a file says as JSON, nothing where it says nothing."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")) if value else None
