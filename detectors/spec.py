"""A detector's line in the catalog, and what a detector has to be."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from detectors.errors import Error, NotLoadedError
from detectors.item import Item, Kind
from detectors.signal import Signal, Tier

T = TypeVar("T")


class Kinded(Protocol):
    """What is of a kind and of a media type: an item, or what a record says of one."""

    @property
    def kind(self) -> Kind:
        """Image, text, post or unsupported."""
        ...

    @property
    def media_type(self) -> str | None:
        """IANA media type, None where unknown."""
        ...


class BankState(msgspec.Struct, frozen=True):
    """A bank that was searched."""

    id: str
    """Stays when the bank is moved or renamed, and says nothing of where it lies."""
    change: int
    """Number of its last change that counted."""


class ListDigest(msgspec.Struct, frozen=True):
    """A trust list in use."""

    name: str
    sha256: str
    """SHA-256 of what it is used for and of its certificates, hex."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a detector's signals besides the item, for the digest in every record.

    No path, day, key or password belongs here, hashed or not.
    """

    version: str
    """As `Detector.version`, without names that a user gave to files."""
    options: dict[str, Any] = {}
    """Those that change what is said, JSON values."""
    models: dict[str, str] = {}
    """Name of a model → SHA-256 of what it holds, hex."""
    banks: tuple[BankState, ...] = ()
    """In the order in which they are searched."""
    lists: tuple[ListDigest, ...] = ()


class Detector(Protocol):
    """Looks for one kind of evidence.

    A factory takes the detector's options as a mapping (from `[detectors.NAME]` of the user's
    configuration and the command line), refuses what it does not know with `ConfigError`, and is
    cheap: it validates, and leaves heavy imports and weights to the first `inspect`.

    It may have a method `settings`, without arguments, that returns its `Settings` as they were
    for the last `inspect`; without one its version alone is known. It is asked with every item.
    """

    version: str
    """What decided, for the record: the version of model, table or library, and the engine."""

    def inspect(self, item: Item) -> list[Signal]:
        """Return at least one signal; raises `CannotAssess` where the item cannot be judged."""
        ...


Taken = Literal["device", "banks", "today", "trust_lists", "fast"]
"""What a detector may take of the command: the option of this name is filled in.

`device`: `cpu` or `cuda`; `banks`: folders and addresses, as the user named them; `today`: the UTC
day of the run, YYYY-MM-DD; `trust_lists`: names of lists in use besides those enabled; `fast`:
whether the quick path is asked for.
"""


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
    takes: tuple[Taken, ...] = ()
    """What it takes of the command as options; what was not said is not filled in."""
    messages: tuple[str, ...] = ()
    """`package:file.toml` with the sentences of its reason codes in English, besides those of its
    package; a file beside it that is named for another language, `de.toml`, has them in that."""
    train: str | None = None
    """`module:function(data: Path, out: Path, splits: tuple[str, ...], say)`."""
    evaluate: str | None = None
    """`module:function(data, model: Path, splits, say)`: writes metrics.json and card.md."""
    calibrate: str | None = None
    """`module:function(data, model, splits, say, threshold)`: writes the calibration into
    config.json, unless the sample cannot support a likelihood ratio of `threshold`; gives the
    `report.PathReport` of each path; none where nothing is turned into ratios."""

    @property
    def of_pixels(self) -> bool:
        """Whether it looks at the pixels of pictures, not at what stands around them."""
        return Kind.IMAGE in self.kinds and self.tier not in (Tier.CREDENTIAL, Tier.METADATA)

    def applies(self, item: Kinded) -> bool:
        """Tell whether this detector looks at such items."""
        return item.kind in self.kinds or item.media_type in self.media_types

    def load(self, options: Mapping[str, Any]) -> Detector:
        """Load the detector, built with these options.

        Raises:
            ConfigError: an option cannot be used.
            NotLoadedError: its module or its factory raised something else.
        """
        made: Detector = loaded(lambda: resolve(self.factory)(options))
        return made


def settings_of(detector: Detector) -> Settings:
    """Return what decides a detector's signals, as far as it tells."""
    told: Callable[[], Settings] | None = getattr(detector, "settings", None)
    return Settings(version=str(detector.version)) if told is None else told()


def loaded(load: Callable[[], T]) -> T:
    """Return what is loaded of somebody else's, a module or a file, which may raise anything.

    Raises:
        ConfigError: what the user wrote cannot be used.
        NotLoadedError: anything else was raised.
    """
    try:
        return load()
    except Error:
        raise
    except Exception as error:  # a plug-in may raise anything at import
        raise NotLoadedError(f"{type(error).__name__}: {error}") from error


def resolve(name: str) -> Callable[..., Any]:
    """Return the object that `module:attribute` names."""
    module, _, attribute = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return found
