"""The JSON Schema of a record, for programs in any language: `record-1.json`."""

from typing import Any

import msgspec

from detectors.signal import FACTS, Outcome
from provenance.record import Record

OPTIONAL = ("part", "parts", "settings")
"""Keys that not every record has."""


def current() -> dict[str, Any]:
    """Return the JSON Schema of a record (draft 2020-12), as `record-1.json` holds it.

    Every key is required that every record has: all but those of posts alone, and those that came
    after 0.1. Only findings claim something. The facts that a verdict rests on are named, a
    structure a tier. Further keys are allowed: a later release may add some within the same
    version.
    """
    _, own = msgspec.json.schema_components([Record])
    (record, *facts), definitions = msgspec.json.schema_components([Record, *FACTS.values()])
    for made in (definitions[name] for name in own):
        if "properties" in made:
            made["required"] = [name for name in made["properties"] if name not in OPTIONAL]
    definitions["Signal"]["if"] = {"properties": {"claim": {"type": "string"}}}
    definitions["Signal"]["then"] = {"properties": {"outcome": {"const": Outcome.FINDING}}}
    definitions["Signal"]["allOf"] = [
        {
            "if": {"properties": {"tier": {"const": tier}}},
            "then": {"properties": {"facts": reference}},
        }
        for tier, reference in zip(FACTS, facts, strict=True)
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "provenance.record/1",
        **record,
        "$defs": definitions,
    }


def text() -> str:
    """Return the schema as the file holds it.

    `python -c "from provenance.schema import text; print(text(), end='')"` writes it anew.
    """
    shown = msgspec.json.format(msgspec.json.encode(current(), order="deterministic"), indent=2)
    return shown.decode() + "\n"
