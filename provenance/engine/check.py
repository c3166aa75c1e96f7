"""One item becomes one record."""

import time
from collections.abc import Callable, Iterable, Mapping

import msgspec

from detectors.decode.memory import lacking
from detectors.errors import CannotAssess, NotLoadedError
from detectors.item import Item, Kind
from detectors.signal import Outcome, Reason, Signal, Tier
from detectors.spec import Detector, Spec
from provenance.engine.config import RunConfig
from provenance.record import Described, Record, Tool
from provenance.verdict import conflicts, judge
from provenance.version import __version__

ITEM = "item"
"""The detector that speaks of the item itself."""
MEMORY = "engine.memory"
"""The code of what did not fit into the memory that there is."""
MAX_ERROR = 200
"""Characters kept of a foreign error message."""


class Engine:
    """Holds the chosen detectors, built once, and checks items with them."""

    def __init__(
        self, config: RunConfig, stage: Callable[[str], None] = lambda _name: None
    ) -> None:
        """Build every chosen detector.

        Args:
            config: what the user chose.
            stage: told what begins: a detector's name, `picture` or `passage`.

        Raises:
            ConfigError: an option cannot be used. A plug-in that breaks otherwise is kept, and
                fails on every item.
        """
        self.config = config
        self._stage = stage
        self._loaded = {spec.name: _load(spec, config) for spec in config.specs}

    def check(self, item: Item, stopped: Mapping[str, Reason] | None = None) -> Record:
        """Return the record of an item.

        Args:
            item: what to look at.
            stopped: what an earlier try did not survive (a detector, `picture`, `passage` or
                `item`) → why; it is left out and reported as failed.
        """
        began = time.monotonic()
        ran: set[str] = set()
        signals = self._signals(item, dict(stopped or {}), ran)
        signals += conflicts(signals)
        verdict = judge(signals, self.config.policy, item.kind)
        return Record(
            item=_described(item),
            signals=signals,
            verdict=verdict,
            tool=Tool(
                name="provenance-check",
                version=__version__,
                date=self.config.today,
                detectors={name: self._version(name) for name in self._loaded if name in ran},
            ),
            elapsed_ms=round(1000 * (time.monotonic() - began)),
        )

    def _version(self, name: str) -> str:
        return str(getattr(self._loaded[name], "version", "unknown"))

    def _signals(self, item: Item, stopped: dict[str, Reason], ran: set[str]) -> list[Signal]:
        """Return what is said of an item, detector by detector in the order of the catalog."""
        if ITEM in stopped:
            return [_said(ITEM, Tier.METADATA, Outcome.FAILED, stopped[ITEM])]
        self._stage(ITEM)
        if item.fault:
            return [_said(ITEM, Tier.METADATA, item.fault.outcome, item.fault.reason)]
        if item.kind is Kind.POST:
            parts = (self._part(part, inner, stopped, ran) for part, inner in item.parts)
            return [signal for signals in parts for signal in signals]
        specs = [spec for spec in self.config.specs if spec.applies(item)]
        if item.kind is Kind.UNSUPPORTED or not specs:
            names = ", ".join(spec.name for spec in self.config.specs)
            return [_said(ITEM, Tier.METADATA, Outcome.NOT_ASSESSED, _unsupported(item, names))]
        for what in ("picture", "passage"):
            if what in stopped:
                item.close(what, stopped[what])
        ran.update(spec.name for spec in specs)
        return [signal for spec in specs for signal in self._look(spec, item, stopped)]

    def _part(
        self, name: str, part: Item, stopped: dict[str, Reason], ran: set[str]
    ) -> list[Signal]:
        """Return what is said of a part of a post, and let go of the part."""
        signals = self._signals(part, stopped, ran)
        part.release()
        return [msgspec.structs.replace(signal, part=name) for signal in signals]

    def _look(self, spec: Spec, item: Item, stopped: Mapping[str, Reason]) -> list[Signal]:
        """Return a detector's signals; whatever it raises becomes one of them."""
        if spec.name in stopped:
            return [_said(spec.name, spec.tier, Outcome.FAILED, stopped[spec.name])]
        self._stage(spec.name)
        item.watch = lambda what: self._stage(what or spec.name)
        loaded = self._loaded[spec.name]
        if isinstance(loaded, Reason):
            return [_said(spec.name, spec.tier, Outcome.FAILED, loaded)]
        try:
            return _sound(spec, loaded.inspect(item))
        except CannotAssess as fault:
            return [_said(spec.name, spec.tier, fault.outcome, fault.reason)]
        except Exception as error:  # noqa: BLE001 - the border to detectors: none may stop a run
            if lacking(error):
                return [_said(spec.name, spec.tier, Outcome.FAILED, Reason(MEMORY))]
            text = f"{type(error).__name__}: {error}"
            return [_said(spec.name, spec.tier, Outcome.FAILED, _error("engine.failed", text))]


def _load(spec: Spec, config: RunConfig) -> Detector | Reason:
    """Build a detector, or return why it cannot be built.

    Raises:
        ConfigError: an option cannot be used.
    """
    try:
        return spec.load(config.options.get(spec.name, {}))
    except NotLoadedError as error:
        return _error("engine.not_loaded", str(error))


def _sound(spec: Spec, signals: Iterable[Signal]) -> list[Signal]:
    """Return the signals if they are what a detector owes.

    Raises:
        TypeError: none, another detector's, or not writable as JSON.
    """
    given = list(signals)
    if not given or any(signal.detector != spec.name for signal in given):
        raise TypeError(f"{spec.name} gave no signal, or one of another detector")
    msgspec.json.encode(given)
    return given


def _error(code: str, text: str) -> Reason:
    """Return the reason of a foreign error, fit for a record."""
    cut = text[:MAX_ERROR].encode("utf-8", "backslashreplace").decode()
    return Reason(code, {"error": cut})


def _said(detector: str, tier: Tier, outcome: Outcome, reason: Reason) -> Signal:
    facts = {"state": "unreadable"} if tier is Tier.CREDENTIAL else {}
    return Signal(detector=detector, tier=tier, outcome=outcome, reason=reason, facts=facts)


def _unsupported(item: Item, detectors: str) -> Reason:
    """Return why no detector looks at an item.

    Args:
        item: of an unsupported kind, or of one that no chosen detector looks at.
        detectors: names of those chosen.
    """
    named = {"kind": item.kind.value, "detectors": detectors}
    return item.unsupported or Reason("item.nothing_applies", named)


def _described(item: Item) -> Described:
    """Return what the record says of the item itself."""
    bytes_known = not item.fault and item.kind is not Kind.POST
    return Described(
        uri=item.uri,
        kind=item.kind,
        media_type=item.media_type,
        bytes=len(item.data) if bytes_known else None,
        sha256=item.sha256 if bytes_known else None,
        facts=item.facts,
        fingerprints=item.fingerprints,
    )
