"""The detector of the plug-in."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from detectors.bank.location import location_of, opened
from detectors.errors import ConfigError
from detectors.item import Item
from detectors.signal import Claim, Outcome, Reason, Signal, Tier
from detectors.spec import BankState, Settings


class Options(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`[detectors.stock_faces]` of the user's configuration, and what the command fills in."""

    known: list[str] = []
    """SHA-256 of known pictures, hex."""
    banks: list[str] = []
    """Banks whose entries are known too; the spec takes them, so `--bank` names them."""
    today: date
    """UTC day of the run; the spec takes it."""


class StockFaces:
    """Says that a picture is a known stock picture, and for how long it has been known."""

    version = "1.0"

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Read the options and the banks.

        Raises:
            ConfigError: an unknown key, a wrong value, or a bank that cannot be used.
        """
        try:
            chosen = msgspec.convert(options, Options)
        except msgspec.ValidationError as error:
            raise ConfigError(f"[detectors.stock_faces]: {error}") from error
        self._today = chosen.today
        self._since: dict[str, date | None] = dict.fromkeys(chosen.known)
        banks = [opened(location_of(name)) for name in chosen.banks]
        self._settings = Settings(
            version=self.version,
            options={"known": sorted(chosen.known)},
            banks=tuple(BankState(bank.id, bank.changes) for bank in banks),
        )
        for bank in banks:
            for entry in bank.entries.values():
                if entry.sha256:
                    self._since[entry.sha256] = date.fromisoformat(entry.created[:10])

    def settings(self) -> Settings:
        """Return what decides besides the item: neither where banks lie nor the day."""
        return self._settings

    def inspect(self, item: Item) -> list[Signal]:
        """Return one finding or one `clear`."""
        hit = item.sha256 in self._since
        since = self._since.get(item.sha256)
        days = {"days": (self._today - since).days} if since else {}
        return [
            Signal(
                detector="stock_faces",
                tier=Tier.MATCH,
                outcome=Outcome.FINDING if hit else Outcome.CLEAR,
                claim=Claim.KNOWN_INNOCENT if hit else None,
                source=f"stock:{item.sha256}" if hit else None,
                reason=Reason("stock_faces.known" if hit else "stock_faces.unknown"),
                facts={"algorithm": "sha256", **days} if hit else {},
            )
        ]
