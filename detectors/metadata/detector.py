"""Marks of AI that programs leave in named metadata fields."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from detectors.errors import CannotAssess, ConfigError
from detectors.item import Item
from detectors.metadata.fields import Fields
from detectors.metadata.marks import Mark, Rows, table
from detectors.metadata.value import Value
from detectors.signal import Claim, Outcome, Reason, Signal, Tier

NAME = "metadata"
MAX_FACT = 200
MAX_SHOWN = 60
"""Characters of a value in facts, and in a sentence."""
CAMERA = {
    "make": "EXIF Make",
    "model": "EXIF Model",
    "software": "EXIF Software",
    "taken": "EXIF DateTimeOriginal",
}
"""What a camera writes; facts, never proof of capture."""
MAX_CAMERA = 60
"""A camera's name is shorter; longer texts in its fields are something else."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """There is nothing to set."""


class Metadata:
    """Looks for the rows of `marks.toml`: one finding for each mark, or one `clear`."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Refuse options; there are none.

        Raises:
            ConfigError: an option was given.
        """
        try:
            msgspec.convert(dict(options), Options)
        except msgspec.ValidationError as error:
            raise ConfigError(f"detectors.metadata: {error}; it takes no options") from None
        marks = table()
        self.version = f"marks {marks.version}"
        self._rows = Rows(marks.mark)
        self._wanted = marks.wanted | set(CAMERA.values())

    def inspect(self, item: Item) -> list[Signal]:
        """Return the marks in the item's fields, in the order of the table.

        What a camera wrote, and which sidecars were read, go along as facts of the first signal.
        """
        fields = Fields(item.data, item.media_type, self._wanted)
        facts, faults = _beside(fields, item)
        camera = _camera(fields)
        signals = [_finding(mark, value) for mark, value in self._rows.found(fields)]
        signals = signals or [_nothing(fields, camera)]
        if camera:
            facts["camera"] = camera
        first = signals[0]
        signals[0] = msgspec.structs.replace(first, facts={**first.facts, **facts})
        return signals + faults


def _beside(fields: Fields, item: Item) -> tuple[dict[str, Any], list[Signal]]:
    """Read the XMP files beside an item; return facts of them, and a signal of each fault."""
    told: dict[str, list[str]] = {"sidecars": [], "sidecars_of_others": []}
    faults = []
    for sidecar in item.metadata:
        try:
            packet = sidecar.read()
        except CannotAssess as fault:
            facts = {"sidecar": sidecar.name}
            faults.append(
                Signal(
                    detector=NAME,
                    tier=Tier.METADATA,
                    outcome=fault.outcome,
                    reason=fault.reason,
                    facts=facts,
                )
            )
            continue
        own = fields.beside(sidecar, packet, item.uri.rpartition(".")[2])
        told["sidecars" if own else "sidecars_of_others"].append(sidecar.name)
    return {key: names for key, names in told.items() if names}, faults


def _finding(mark: Mark, value: Value) -> Signal:
    """Return the signal for a mark."""
    claim = None if mark.claim == "none" else Claim(mark.claim)
    shown = re.sub(r"\s+", " ", mark.excerpt(value)[: 4 * MAX_SHOWN]).strip()
    shown = shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}…"
    args = {"field": value.field, "value": _clean(shown)}
    code = f"metadata.{mark.id}" if claim is None else f"metadata.{claim.value.removeprefix('ai_')}"
    facts: dict[str, Any] = {"mark": mark.id, "field": value.field}
    facts["value"] = _clean(value.text[:MAX_FACT])
    if value.sidecar is not None:
        facts["sidecar"], facts["shared"] = value.sidecar.name, value.sidecar.shared
    if mark.tool is not None:
        facts["tool"] = args["tool"] = mark.tool
        code += "_by"
    return Signal(
        detector=NAME,
        tier=Tier.METADATA,
        outcome=Outcome.FINDING,
        claim=claim,
        log10_lr=None if mark.log10_lr == "unmeasured" else mark.log10_lr,
        source=f"metadata:{'sidecar' if value.sidecar else mark.writer(value)}",
        reason=Reason(code, args),
        facts=facts,
    )


def _nothing(fields: Fields, camera: dict[str, str]) -> Signal:
    """Return the signal for a file without a mark."""
    if fields.limited:
        outcome, reason = Outcome.NOT_ASSESSED, Reason("metadata.over_limit")
    elif not fields.whole and not fields.chunks:
        outcome, reason = Outcome.NOT_ASSESSED, Reason("metadata.unreadable")
    elif not fields.whole:
        outcome, reason = Outcome.CLEAR, Reason("metadata.clear_in_part")
    elif "model" in camera:
        maker, model = camera.get("make", ""), camera["model"]
        name = model if model.startswith(maker) else f"{maker} {model}"
        outcome, reason = Outcome.CLEAR, Reason("metadata.clear_camera", {"camera": name})
    else:
        outcome, reason = Outcome.CLEAR, Reason("metadata.clear")
    return Signal(detector=NAME, tier=Tier.METADATA, outcome=outcome, reason=reason)


def _camera(fields: Fields) -> dict[str, str]:
    """Return what the camera fields say, without texts that are too long for them."""
    said = {key: (fields.first(field) or "").strip() for key, field in CAMERA.items()}
    return {key: _clean(text) for key, text in said.items() if 0 < len(text) <= MAX_CAMERA}


def _clean(text: str) -> str:
    """Return text without lone surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8")
