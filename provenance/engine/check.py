"""One item becomes one record."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import msgspec

from detectors.decode.memory import lacking
from detectors.errors import CannotAssess, NotLoadedError
from detectors.item import DECODING, Item, Kind
from detectors.signal import FACTS, Outcome, Reason, Signal, Tier
from detectors.spec import Detector, Settings, Spec, settings_of
from provenance.engine.config import RunConfig
from provenance.engine.settings import settings_body
from provenance.record import Described, Part, Record, Tool
from provenance.verdict import conflicts, judge
from provenance.version import __version__

ITEM = "item"
"""The detector that speaks of the item itself."""
FINGERPRINTS = "fingerprints"
"""The stage that computes fingerprints which no detector asked for."""
SETTINGS = "settings"
"""The stage that asks the detectors for their settings."""
MEMORY = "engine.memory"
"""The code of what did not fit into the memory that there is."""
MAX_ERROR = 200
"""Characters kept of a foreign error message."""

T = TypeVar("T")


class _Look(msgspec.Struct, kw_only=True):
    """What is known of an item while it is being checked."""

    stopped: Mapping[str, Reason]
    """What an earlier try did not survive → why."""
    ran: set[str] = msgspec.field(default_factory=set)
    """Detectors that looked."""
    parts: list[Part] = msgspec.field(default_factory=list)
    """Of a post: the parts that were looked at."""


class Engine:
    """Holds the chosen detectors, built once, and checks items with them."""

    def __init__(
        self, config: RunConfig, stage: Callable[[str], None] = lambda _name: None
    ) -> None:
        """Build every chosen detector.

        Args:
            config: what the user chose.
            stage: told what begins: a detector's name, `item`, `picture`, `passage`,
                `fingerprints` or `settings`.

        Raises:
            ConfigError: an option cannot be used. A plug-in that breaks otherwise is kept, and
                fails on every item.
        """
        self.config = config
        self._stage, self._at_work = stage, ITEM
        self._loaded = {spec.name: _load(spec, config) for spec in config.specs}
        self._digests: dict[tuple[str, ...], tuple[dict[str, Settings], str]] = {}
        """Detectors that ran → what they told last, and its digest."""

    def check(self, item: Item, stopped: Mapping[str, Reason] | None = None) -> Record:
        """Return the record of an item.

        Args:
            item: what to look at.
            stopped: what an earlier try did not survive (a stage) → why; it is left out, and
                reported as failed where it would have said something.
        """
        began = time.monotonic()
        look = _Look(stopped=stopped or {})
        decoding = DECODING.set(self._decoding)
        try:
            signals = self._signals(item, look)
        finally:
            DECODING.reset(decoding)
        signals += conflicts(signals)
        kinds = {part.name: part.kind for part in look.parts}
        verdict = judge(signals, self.config.policy, item.kind, kinds)
        return Record(
            item=_described(item, look.parts),
            signals=signals,
            verdict=verdict,
            tool=Tool(
                name="provenance-check",
                version=__version__,
                date=self.config.today,
                detectors={name: self._version(name) for name in self._loaded if name in look.ran},
                settings=self._digest(look),
            ),
            elapsed_ms=round(1000 * (time.monotonic() - began)),
        )

    def _version(self, name: str) -> str:
        return str(getattr(self._loaded[name], "version", "unknown"))

    def _digest(self, look: _Look) -> str | msgspec.UnsetType:
        """Return the digest of what decided, none where a detector cannot tell."""
        if SETTINGS in look.stopped:
            return msgspec.UNSET
        ran = {name: loaded for name, loaded in self._loaded.items() if name in look.ran}
        told = self._attempt(SETTINGS, lambda: self._digested(ran))
        return msgspec.UNSET if isinstance(told, CannotAssess) else told

    def _digested(self, ran: Mapping[str, Detector | Reason]) -> str:
        """Return the digest of what these detectors tell of their settings."""
        told = {name: _settings(loaded) for name, loaded in ran.items()}
        known = self._digests.get(tuple(ran))
        if known is None or known[0] != told:
            body = settings_body(told, self.config.policy.sha256)
            known = self._digests[tuple(ran)] = told, hashlib.sha256(body).hexdigest()
        return known[1]

    def _begin(self, stage: str) -> None:
        """Say what begins."""
        self._at_work = stage
        self._stage(stage)

    @contextmanager
    def _decoding(self, what: str) -> Iterator[None]:
        """Make the decoding of pixels or text a stage of its own, then go on with the last one."""
        asked_by = self._at_work
        self._begin(what)
        try:
            yield
        finally:
            self._begin(asked_by)

    def _signals(self, item: Item, look: _Look) -> list[Signal]:
        """Return what is said of an item, detector by detector in the order of the catalog."""
        if ITEM in look.stopped:
            return [_said(ITEM, Tier.METADATA, Outcome.FAILED, look.stopped[ITEM])]
        self._begin(ITEM)
        if item.fault:
            return [_said(ITEM, Tier.METADATA, item.fault.outcome, item.fault.reason)]
        if item.kind is Kind.POST:
            parts = (self._part(part, inner, look) for part, inner in item.parts)
            return [signal for signals in parts for signal in signals]
        for what in ("picture", "passage"):
            if what in look.stopped:
                item.block(what, look.stopped[what])
        signals = self._looks(item, look)
        self._fingerprint(item, look)
        return signals

    def _looks(self, item: Item, look: _Look) -> list[Signal]:
        """Return what is said of an item that could be read and has no parts."""
        specs = [spec for spec in self.config.specs if spec.applies(item)]
        if item.kind is Kind.UNSUPPORTED or not specs:
            names = ", ".join(spec.name for spec in self.config.specs)
            return [_said(ITEM, Tier.METADATA, Outcome.NOT_ASSESSED, _unsupported(item, names))]
        look.ran.update(spec.name for spec in specs)
        return [signal for spec in specs for signal in self._look(spec, item, look)]

    def _part(self, name: str, part: Item, look: _Look) -> list[Signal]:
        """Return what is said of a part of a post, and let go of the part."""
        signals = self._signals(part, look)
        look.parts.append(_part(name, part))
        part.release()
        return [msgspec.structs.replace(signal, part=name) for signal in signals]

    def _look(self, spec: Spec, item: Item, look: _Look) -> list[Signal]:
        """Return a detector's signals, or one that says why it gave none."""
        loaded = self._loaded[spec.name]
        if spec.name in look.stopped:
            return [_said(spec.name, spec.tier, Outcome.FAILED, look.stopped[spec.name])]
        if isinstance(loaded, Reason):
            return [_said(spec.name, spec.tier, Outcome.FAILED, loaded)]
        made = self._attempt(spec.name, lambda: _sound(spec, loaded.inspect(item)))
        if isinstance(made, CannotAssess):
            return [_said(spec.name, spec.tier, made.outcome, made.reason)]
        return made

    def _fingerprint(self, item: Item, look: _Look) -> None:
        """Note the fingerprints of a picture where they are asked for and it can be decoded."""
        wanted = self.config.fingerprints and item.kind is Kind.IMAGE
        if wanted and FINGERPRINTS not in look.stopped:
            made = self._attempt(FINGERPRINTS, partial(_fingerprints, item))
            item.fingerprints.update({} if isinstance(made, CannotAssess) else made)

    def _attempt(self, stage: str, work: Callable[[], T]) -> T | CannotAssess:
        """Return what a stage makes of an item; whatever it raises becomes a fault."""
        self._begin(stage)
        try:
            return work()
        except CannotAssess as fault:
            return fault
        except Exception as error:  # noqa: BLE001 - the border to detectors: none may stop a run
            if lacking(error):
                return CannotAssess(Outcome.FAILED, Reason(MEMORY))
            text = f"{type(error).__name__}: {error}"
            return CannotAssess(Outcome.FAILED, _error("engine.failed", text))


def _load(spec: Spec, config: RunConfig) -> Detector | Reason:
    """Build a detector, or return why it cannot be built.

    Raises:
        ConfigError: an option cannot be used.
    """
    try:
        return spec.load(config.options.get(spec.name, {}))
    except NotLoadedError as error:
        return _error("engine.not_loaded", str(error))


def _settings(loaded: Detector | Reason) -> Settings:
    return Settings(version="unknown") if isinstance(loaded, Reason) else settings_of(loaded)


def _sound(spec: Spec, signals: Iterable[Signal]) -> list[Signal]:
    """Return the signals if they are what a detector owes.

    Raises:
        TypeError: none, another detector's, or not writable as JSON.
        ValidationError: a fact that the verdict reads is of a wrong type.
    """
    given = list(signals)
    if not given or any(signal.detector != spec.name for signal in given):
        raise TypeError(f"{spec.name} gave no signal, or one of another detector")
    msgspec.json.encode(given)
    for signal in given:
        msgspec.convert(signal.facts, FACTS[signal.tier])
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


def _fingerprints(item: Item) -> dict[str, str]:
    """Return the fingerprints of a picture.

    Raises:
        CannotAssess: it has no pixels, or they cannot be decoded.
    """
    from detectors.hashing.picture import bits, pdq  # numpy, which not every detector needs

    spectrum = pdq(item.picture.grey.astype("float32"))
    return {"pdq": bits(spectrum.waves).tobytes().hex(), "pdq_quality": str(spectrum.quality)}


def _described(item: Item, parts: list[Part]) -> Described:
    """Return what the record says of the item itself."""
    known = not item.fault and item.kind is not Kind.POST
    return Described(
        uri=item.uri,
        kind=item.kind,
        media_type=item.media_type,
        bytes=len(item.data) if known else None,
        sha256=item.sha256 if known else None,
        facts=item.facts,
        fingerprints=item.fingerprints,
        parts=parts if item.kind is Kind.POST else msgspec.UNSET,
    )


def _part(name: str, part: Item) -> Part:
    """Return what the record says of a part of a post."""
    known = not part.fault
    return Part(
        name=name,
        kind=part.kind,
        media_type=part.media_type,
        bytes=len(part.data) if known else None,
        sha256=part.sha256 if known else None,
        facts=part.facts,
        fingerprints=part.fingerprints,
    )
