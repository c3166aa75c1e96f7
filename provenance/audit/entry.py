"""What a line of a log says: a decision, or what became of one, or of the log."""

from typing import Annotated, Literal

import msgspec

from detectors.signal import Signal
from provenance.record import Count, Day, Described, Digest, Record, Tool, Verdict

Outcome = Literal["upheld", "reversed", "noted"]


class Appeal(msgspec.Struct, frozen=True, kw_only=True):
    """What a person said of a decision."""

    line: Count
    """Number of the decision."""
    sha256: Digest
    """Of its line."""
    outcome: Outcome
    reason: str


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """An unfinished line was set aside."""

    file: str
    offset: Count
    bytes: Count
    sha256: Digest
    aside: str
    """Where it lies, below the log's folder."""


class Forget(msgspec.Struct, frozen=True, kw_only=True):
    """Lines were dropped; their hashes are kept."""

    files: list[str]
    first: Count
    last: Count
    """Numbers of the lines, both included."""
    before: Day
    reason: str


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line. A decision has all of `item`, `signals`, `verdict`, `tool` and `settings`."""

    n: Count
    """From 0."""
    time: str
    """RFC 3339, UTC."""
    prev: Digest
    """SHA-256 of the line before without its line feed; of the log's name for the first."""
    actor: str
    """Who had it written."""
    item: Described | msgspec.UnsetType = msgspec.UNSET
    signals: list[Signal] | msgspec.UnsetType = msgspec.UNSET
    verdict: Verdict | msgspec.UnsetType = msgspec.UNSET
    tool: Tool | msgspec.UnsetType = msgspec.UNSET
    settings: Digest | msgspec.UnsetType | None = msgspec.UNSET
    """None where a detector could not tell its settings."""
    appeal: Appeal | msgspec.UnsetType = msgspec.UNSET
    repair: Repair | msgspec.UnsetType = msgspec.UNSET
    forget: Forget | msgspec.UnsetType = msgspec.UNSET

    @property
    def record(self) -> Record | None:
        """The record of a decision, but for the time it took; None of any other line."""
        if (
            isinstance(self.item, msgspec.UnsetType)
            or isinstance(self.signals, msgspec.UnsetType)
            or isinstance(self.verdict, msgspec.UnsetType)
            or isinstance(self.tool, msgspec.UnsetType)
        ):
            return None
        return Record(
            item=self.item,
            signals=self.signals,
            verdict=self.verdict,
            tool=self.tool,
            elapsed_ms=0,
        )


class _PolicyDigest(msgspec.Struct, frozen=True):
    sha256: Digest


class _Judged(msgspec.Struct, frozen=True):
    policy: _PolicyDigest


class Head(msgspec.Struct, frozen=True):
    """What of a line its place in the chain rests on."""

    n: Count
    prev: Digest
    time: str
    settings: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")] | None = None
    verdict: _Judged | None = None
    forget: Forget | None = None

    @property
    def policy(self) -> str | None:
        """Digest of the policy that judged; None of a line without a verdict."""
        return self.verdict.policy.sha256 if self.verdict else None


DECODER = msgspec.json.Decoder(Entry)
HEAD = msgspec.json.Decoder(Head)
