"""What the command says of an item: the record, as CONTRACT.md prints it."""

from enum import StrEnum
from typing import Annotated, Any

import msgspec

from detectors.decode.sniff import Kind
from detectors.signal import Signal

Count = Annotated[int, msgspec.Meta(ge=0)]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
"""SHA-256, hex."""
Day = Annotated[str, msgspec.Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
RANK = {"low": 0, "inconclusive": 1, "review": 2, "high": 3}


class Risk(StrEnum):
    """What to do with an item, under a policy."""

    LOW = "low"
    INCONCLUSIVE = "inconclusive"
    REVIEW = "review"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """0 (low) to 3 (high)."""
        return RANK[self.value]


class Origin(StrEnum):
    """Where an item comes from, as far as somebody declared it."""

    AI_GENERATED = "ai_generated"
    AI_EDITED = "ai_edited"
    EDITED = "edited"
    CAPTURED = "captured"
    CONFLICTING = "conflicting"
    UNKNOWN = "unknown"


class PolicyName(msgspec.Struct, frozen=True, kw_only=True):
    """The policy that judged."""

    name: str
    sha256: Digest
    """Of the policy file's bytes."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy makes of the signals."""

    risk: Risk
    origin: Origin
    reasons: list[Count]
    """Indexes of the signals that decided the risk, strongest first."""
    not_assessed: list[Count]
    """Indexes of every signal that is `not_assessed` or `failed`."""
    complete: bool
    policy: PolicyName


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a post, as far as its bytes were read."""

    name: str
    """As `part` of its signals: `text`, `media/0` …"""
    kind: Kind
    media_type: str | None
    bytes: Count | None
    sha256: Digest | None
    facts: dict[str, Any]
    fingerprints: dict[str, str]


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """The item, as far as its bytes were read."""

    uri: str
    kind: Kind
    media_type: str | None
    bytes: Count | None
    sha256: Digest | None
    facts: dict[str, Any]
    fingerprints: dict[str, str]
    parts: list[Part] | msgspec.UnsetType = msgspec.UNSET
    """Only of posts, in their order; records of 0.1 have none."""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """What looked, and on which day."""

    name: str
    version: str
    date: Day
    """UTC day, YYYY-MM-DD."""
    detectors: dict[str, str]
    """Version and engine of every detector that ran."""
    settings: Digest | msgspec.UnsetType = msgspec.UNSET
    """SHA-256 of what decided besides the item and the day: `provenance.engine.settings`."""


class Record(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="provenance.record/1"
):
    """One item, what was seen, and the verdict."""

    item: Described
    signals: Annotated[list[Signal], msgspec.Meta(min_length=1)]
    verdict: Verdict
    tool: Tool
    elapsed_ms: Count

    def to_json(self) -> str:
        """Return the record as one line of JSON."""
        return msgspec.json.encode(self).decode()
