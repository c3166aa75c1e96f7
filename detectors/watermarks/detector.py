"""Looks for public messages in pixels, and for labels that programs paste."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from detectors.errors import CannotAssess
from detectors.item import Item
from detectors.options import parse_options
from detectors.signal import Claim, Outcome, Reason, Signal, Tier
from detectors.spec import Settings
from detectors.watermarks.faithful import is_faithful
from detectors.watermarks.table import marks

if TYPE_CHECKING:
    from detectors.decode.picture import Picture
    from detectors.watermarks.decoders.decoder import Decoder
    from detectors.watermarks.labels import Label
    from detectors.watermarks.lattice import Found

NAME: Final = "watermarks"
VERSION: Final = "1"
"""Of the table, the statistic and the labels."""
UNREADABLE: Final = ["SynthID", "Digimarc", "Imatag", "Trufo", "Stable Signature"]
"""Marks that nobody but their makers can read: whether they are there is never known here."""
LABELS: Final = {"gemini-sparkle": "Gemini", "doubao-label": "Doubao"}
"""Label → who pastes it."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the user may set."""

    fast: bool = False
    """Leave out the search for messages in cut pictures and screens."""
    model: str | None = None
    """A decoder of watermarks that the user holds: an ONNX file, or its folder."""


class Watermarks:
    """Finds what programs leave in pixels. Anyone can leave it: it never stands alone for much."""

    version = VERSION

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Read the options.

        Raises:
            ConfigError: one is unknown, or the decoder cannot be used.
        """
        said = parse_options(NAME, options, Options, "use fast, model")
        self._fast, self._decoder = said.fast, _decoder(said.model)

    @cached_property
    def _settings(self) -> Settings:
        models = {NAME: self._decoder.identity} if self._decoder else {}
        return Settings(version=VERSION, options={"fast": self._fast}, models=models)

    def settings(self) -> Settings:
        """Return the version, whether the search was left out, and the decoder's digest."""
        return self._settings

    def inspect(self, item: Item) -> list[Signal]:
        """Return a finding for each mark, else one `clear`; then what the user's decoder reads."""
        picture = item.picture
        if picture.reduced > 1:
            return [_said(Outcome.NOT_ASSESSED, Reason("watermarks.reduced"))]
        said = self._public(item, picture)
        if self._decoder is not None:
            try:
                said.append(self._decoder.look(item))
            except CannotAssess as fault:  # what was seen before stands
                said.append(_said(fault.outcome, fault.reason))
        return said

    def _public(self, item: Item, picture: "Picture") -> list[Signal]:
        """Return what anyone can read."""
        from detectors.watermarks.lattice import LEAST_PIXELS

        found = list(self._marks(item, picture))
        if found:
            return found
        if picture.width * picture.height < LEAST_PIXELS:
            return [_said(Outcome.NOT_ASSESSED, Reason("watermarks.small"))]
        return [_said(Outcome.CLEAR, Reason("watermarks.clear"), {"not_read": UNREADABLE})]

    def _marks(self, item: Item, picture: "Picture") -> Iterator[Signal]:
        from detectors.watermarks import labels, lattice

        if picture.width * picture.height >= lattice.LEAST_PIXELS:
            moved = not self._fast and is_faithful(item)
            message = lattice.found(picture.bare, marks().message, moved=moved)
            if message:
                yield _message(message)
        for label in labels.found(picture.luma):
            yield _label(label)


def _decoder(path: str | None) -> "Decoder | None":
    """Return the user's decoder.

    Raises:
        ConfigError: it cannot be used.
    """
    if path is None:
        return None
    from detectors.watermarks.decoders.decoder import Decoder

    return Decoder(Path(path))


def _message(found: "Found") -> Signal:
    message = found.message
    facts = {
        "family": "pixels",
        "scheme": "dwtDct",
        "message": message.name,
        "tool": message.writer,
        "matching_bits": found.matching_bits,
        "bits": len(message.signs),
        "p_value": float(f"{found.p_value:.2g}"),
        "plane": found.plane,
    }
    args = {"tool": message.writer, "matching": found.matching_bits, "bits": facts["bits"]}
    return _claimed(message.writer, Reason("watermarks.message", args), facts)


def _label(label: "Label") -> Signal:
    tool = LABELS[label.scheme]
    facts = {
        "family": "label",
        "scheme": label.scheme,
        "tool": tool,
        "score": label.score,
        "z": label.z,
        "p_value": float(f"{label.p_value:.2g}"),
        "place": list(label.box),
    }
    return _claimed(tool, Reason("watermarks.label", {"tool": tool}), facts)


def _claimed(writer: str, reason: Reason, facts: dict[str, Any]) -> Signal:
    return Signal(
        detector=NAME,
        tier=Tier.METADATA,
        outcome=Outcome.FINDING,
        claim=Claim.AI_GENERATED,
        source=f"metadata:{writer}",
        reason=reason,
        facts=facts,
    )


def _said(outcome: Outcome, reason: Reason, facts: dict[str, Any] | None = None) -> Signal:
    return Signal(
        detector=NAME, tier=Tier.METADATA, outcome=outcome, reason=reason, facts=facts or {}
    )
