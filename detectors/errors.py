"""The errors of this project: what a command cannot use, and what a detector cannot assess."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detectors.signal import Outcome, Reason


class Error(Exception):
    """Something that a command needs cannot be used. Nothing was checked; the exit code is 2.

    The message says what happened and what to do about it.
    """


class ConfigError(Error):
    """Something the user wrote cannot be used: an option, a path, a file of the user's own."""


class _HintedError(Error):
    """An error whose cause does not show what to do."""

    def __init__(self, what: str, hint: str) -> None:
        """Keep both.

        Args:
            what: what happened, and where.
            hint: what to do about it.
        """
        super().__init__(what, hint)  # both, so that pickling works
        self.what, self.hint = what, hint

    def __str__(self) -> str:
        return f"{self.what}; {self.hint}"


class DamagedError(_HintedError):
    """A store does not hold what was written to it: a bank, a log, a list of the user's."""


class UnavailableError(_HintedError):
    """A server, a file system or a lock does not answer as it should, though it may later."""


class NotLoadedError(Exception):
    """What a detector raised while it was loaded, by type and words; the run goes on without it."""


class CannotAssess(Exception):  # noqa: N818 - a state of the item, not a fault of ours
    """An item, its pixels or its text cannot be judged; the engine makes it a signal.

    Raised by what opens an item, so that no detector has to handle broken input itself.
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
