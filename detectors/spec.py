"""A detector's line in the catalog, and what a detector has to be."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from detectors.item import Item, Kind
from detectors.signal import Signal, Tier


class Detector(Protocol):
    """Looks for one kind of evidence.

    A factory takes the detector's options as a mapping (from `[detectors.NAME]` of the user's
    configuration and the command line), refuses what it does not know with `ConfigError`, and is
    cheap: it validates, and leaves heavy imports and weights to the first `inspect`.
    """

    version: str
    """What decided, for the record: the version of model, table or library, and the engine."""

    def inspect(self, item: Item) -> list[Signal]:
        """Return at least one signal; raises `CannotAssess` where the item cannot be judged."""
        ...


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a detector without loading it."""

    name: str
    tier: Tier
    summary: str
    """One line for `provenance detectors`."""
    factory: str
    """`module:callable`; called with the options, gives a Detector."""
    kinds: tuple[Kind, ...]
    media_types: tuple[str, ...] = ()
    """Further media types it applies to, whatever their kind."""
    messages: tuple[str, ...] = ()
    """`package:file.toml` with the sentences of its reason codes, besides those of its package."""
    train: str | None = None
    """`module:function(data: Path, out: Path, splits: tuple[str, ...], say)`."""
    evaluate: str | None = None
    """`module:function(data, model: Path, splits, say)`: writes metrics.json and card.md."""
    calibrate: str | None = None
    """`module:function(data, model, splits, say, threshold)`: writes the calibration into
    config.json, unless the sample cannot support a likelihood ratio of `threshold`; gives the
    `report.Way` of each path."""

    def applies(self, item: Item) -> bool:
        """Tell whether this detector looks at such items."""
        return item.kind in self.kinds or item.media_type in self.media_types

    def load(self, options: Mapping[str, Any]) -> Detector:
        """Load the detector, built with these options.

        Raises:
            ConfigError: an option cannot be used.
        """
        made: Detector = resolve(self.factory)(options)
        return made


def resolve(name: str) -> Callable[..., Any]:
    """Return the object that `module:attribute` names."""
    module, _, attribute = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return found
