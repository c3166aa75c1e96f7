"""Which detector made what of a record, so that a stored one can be brought up to date.

A record says what was seen; its trace says whose it is: which settings each detector had, what it
asked to be decoded, and which facts and fingerprints it told. With both, a detector can be added to
a record or taken out of it without the others looking again.
"""

from typing import NamedTuple

import msgspec

from detectors.spec import Settings

WHOLE = ""
"""Stands for an item without parts."""


class Made(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was made of an item, or of a part of a post."""

    asked: dict[str, list[str]] = {}
    """Detector → what it asked to be decoded: `picture`, `passage`."""
    facts: dict[str, str] = {}
    """Fact → the detector or the decoding that told it; a fact of the source is not listed."""
    fingerprints: dict[str, list[str]] = {}
    """Fingerprint → the detectors that computed it."""


class Kept(NamedTuple):
    """What a run keeps of a picture besides its record."""

    content: bytes
    """SHA-256 of its bytes."""
    likeness: bytes
    """What tells it from others; empty where there is too little in it."""
    small: bytes
    """A small copy, WebP."""


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """Whose the signals, facts and fingerprints of a record are."""

    settings: dict[str, Settings]
    """Detector that looked → what decided its signals besides the item."""
    parts: dict[str, Made]
    """Part of a post → what was made of it; under `WHOLE` an item without parts."""
