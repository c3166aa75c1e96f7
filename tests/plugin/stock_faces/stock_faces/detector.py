"""The detector of the plug-in."""

from collections.abc import Mapping
from typing import Any

import msgspec

from detectors.errors import ConfigError
from detectors.item import Item
from detectors.signal import Claim, Outcome, Reason, Signal, Tier


class Options(msgspec.Struct, forbid_unknown_fields=True):
    """`[detectors.stock_faces]` of the user's configuration."""

    known: list[str] = []
    """SHA-256 of known pictures, hex."""


class StockFaces:
    """Says that a picture is a known stock picture."""

    version = "1.0"

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Read the options.

        Raises:
            ConfigError: an unknown key or a wrong value.
        """
        try:
            self._known = set(msgspec.convert(options, Options).known)
        except msgspec.ValidationError as error:
            raise ConfigError(f"[detectors.stock_faces]: {error}") from error

    def inspect(self, item: Item) -> list[Signal]:
        """Return one finding or one `clear`."""
        hit = item.sha256 in self._known
        return [
            Signal(
                detector="stock_faces",
                tier=Tier.MATCH,
                outcome=Outcome.FINDING if hit else Outcome.CLEAR,
                claim=Claim.KNOWN_INNOCENT if hit else None,
                source=f"stock:{item.sha256}" if hit else None,
                reason=Reason("stock_faces.known" if hit else "stock_faces.unknown"),
                facts={"algorithm": "sha256"} if hit else {},
            )
        ]
