"""The ways in which work stops before it gives a signal."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detectors.signal import Outcome, Reason


class ConfigError(Exception):
    """Something the user wrote cannot be used. Nothing was checked; the exit code is 2."""


class NotLoadedError(Exception):
    """What a detector raised while it was loaded, by type and words; the run goes on without it."""


class CannotAssess(Exception):  # noqa: N818 - a state of the item, not a fault of ours
    """An item, its pixels or its text cannot be judged; the engine makes it a signal.

    Raised by the rooms that open an item, so that no detector has to handle broken input itself.
    """

    def __init__(self, outcome: "Outcome", reason: "Reason") -> None:
        """Keep why.

        Args:
            outcome: `failed` (broken, unreadable) or `not_assessed` (over a limit).
            reason: the code and its arguments.
        """
        super().__init__(outcome, reason)  # both, so that pickling works
        self.outcome = outcome
        self.reason = reason
