"""The C2PA list of conforming products: which product may not make which claim."""

import json
from functools import lru_cache
from typing import Any

import msgspec

from detectors.c2pa.trust.lists import HOME

SIGNALS = {
    "digitalCapture": "capturedMedia",
    "computationalCapture": "capturedMedia",
    "compositeCapture": "capturedMediaStitched",
    "digitalCreation": "nonGenAIDigitalCreation",
}
"""Digital source type of a `c2pa.created` action → signal of the official rubric."""
NAMES = ("CN", "O", "OU", "C")


class Products(msgspec.Struct, frozen=True):
    """The list, as far as it forbids claims."""

    issued: str
    forbidden: dict[tuple[str, ...], frozenset[str]]
    """Subject (CN, O, OU, C; empty where not given) → forbidden signals."""


@lru_cache(maxsize=1)
def products() -> Products:
    """Return the packaged list."""
    raw = json.loads((HOME / "products.json").read_text("utf-8"))
    rows: dict[tuple[str, ...], frozenset[str]] = {}
    for row in raw["products"]:
        subject, forbidden = _subject(row["subject"]), frozenset(row.get("forbidden", ()))
        # two products of one name: only what neither may claim
        rows[subject] = rows[subject] & forbidden if subject in rows else forbidden
    return Products(raw["issued"], {subject: rows[subject] for subject in rows if rows[subject]})


def forbidden(subject: dict[str, Any], source_type: str | None) -> str | None:
    """Return the signal of a beginning that this signer's product may not give, or None.

    Args:
        subject: distinguished name of the signer.
        source_type: last part of the digital source type of its `c2pa.created` action.
    """
    signal = SIGNALS.get(source_type or "")
    name = _subject(subject)
    general = (name[0], name[1], "", name[3])  # products without a unit: whatever unit signs
    rows = products().forbidden
    return signal if signal in rows.get(name, rows.get(general, frozenset())) else None


def _subject(name: dict[str, Any]) -> tuple[str, ...]:
    """Return the parts of a distinguished name that the list compares."""
    return tuple(str(name.get(part) or "") for part in NAMES)
