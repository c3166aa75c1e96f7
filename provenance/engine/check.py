"""One item becomes one record."""

import hashlib
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import TypeVar

import msgspec

from detectors.decode.memory import lacking, loading
from detectors.errors import CannotAssess, Error, NotLoadedError
from detectors.item import DECODING, Item, Kind
from detectors.signal import FACTS, Outcome, Reason, Signal, Tier
from detectors.spec import Detector, Settings, Spec, loaded, settings_of
from provenance.engine.config import RunConfig
from provenance.engine.description import (
    DEADLINE,
    ITEM,
    described,
    fingerprints_of,
    kept_of,
    late,
    named,
    part_of,
    said_of,
    unopened,
)
from provenance.engine.settings import settings_body
from provenance.engine.trace import WHOLE, Kept, Made, Trace
from provenance.record import Part, Record, Tool
from provenance.verdict import conflicts, judge
from provenance.version import __version__

FINGERPRINTS = "fingerprints"
"""The stage that computes fingerprints which no detector asked for."""
KEPT = "kept"
"""The stage that computes what a run keeps of a picture."""
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
    only: Collection[str] | None = None
    """Detectors that are to look, `FINGERPRINTS` as one of them; None: all that apply."""
    keep: bool = False
    """Whether what a run keeps of pictures is computed too."""
    made: dict[str, Made] = msgspec.field(default_factory=dict)
    """Part, or `WHOLE` → what was made of it."""
    ran: set[str] = msgspec.field(default_factory=set)
    """Detectors that looked."""
    parts: list[Part] = msgspec.field(default_factory=list)
    """Of a post: the parts that were looked at."""
    part: tuple[str, Item] | None = None
    """Of a post: the part that is being looked at."""
    before: list[Signal] = msgspec.field(default_factory=list)
    """Of a post: the signals of the parts that were looked at."""
    after: list[Signal] = msgspec.field(default_factory=list)
    """Of a post: what would be said of the parts behind this one if they were not looked at."""
    until: float = math.inf
    """Seconds of the monotonic clock at which the record is wanted as far as it has come."""
    tell: Callable[[list[Signal]], None] | None = None
    """Told, before each detector, all signals as they would be if the record were wanted then."""

    @property
    def late(self) -> bool:
        """Whether the record is wanted as it is."""
        return time.monotonic() >= self.until

    def wants(self, name: str) -> bool:
        """Tell whether a detector is to look."""
        return self.only is None or name in self.only

    def around(self, signals: list[Signal]) -> list[Signal]:
        """Return signals of the item, or of the part at hand, with those of all other parts."""
        if self.part is None:
            return signals
        return [*self.before, *named(self.part[0], signals), *self.after]


class Engine:
    """Holds the chosen detectors, built once, and checks items with them."""

    def __init__(
        self, config: RunConfig, stage: Callable[[str], None] = lambda _name: None
    ) -> None:
        """Build every chosen detector.

        Args:
            config: what the user chose.
            stage: told what begins: a detector's name, `item`, `picture`, `passage`,
                `fingerprints`, `settings` or `kept`.

        Raises:
            ConfigError: an option cannot be used. A plug-in that breaks otherwise is kept, and
                fails on every item.
        """
        self.config = config
        self._stage, self._at_work = stage, ITEM
        self._loaded = {spec.name: _load(spec, config) for spec in config.specs}
        self._digests: dict[tuple[str, ...], tuple[dict[str, Settings], str]] = {}
        """Detectors that ran → what they told last, and its digest."""
        self.untold: dict[str, bytes] = {}
        """Digest → body of settings (`settings_body`), until somebody takes it out."""
        self.trace = Trace(settings={}, parts={})
        """Of the last item that was checked."""
        self.kept: list[Kept] = []
        """What a run keeps of the pictures of the last item, where that was asked for."""

    def check(
        self,
        item: Item,
        stopped: Mapping[str, Reason] | None = None,
        *,
        only: Collection[str] | None = None,
        deadline: float | None = None,
        tell: Callable[[Record], None] | None = None,
        keep: bool = False,
    ) -> Record:
        """Return the record of an item.

        Args:
            item: what to look at.
            stopped: what an earlier try did not survive (a stage) → why; it is left out, and
                reported as failed where it would have said something.
            only: detectors that look, for a record that has the others' signals already; None: all.
            deadline: seconds after which no detector begins; what had not begun is
                `not_assessed` with code `engine.deadline`. None: never.
            tell: told, before each detector, the record as it would be if it were wanted then;
                asked for where somebody else may stop this process at the deadline.
            keep: whether what a run keeps of pictures is computed too.
        """
        began = time.monotonic()
        look = _Look(stopped=stopped or {}, only=only, keep=keep)
        self.kept = []
        if deadline is not None:
            look.until = began + deadline
            if tell is not None:
                look.tell = lambda so_far: tell(self._record(item, so_far, look, began))
        decoding = DECODING.set(self._decoding)
        try:
            signals = self._signals(item, look)
        finally:
            DECODING.reset(decoding)
        record = self._record(item, signals, look, began)
        if not item.parts:
            self._keep(item, look)
        told, _ = self._digests.get(self._ran(look), ({}, ""))
        self.trace = Trace(settings=told, parts=look.made)
        return record

    def _keep(self, item: Item, look: _Look) -> None:
        """Note what a run keeps of a picture, where it does and a detector of pixels looked.

        Called when the record of the item or part is made, so that what is decoded for it is in
        none.
        """
        pixels = any(spec.of_pixels and look.wants(spec.name) for spec in self.config.specs)
        if not (look.keep and pixels) or KEPT in look.stopped:
            return
        if item.fault or item.kind is not Kind.IMAGE:
            return
        decoding = DECODING.set(nullcontext)
        try:
            made = self._attempt(KEPT, partial(kept_of, item))
        finally:
            DECODING.reset(decoding)
        if not isinstance(made, CannotAssess):
            self.kept.append(made)

    def settings(self) -> dict[str, Settings]:
        """Return what decides the signals of each detector besides the item."""
        return {name: _settings(detector) for name, detector in self._loaded.items()}

    def _record(self, item: Item, signals: list[Signal], look: _Look, began: float) -> Record:
        """Judge the signals of an item."""
        signals = signals + conflicts(signals)
        parts = look.parts + ([part_of(*look.part)] if look.part else [])
        parts += [unopened(name) for name, _ in item.parts[len(parts) :]]
        kinds = {part.name: part.kind for part in parts}
        verdict = judge(signals, self.config.policy, item.kind, kinds)
        return Record(
            item=described(item, parts),
            signals=signals,
            verdict=verdict,
            tool=Tool(
                name="provenance-check",
                version=__version__,
                date=self.config.today,
                detectors={name: self._version(name) for name in self._ran(look)},
                settings=self._digest(look),
            ),
            elapsed_ms=round(1000 * (time.monotonic() - began)),
        )

    def renew(self, today: str) -> None:
        """Build those detectors anew that a new day or a changed bank concerns.

        What cannot be built anew stays as it was: whoever made this engine is long gone, and a bank
        as it was yesterday says more than none.

        Args:
            today: UTC day, YYYY-MM-DD.
        """
        new_day = today != self.config.today
        options = {name: dict(given) for name, given in self.config.options.items()}
        for spec in self.config.specs:
            if new_day and "today" in spec.takes:
                options.setdefault(spec.name, {})["today"] = today
        config = msgspec.structs.replace(self.config, today=today, options=options)
        for spec in config.specs:
            if (new_day and "today" in spec.takes) or self._outdated(spec.name):
                with suppress(Error), loading():
                    self._loaded[spec.name] = _load(spec, config)
        self.config = config

    def _outdated(self, name: str) -> bool:
        """Tell whether what a detector reads has changed since it was built, if it can tell."""
        ask = getattr(self._loaded[name], "outdated", None)
        if ask is None:
            return False
        try:
            return bool(loaded(ask))
        except (Error, NotLoadedError):
            return False

    def _version(self, name: str) -> str:
        return str(getattr(self._loaded[name], "version", "unknown"))

    def _digest(self, look: _Look) -> str | msgspec.UnsetType:
        """Return the digest of what decided, none where a detector cannot tell."""
        if SETTINGS in look.stopped:
            return msgspec.UNSET
        ran = {name: self._loaded[name] for name in self._ran(look)}
        told = self._attempt(SETTINGS, lambda: self._digested(ran))
        return msgspec.UNSET if isinstance(told, CannotAssess) else told

    def _ran(self, look: _Look) -> tuple[str, ...]:
        """Return the detectors that looked, in the order of the catalog."""
        return tuple(name for name in self._loaded if name in look.ran)

    def _digested(self, ran: Mapping[str, Detector | Reason]) -> str:
        """Return the digest of what these detectors tell of their settings."""
        told = {name: _settings(loaded) for name, loaded in ran.items()}
        known = self._digests.get(tuple(ran))
        if known is None or known[0] != told:
            body = settings_body(told, self.config.policy.sha256)
            known = self._digests[tuple(ran)] = told, hashlib.sha256(body).hexdigest()
            self.untold[known[1]] = body
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
            return [said_of(ITEM, Tier.METADATA, Outcome.FAILED, look.stopped[ITEM])]
        self._begin(ITEM)
        if item.fault:
            return [said_of(ITEM, Tier.METADATA, item.fault.outcome, item.fault.reason)]
        if item.kind is Kind.POST:
            return self._parts(item, look)
        for what in ("picture", "passage"):
            if what in look.stopped:
                item.block(what, look.stopped[what])
        name = look.part[0] if look.part else WHOLE
        made = look.made[name] = Made(asked={}, facts={}, fingerprints={})
        signals = self._looks(item, look, made)
        self._fingerprint(item, look, made)
        return signals

    def _looks(self, item: Item, look: _Look, made: Made) -> list[Signal]:
        """Return what is said of an item that could be read and has no parts."""
        applying = [spec for spec in self.config.specs if spec.applies(item)]
        specs = [spec for spec in applying if look.wants(spec.name)]
        if item.kind is Kind.UNSUPPORTED or not specs:
            return [nothing_said(self.config, item.kind, item.unsupported)]
        signals: list[Signal] = []
        left = [said_of(s.name, s.tier, Outcome.NOT_ASSESSED, Reason(DEADLINE)) for s in specs]
        for at, spec in enumerate(specs):
            if look.tell is not None:
                look.tell(look.around(signals + left[at:]))
            if look.late:
                return signals + left[at:]
            look.ran.add(spec.name)
            with _noted(spec.name, item, made):
                signals += self._look(spec, item, look)
        return signals

    def _parts(self, post: Item, look: _Look) -> list[Signal]:
        """Return what is said of the parts of a post, and let go of each after it."""
        left = [named(name, [late()]) for name, _ in post.parts]
        for at, (name, part) in enumerate(post.parts):
            look.after = [signal for signals in left[at + 1 :] for signal in signals]
            if look.late:
                return [*look.before, *left[at], *look.after]
            look.part = name, part
            look.before += named(name, self._signals(part, look))
            look.parts.append(part_of(name, part))
            look.part = None
            self._keep(part, look)
            part.release()
        return look.before

    def _look(self, spec: Spec, item: Item, look: _Look) -> list[Signal]:
        """Return a detector's signals, or one that says why it gave none."""
        detector = self._loaded[spec.name]
        if spec.name in look.stopped:
            return [said_of(spec.name, spec.tier, Outcome.FAILED, look.stopped[spec.name])]
        if isinstance(detector, Reason):
            return [said_of(spec.name, spec.tier, Outcome.FAILED, detector)]
        made = self._attempt(spec.name, lambda: _sound(spec, detector.inspect(item)))
        if isinstance(made, CannotAssess):
            return [said_of(spec.name, spec.tier, made.outcome, made.reason)]
        return made

    def _fingerprint(self, item: Item, look: _Look, made: Made) -> None:
        """Note the fingerprints of a picture where they are asked for and it can be decoded."""
        asked = self.config.fingerprints if look.only is None else look.wants(FINGERPRINTS)
        wanted = asked and item.kind is Kind.IMAGE and not look.late
        if wanted and FINGERPRINTS not in look.stopped:
            with _noted(FINGERPRINTS, item, made):
                computed = self._attempt(FINGERPRINTS, partial(fingerprints_of, item))
            if not isinstance(computed, CannotAssess):
                item.fingerprints.update(computed)
                for fingerprint in computed:
                    made.fingerprints.setdefault(fingerprint, []).append(FINGERPRINTS)

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


def nothing_said(config: RunConfig, kind: Kind, unsupported: Reason | None = None) -> Signal:
    """Return the signal of an item at which no detector looks.

    Args:
        config: what the user chose.
        kind: of the item.
        unsupported: why items like it are not examined; None: no chosen detector applies to it.
    """
    names = ", ".join(spec.name for spec in config.specs)
    nothing = Reason("item.nothing_applies", {"kind": kind.value, "detectors": names})
    return said_of(ITEM, Tier.METADATA, Outcome.NOT_ASSESSED, unsupported or nothing)


@contextmanager
def _noted(name: str, item: Item, made: Made) -> Iterator[None]:
    """Note what a detector asks of an item, and what it tells of it besides signals."""
    item.asked.clear()
    facts, fingerprints = set(item.facts), set(item.fingerprints)
    yield
    made.asked[name] = sorted(item.asked)
    for fact in item.facts:
        if fact not in facts:
            made.facts[fact] = item.decoded.get(fact, name)
    for fingerprint in item.fingerprints:
        if fingerprint not in fingerprints:
            made.fingerprints[fingerprint] = [name]
