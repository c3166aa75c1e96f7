"""The JSON Schema of a record, for programs in any language: `record-1.json`."""

from typing import Any

import msgspec

from detectors.signal import Outcome
from provenance.record import Record

OPTIONAL = ("part", "parts")
"""Keys that not every record has."""


def current() -> dict[str, Any]:
    """Return the JSON Schema of a record (draft 2020-12), as `record-1.json` holds it.

    Every key is required that every record has: all but those of posts alone, and those that came
    after 0.1. Only findings claim something. Further keys are allowed: a later release may add some
    within the same version.
    """
    reference, definitions = msgspec.json.schema_components([Record])
    for made in definitions.values():
        if "properties" in made:
            made["required"] = [name for name in made["properties"] if name not in OPTIONAL]
    definitions["Signal"]["if"] = {"properties": {"claim": {"type": "string"}}}
    definitions["Signal"]["then"] = {"properties": {"outcome": {"const": Outcome.FINDING}}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "provenance.record/1",
        **reference[0],
        "$defs": definitions,
    }


def text() -> str:
    """Return the schema as the file holds it.

    `python -c "from provenance.schema import text; print(text(), end='')"` writes it anew.
    """
    shown = msgspec.json.format(msgspec.json.encode(current(), order="deterministic"), indent=2)
    return shown.decode() + "\n"
