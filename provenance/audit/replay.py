"""Judging again what was seen: under the policy of then, or under another one."""

from typing import NamedTuple

from detectors.decode.untrusted import MALFORMED
from detectors.signal import Claim, Signal
from provenance.record import Record, Verdict
from provenance.verdict import Policy, conflicts, judge

ITEM = "item"


class Replayed(NamedTuple):
    """What signals give under a policy."""

    signals: list[Signal]
    """Those that were seen, and the conflicts that follow from them."""
    verdict: Verdict


def replayed(record: Record, policy: Policy) -> Replayed:
    """Return what the signals of a record give under a policy.

    Raises:
        msgspec.ValidationError: a fact of a signal is of a wrong type.
    """
    seen = [signal for signal in record.signals if not _derived(signal)]
    signals = seen + conflicts(seen)
    kinds = {part.name: part.kind for part in record.item.parts or ()}
    return Replayed(signals, judge(signals, policy, record.item.kind, kinds))


def holds(record: Record, policy: Policy) -> bool:
    """Tell whether the signals of a record give its verdict under the policy that it names."""
    try:
        found = replayed(record, policy)
    except MALFORMED:
        return False
    return found == (record.signals, record.verdict)


def _derived(signal: Signal) -> bool:
    """Tell whether a signal follows from others."""
    return signal.detector == ITEM and signal.claim is Claim.CONFLICT
