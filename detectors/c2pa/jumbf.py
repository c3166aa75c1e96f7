"""Manifest stores, taken apart without verifying anything (ISO 19566-5; C2PA 2.2, 11.1).

What this module says is what stands there: nobody vouches for it. It tells whether a store is small
enough for a verifier, and what the active manifest of one that is not declares.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from detectors.c2pa import cbor
from detectors.c2pa.store import rows
from detectors.decode.untrusted import mapping

MOST_INGREDIENTS = 1_000
MOST_BOXES = 2_000
"""Assertions, claims and signatures of all manifests of a store. Verifiers compare each with each:
3,000 ingredients take c2pa-python 7 CPU seconds and 1,000 take 0.7; 3,000 other assertions take
0.9. Real stores hold tens."""
MOST_BYTES = 32 << 20
"""Largest store that is read; with many thumbnails some have a few megabytes."""
SMALLEST = 33
"""Bytes of the smallest box with a description: two heads of 8, a type of 16, its toggles."""
MOST_NAMES = 200
"""Properties of a metadata assertion, and texts of a property, that are read."""
MOST_STEPS = 20_000
"""Boxes that are stepped over to find the active manifest and its assertions."""
_DESCRIBED = b"jumdc2pa\0\x11\0\x10"
"""The description of a manifest store: box type and the start of its UUID."""
_INGREDIENT = re.compile(rb"jumd.{17}c2pa\.ingredient", re.DOTALL)
_STORE_HEAD = 12
"""Bytes of a store before the type of its description box: two lengths and `jumb`."""
_HEAD = 8
_UUID = 17
"""Bytes of a description before its label: UUID and toggles."""


class Excess(msgspec.Struct, frozen=True, kw_only=True):
    """Why a store, or the file around it, is not given to a verifier."""

    what: str
    """`ingredients`, `boxes`, `bytes`, or `pieces` of the file."""
    found: int
    limit: int

    def args(self) -> dict[str, Any]:
        """Return the arguments of a sentence."""
        return {"what": self.what, "found": self.found, "limit": self.limit}


def excess(data: bytes) -> Excess | None:
    """Return what of a store is over a limit, or None.

    Counted by signatures, not by walking, so that a broken box hides nothing.

    Args:
        data: a store, or any file that holds one as it is.
    """
    if len(data) < MOST_INGREDIENTS * SMALLEST:
        return None
    boxes = data.count(b"jumd")  # each ingredient has one, and no store is larger than its file
    ingredients = largest = 0
    if boxes > MOST_INGREDIENTS:
        ingredients = sum(1 for _ in _INGREDIENT.finditer(data))
    if len(data) > MOST_BYTES:
        largest = max((end - start for start, end in _stores(data)), default=0)
    for what, found, limit in (
        ("ingredients", ingredients, MOST_INGREDIENTS),
        ("boxes", boxes, MOST_BOXES),
        ("bytes", largest, MOST_BYTES),
    ):
        if found > limit:
            return Excess(what=what, found=found, limit=limit)
    return None


def active(data: bytes) -> dict[str, Any]:
    """Return the active manifest, as `Reader.json()` of c2pa-python would give a store of it alone.

    Actions and all other assertions in CBOR or JSON are read, ingredients with their relationship;
    nothing is verified, and what cannot be read is left out.

    Args:
        data: a store, or any file that holds one as it is.
    """
    for start, end in _stores(data):
        walker = _Walker(memoryview(data))
        manifests = [box for box in walker.inside(start + _HEAD, end) if box.label]
        if manifests:
            last = manifests[-1]
            manifest = walker.manifest(last)
            return {"active_manifest": last.label, "manifests": {last.label: manifest}}
    return {}


def metadata(data: bytes) -> Iterator[tuple[str, str, str]]:
    """Yield the texts of the active manifest's metadata assertions: label, `prefix:name`, text.

    They are JSON-LD under the customary prefixes of XMP; lists and languages give a text each.
    """
    for manifest in active(data).get("manifests", {}).values():
        for assertion in manifest["assertions"]:
            label = assertion["label"]
            if ".metadata" in label or label.startswith("stds."):
                for name, value in list(mapping(assertion["data"]).items())[:MOST_NAMES]:
                    yield from ((label, str(name), said) for said in _texts(value))


def _texts(value: Any, depth: int = 3) -> list[str]:
    """Return the texts of a value of JSON-LD."""
    if isinstance(value, (dict, list)) and depth:
        inner = list(value.values() if isinstance(value, dict) else value)[:MOST_NAMES]
        return [text for each in inner for text in _texts(each, depth - 1)]
    return [value] if isinstance(value, str) else []


def _stores(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield start and end of the stores in these bytes."""
    at = data.find(_DESCRIBED)
    while at >= 0:
        start = at - _STORE_HEAD
        if start >= 0 and data[start + 4 : start + _HEAD] == b"jumb":
            length = int.from_bytes(data[start : start + 4], "big")
            yield start, min(len(data), start + length if length else len(data))
        at = data.find(_DESCRIBED, at + 1)


class _Box(msgspec.Struct, frozen=True):
    """A superbox: its label, and where what it holds begins and ends."""

    label: str
    start: int
    end: int


class _Walker:
    """Steps over the boxes of one store, a limited number of them."""

    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.left = MOST_STEPS

    def boxes(self, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
        """Yield type, start and end of the content of each box between two offsets."""
        while start + _HEAD <= end and self.left > 0:
            self.left -= 1
            size = int.from_bytes(self.view[start : start + 4], "big")
            head = _HEAD
            if size == 1:
                head = 16
                size = int.from_bytes(self.view[start + _HEAD : start + head], "big")
            stop = min(end, start + size if size else end)
            if stop < start + head:
                return
            yield bytes(self.view[start + 4 : start + _HEAD]), start + head, stop
            start = stop

    def inside(self, start: int, end: int) -> Iterator[_Box]:
        """Yield the superboxes between two offsets."""
        for kind, begin, stop in self.boxes(start, end):
            if kind != b"jumb" or bytes(self.view[begin + 4 : begin + _HEAD]) != b"jumd":
                continue
            size = int.from_bytes(self.view[begin : begin + 4], "big")
            said = bytes(self.view[begin + _HEAD + _UUID : min(begin + size, stop)][:300])
            label = said.partition(b"\0")[0].decode("utf-8", "replace")
            yield _Box(label, begin + max(size, _HEAD), stop)

    def manifest(self, box: _Box) -> dict[str, Any]:
        """Return what a manifest says."""
        claim: dict[str, Any] = {}
        version, assertions = 1, dict[str, Any]()
        for part in self.inside(box.start, box.end):
            if part.label.startswith("c2pa.claim"):
                claim, version = mapping(self._content(part)), 2 if part.label[10:] == ".v2" else 1
            elif part.label == "c2pa.assertions":
                for each in self.inside(part.start, part.end):
                    assertions[each.label] = self._content(each)
        created = {str(row.get("url")).rpartition("/")[2] for row in _created(claim)}
        return {
            "claim_version": version,
            "claim_generator": claim.get("claim_generator"),
            "claim_generator_info": claim.get("claim_generator_info"),
            "assertions": [
                {"label": label, "data": said, "created": label in created}
                for label, said in assertions.items()
                if not label.startswith("c2pa.ingredient")
            ],
            "ingredients": [
                {"relationship": mapping(said).get("relationship"), "label": label}
                for label, said in assertions.items()
                if label.startswith("c2pa.ingredient")
            ],
        }

    def _content(self, box: _Box) -> Any:
        """Return the value of a superbox's CBOR or JSON; None where none can be read."""
        for kind, start, end in self.boxes(box.start, box.end):
            try:
                if kind == b"cbor":
                    return cbor.decoded(self.view[start : min(end, start + MOST_BYTES)])
                if kind == b"json":
                    return json.loads(bytes(self.view[start : min(end, start + MOST_BYTES)]))
            except (ValueError, RecursionError):
                return None
        return None


def _created(claim: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the references to assertions that the signer vouches for."""
    return rows(claim.get("created_assertions"))
