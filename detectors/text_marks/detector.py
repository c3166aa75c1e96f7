"""Looks for assistant residue, hidden characters and the watermarks that the user set."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from detectors.item import Item
from detectors.options import parse_options
from detectors.signal import Outcome, Reason, Signal, Tier
from detectors.spec import Settings
from detectors.text_marks.watermarks.settings import Kgw, SynthId
from detectors.text_marks.watermarks.watermark import Watermark

if TYPE_CHECKING:
    from detectors.text_marks.search import Table

VERSION = "2"
"""Version of the table; with watermarks, the fingerprints of their keys follow."""
RIGHT = 'its option is a list of watermarks, each with kind = "kgw" or "synthid"'


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a user may set."""

    watermarks: list[Kgw | SynthId] = []
    """Watermarks whose keys the user holds."""


class TextMarks:
    """Looks for the rows of `marks.toml`: one finding for each row found, or one `clear`.

    Each watermark that is set gives one signal more.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Read the watermarks, not yet the table.

        Raises:
            ConfigError: an option or a watermark cannot be used.
        """
        said = parse_options("text_marks", options, Options, RIGHT)
        self._watermarks = [Watermark(one, len(said.watermarks)) for one in said.watermarks]
        keys = [f"{one.kind} {one.fingerprint}" for one in self._watermarks]
        self.version = ", ".join([VERSION, *keys])
        self._settings: Settings | None = None

    def settings(self) -> Settings:
        """Return the table's version and the watermarks, without their keys."""
        if self._settings is None:
            watermarks = [one.public for one in self._watermarks]
            options = {"watermarks": watermarks} if watermarks else {}
            self._settings = Settings(version=VERSION, options=options)
        return self._settings

    @cached_property
    def _table(self) -> "Table":
        from detectors.text_marks.search import Table

        return Table()

    def inspect(self, item: Item) -> list[Signal]:
        """Return the marks of the item's text, in the order of the table; then watermarks."""
        found = self._table.found(item.passage) or [_CLEAR]
        return found + [one.look(item) for one in self._watermarks]


_CLEAR = Signal(
    detector="text_marks",
    tier=Tier.METADATA,
    outcome=Outcome.CLEAR,
    reason=Reason("text_marks.clear"),
)
