"""What a stored record lacks under the settings in force, and the record with it.

Signals stand in the order of the catalog. Facts come from the source of the item, from decoding it
for whoever asked first, and from the detector that told them; one that leaves takes its facts along
and what was decoded for it alone. Conflicts and the verdict follow from the signals, so that both
are derived anew.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from detectors.item import Kind
from detectors.signal import Claim, Outcome, Signal
from detectors.spec import Settings, Spec
from provenance.engine.check import FINGERPRINTS, nothing_said
from provenance.engine.config import RunConfig
from provenance.engine.description import ITEM
from provenance.engine.settings import settings_body
from provenance.engine.tally import NOTHING_APPLIES
from provenance.engine.trace import WHOLE, Made, Trace
from provenance.record import Described, Part, Record, Tool
from provenance.verdict import conflicts, judge
from provenance.version import __version__

PASSING: Final = frozenset({"item.unreadable", "item.permission"})
"""Failures of reading that may be gone the next time, though the file's state is the same."""
MISSING: Final = "item.missing"
OURS: Final = "engine."
"""Begins the codes of what a detector or its process did not get done."""
LASTING: Final = ("not_after", "fresh_until")
"""Facts that hold the end of a certificate's validity (an RFC 3339 time), or the last day on which
a list is not old."""
_NOTHING: Final = Made()
P = TypeVar("P", Described, Part)


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What has to be done for a record to be what a fresh look would give."""

    whole: bool = False
    """Whether everything is looked at again."""
    only: frozenset[str] = frozenset()
    """Detectors that have to look, `FINGERPRINTS` as one of them."""
    other: bool = False
    """Whether the record changes although nobody has to look."""


class Renewal:
    """Brings records up to date with the settings in force."""

    def __init__(self, config: RunConfig, settings: Mapping[str, Settings]) -> None:
        """Take what is in force.

        Args:
            config: detectors and policy.
            settings: detector → what decides its signals besides the item.
        """
        self.config, self._settings = config, settings
        self.stages = [spec.name for spec in config.specs]
        self.stages += [FINGERPRINTS] if config.fingerprints else []
        self._digests = dict[tuple[str, ...], str]()

    @property
    def body(self) -> bytes:
        """The canonical JSON whose digest a record has at which every detector looked."""
        return settings_body(self._settings, self.config.policy.sha256)

    def need(self, record: Record, trace: Trace, *, there: bool) -> Need:
        """Return what a record lacks.

        Args:
            record: as it is stored.
            trace: its own.
            there: whether all files that the item is read from are there now.
        """
        if record.tool.version != __version__ or _unread(record, there=there):
            return Need(whole=True)
        only, looked = set[str](), set[str]()
        for part in _parts(record.item):
            said = _said_of(record, part)
            wanted = self.wanted(part, said)
            looked |= {spec.name for spec in wanted}
            made = trace.parts.get(_name(part))
            only |= {spec.name for spec in wanted if self._is_outdated(spec.name, said, trace)}
            if made and self.fingerprinted(part) and FINGERPRINTS not in made.asked:
                only.add(FINGERPRINTS)
        only |= _expired(record, self.config.today) & looked
        policy = record.verdict.policy
        other = (policy.name, policy.sha256) != (self.config.policy.name, self.config.policy.sha256)
        other |= looked != trace.settings.keys() or self._says_otherwise(record)
        other |= not self.config.fingerprints and any(
            FINGERPRINTS in made.asked for made in trace.parts.values()
        )
        return Need(only=frozenset(only), other=other)

    def renewed(
        self, record: Record, trace: Trace, fresh: Record | None, new: Trace, only: frozenset[str]
    ) -> tuple[Record, Trace]:
        """Return a record and its trace as a fresh look would give them.

        Args:
            record: as it is stored.
            trace: its own.
            fresh: what those said that looked again; None: nobody had to.
            new: the trace of that.
            only: who looked again.
        """
        merge = _Merge(renewal=self, record=record, trace=trace, fresh=fresh, new=new, only=only)
        parts = [merge.part(part) for part in record.item.parts or ()]
        item = merge.part(record.item) if not parts else record.item
        if parts:
            item = msgspec.structs.replace(item, parts=parts)
        signals = merge.signals()
        signals = signals + conflicts(signals)
        kinds = {part.name: part.kind for part in parts}
        verdict = judge(signals, self.config.policy, item.kind, kinds)
        settings = merge.settings()
        made = Record(
            item=item,
            signals=signals,
            verdict=verdict,
            tool=self._tool(record, fresh, settings),
            elapsed_ms=record.elapsed_ms + (fresh.elapsed_ms if fresh else 0),
        )
        return made, Trace(settings=settings, parts=merge.made)

    def _tool(self, record: Record, fresh: Record | None, settings: dict[str, Settings]) -> Tool:
        versions = record.tool.detectors | (fresh.tool.detectors if fresh else {})
        ran = tuple(name for name in self.stages if name in settings)
        if ran not in self._digests:
            body = settings_body(settings, self.config.policy.sha256)
            self._digests[ran] = hashlib.sha256(body).hexdigest()
        return Tool(
            name=record.tool.name,
            version=record.tool.version,
            date=self.config.today,
            detectors={name: versions[name] for name in ran},
            settings=self._digests[ran],
        )

    def wanted(self, part: Described | Part, said: Sequence[Signal]) -> list[Spec]:
        """Return the detectors that look at an item, or at a part of one."""
        own = _of_item(said)
        if part.kind is Kind.UNSUPPORTED or (own and own[0].reason.code != NOTHING_APPLIES):
            return []
        return [spec for spec in self.config.specs if spec.applies(part)]

    def fingerprinted(self, part: Described | Part) -> bool:
        """Tell whether fingerprints are asked for of an item, or of a part of one."""
        return self.config.fingerprints and part.kind is Kind.IMAGE

    def _is_outdated(self, name: str, said: Sequence[Signal], trace: Trace) -> bool:
        """Tell whether a detector has to look: it has not, or otherwise, or it did not get done."""
        return trace.settings.get(name) != self._settings[name] or any(
            signal.reason.code.startswith(OURS) for signal in said if signal.detector == name
        )

    def _says_otherwise(self, record: Record) -> bool:
        """Tell whether a record says that nothing applies, in words that would be others now."""
        return any(
            signal.reason != nothing_said(self.config, Kind(signal.reason.args["kind"])).reason
            for signal in record.signals
            if signal.detector == ITEM and signal.reason.code == NOTHING_APPLIES
        )


class _Merge:
    """A stored record and what some detectors said anew, part by part."""

    def __init__(
        self,
        *,
        renewal: Renewal,
        record: Record,
        trace: Trace,
        fresh: Record | None,
        new: Trace,
        only: frozenset[str],
    ) -> None:
        self._renewal, self._record, self._fresh = renewal, record, fresh
        self._trace, self._new, self._only = trace, new, only
        self._said = dict[str, list[Signal]]()
        self._looked = set[str]()
        self.made = dict[str, Made]()

    def part(self, old: P) -> P:
        """Return what the record says of the item, or of a part of it."""
        name = _name(old)
        said = _said_of(self._record, old)
        wanted = self._renewal.wanted(old, said)
        self._looked |= {spec.name for spec in wanted}
        anew = [s for s in self._fresh.signals if (s.part or WHOLE) == name] if self._fresh else []
        signals = [
            signal
            for spec in wanted
            for signal in (anew if spec.name in self._only else said)
            if signal.detector == spec.name
        ]
        self._said[name] = signals or self._unsaid(old, said)
        made = self._trace.parts.get(name)
        if made is None:
            return old  # nobody could look at it
        both = _Told(old, made, self._counterpart(name), self._new.parts.get(name, _NOTHING))
        stages = [spec.name for spec in wanted]
        stages += [FINGERPRINTS] if self._renewal.fingerprinted(old) else []
        facts, fingerprints, self.made[name] = both.by(stages, self._only)
        return msgspec.structs.replace(old, facts=facts, fingerprints=fingerprints)

    def signals(self) -> list[Signal]:
        """Return all signals, conflicts apart."""
        if WHOLE not in self._said:  # a post: what is said of it as a whole
            self._said = {WHOLE: _of_item(_said_of(self._record, self._record.item)), **self._said}
        return [signal for said in self._said.values() for signal in said]

    def settings(self) -> dict[str, Settings]:
        """Return the settings of those that looked."""
        told = self._trace.settings | self._new.settings
        return {n: told[n] for n in self._renewal.stages if n in self._looked and n in told}

    def _unsaid(self, part: Described | Part, said: Sequence[Signal]) -> list[Signal]:
        """Return what is said of an item at which no detector looks."""
        own = _of_item(said)
        if own and own[0].reason.code != NOTHING_APPLIES:
            return own
        nothing = nothing_said(self._renewal.config, part.kind)
        if isinstance(part, Part):
            nothing = msgspec.structs.replace(nothing, part=part.name)
        return [nothing]

    def _counterpart(self, name: str) -> Described | Part | None:
        """Return what the fresh record says of the same part."""
        if self._fresh is None:
            return None
        parts = {_name(part): part for part in _parts(self._fresh.item)}
        return parts.get(name)


class _Told:
    """Facts and fingerprints of a stored part and of the same part anew, with who told them."""

    def __init__(
        self, old: Described | Part, made: Made, new: Described | Part | None, anew: Made
    ) -> None:
        self._old, self._made, self._new, self._anew = old, made, new, anew

    def by(
        self, stages: Sequence[str], only: frozenset[str]
    ) -> tuple[dict[str, Any], dict[str, str], Made]:
        """Return what these detectors told, in their order, and who told it."""
        made = Made(asked={}, facts={}, fingerprints={})
        facts = {k: v for k, v in self._old.facts.items() if k not in self._made.facts}
        fingerprints = dict[str, str]()
        for stage in stages:
            item, source = self._of(stage, only)
            if item is None or stage not in source.asked:
                continue
            made.asked[stage] = source.asked[stage]
            for origin in (*source.asked[stage], stage):
                for fact, value in item.facts.items():
                    if source.facts.get(fact) == origin and fact not in facts:
                        facts[fact], made.facts[fact] = value, origin
            for name, value in item.fingerprints.items():
                if stage in source.fingerprints.get(name, ()):
                    fingerprints[name] = value
                    made.fingerprints.setdefault(name, []).append(stage)
        return facts, fingerprints, made

    def _of(self, stage: str, only: frozenset[str]) -> tuple[Described | Part | None, Made]:
        return (self._new, self._anew) if stage in only else (self._old, self._made)


def _parts(item: Described) -> Iterator[Described | Part]:
    """Yield the parts of a post, or an item without parts."""
    if item.parts is msgspec.UNSET:
        yield item
    else:
        yield from item.parts


def _name(part: Described | Part) -> str:
    return part.name if isinstance(part, Part) else WHOLE


def _said_of(record: Record, part: Described | Part) -> list[Signal]:
    """Return what is said of an item without parts, or of a part."""
    name = _name(part)
    return [signal for signal in record.signals if (signal.part or WHOLE) == name]


def _of_item(said: Sequence[Signal]) -> list[Signal]:
    """Return what is said by none of the detectors, conflicts apart."""
    return [s for s in said if s.detector == ITEM and s.claim is not Claim.CONFLICT]


def _unread(record: Record, *, there: bool) -> bool:
    """Tell whether something could not be read that might be read now."""
    codes = {
        signal.reason.code
        for signal in record.signals
        if signal.detector == ITEM and signal.outcome is Outcome.FAILED
    }
    again = codes & PASSING or any(code.startswith(OURS) for code in codes)
    return bool(again) or (there and MISSING in codes)


def _expired(record: Record, today: str) -> frozenset[str]:
    """Return the detectors that read a certificate or a list which has expired since."""
    return frozenset(
        signal.detector
        for signal in record.signals
        if any(record.tool.date <= day[:10] < today for day in _ends(signal.facts))
    )


def _ends(facts: Any) -> Iterator[str]:
    """Yield when the certificates and lists end that facts tell of."""
    inner = facts.values() if isinstance(facts, dict) else facts if isinstance(facts, list) else ()
    if isinstance(facts, dict):
        yield from (facts[key] for key in LASTING if isinstance(facts.get(key), str))
    for value in inner:
        if isinstance(value, dict | list):
            yield from _ends(value)
