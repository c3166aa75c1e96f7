"""What a record says of an item itself, and of one at which nothing has looked."""

from collections.abc import Iterable

import msgspec

from detectors.item import Item, Kind
from detectors.signal import Outcome, Reason, Signal, Tier
from provenance.engine.config import RunConfig
from provenance.engine.small import small_copy
from provenance.engine.trace import Kept
from provenance.record import Described, Part, Record, Tool
from provenance.verdict import judge
from provenance.version import __version__

ITEM = "item"
"""The detector that speaks of the item itself."""
DEADLINE = "engine.deadline"
"""The code of what had not ended when the record was wanted."""


def said_of(detector: str, tier: Tier, outcome: Outcome, reason: Reason) -> Signal:
    """Return the signal of a detector that has nothing to say but why."""
    facts = {"state": "unreadable"} if tier is Tier.CREDENTIAL else {}
    return Signal(detector=detector, tier=tier, outcome=outcome, reason=reason, facts=facts)


def late() -> Signal:
    """Return the signal of an item that was not opened before its record was wanted."""
    return said_of(ITEM, Tier.METADATA, Outcome.NOT_ASSESSED, Reason(DEADLINE))


def named(part: str, signals: Iterable[Signal]) -> list[Signal]:
    """Return signals as those of a part of a post."""
    return [msgspec.structs.replace(signal, part=part) for signal in signals]


def unopened(name: str) -> Part:
    """Return what the record says of a part that was not opened."""
    return Part(
        name=name,
        kind=Kind.UNSUPPORTED,
        media_type=None,
        bytes=None,
        sha256=None,
        facts={},
        fingerprints={},
    )


def part_of(name: str, part: Item) -> Part:
    """Return what the record says of a part of a post."""
    known = not part.fault
    return Part(
        name=name,
        kind=part.kind,
        media_type=part.media_type,
        bytes=len(part.data) if known else None,
        sha256=part.sha256 if known else None,
        facts=dict(part.facts),  # what is decoded later for a run is not said of it
        fingerprints=part.fingerprints,
    )


def described(item: Item, parts: list[Part]) -> Described:
    """Return what the record says of the item itself."""
    known = not item.fault and item.kind is not Kind.POST
    return Described(
        uri=item.uri,
        kind=item.kind,
        media_type=item.media_type,
        bytes=len(item.data) if known else None,
        sha256=item.sha256 if known else None,
        facts=dict(item.facts),
        fingerprints=item.fingerprints,
        parts=parts if item.kind is Kind.POST else msgspec.UNSET,
    )


def fingerprints_of(item: Item) -> dict[str, str]:
    """Return the fingerprints of a picture.

    Raises:
        CannotAssess: it has no pixels, or they cannot be decoded.
    """
    from detectors.hashing.picture import bits, pdq  # numpy, which not every detector needs

    spectrum = pdq(item.picture.grey.astype("float32"))
    return {"pdq": bits(spectrum.waves).tobytes().hex(), "pdq_quality": str(spectrum.quality)}


def kept_of(item: Item) -> Kept:
    """Return what a run keeps of a picture.

    Raises:
        CannotAssess: it has no pixels, or they cannot be decoded.
    """
    from detectors.hashing.likeness import likeness  # numpy and cv2

    return Kept(
        content=bytes.fromhex(item.sha256), likeness=likeness(item.picture), small=small_copy(item)
    )


def unread(config: RunConfig, item: Item) -> Record:
    """Return the record of an item at which nothing has looked by its deadline.

    Its bytes are not touched: they may lie where reading takes long.

    Args:
        config: what the user chose.
        item: whose record is wanted.
    """
    kind = Kind.POST if item.parts else Kind.UNSUPPORTED
    parts = [unopened(name) for name, _ in item.parts]
    signals = [late()]
    return Record(
        item=Described(
            uri=item.uri,
            kind=kind,
            media_type=None,
            bytes=None,
            sha256=None,
            facts={},
            fingerprints={},
            parts=parts if item.parts else msgspec.UNSET,
        ),
        signals=signals,
        verdict=judge(signals, config.policy, kind, {part.name: part.kind for part in parts}),
        tool=Tool(name="provenance-check", version=__version__, date=config.today, detectors={}),
        elapsed_ms=0,
    )
