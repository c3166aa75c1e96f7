"""Why a pass does again what an earlier one did."""

from collections.abc import Iterator, Mapping

from detectors.signal import Reason
from detectors.spec import Settings

PARTS = ("version", "models", "banks", "lists", "options")
"""What may differ in the settings of a detector, the clearest first."""


def reasons(
    before: tuple[Mapping[str, Settings], str], now: tuple[Mapping[str, Settings], str]
) -> Iterator[Reason]:
    """Yield what differs between the settings of two passes.

    Args:
        before: detector → its settings, and the digest of the policy, of the last pass.
        now: the same of this one.
    """
    (old, old_policy), (new, new_policy) = before, now
    if added := [name for name in new if name not in old]:
        yield Reason("again.added", {"detectors": ", ".join(added)})
    if left := [name for name in old if name not in new]:
        yield Reason("again.left", {"detectors": ", ".join(left)})
    for name in new:
        if name in old and old[name] != new[name]:
            what = next(
                part for part in PARTS if getattr(old[name], part) != getattr(new[name], part)
            )
            yield Reason(f"again.{what}", {"detector": name})
    if old_policy != new_policy:
        yield Reason("again.policy")
