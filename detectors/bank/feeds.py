"""What a bank knows of the feeds that are followed into it: how far, and how fresh that is."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from detectors.errors import ConfigError, DamagedError, UnavailableError
from detectors.storing.atomic import write_json

if TYPE_CHECKING:
    from detectors.bank.location import BankLocation

FILE: Final = "feeds.json"
"""Beside the log of a bank in a folder."""
OLD_DAYS: Final = 30
"""Days after which a feed counts as old."""


class FeedState(msgspec.Struct, frozen=True, kw_only=True):
    """A feed as it was taken into a bank."""

    sequence: int
    """Of the entries that the bank holds."""
    checked: str
    """When the feed was last found fresh; RFC 3339, UTC."""
    expires: str
    """When its time stamp expires; RFC 3339, UTC."""

    def age(self, today: str) -> int:
        """Return the days since the feed was last found fresh.

        Args:
            today: UTC day, YYYY-MM-DD.
        """
        return (date.fromisoformat(today) - date.fromisoformat(self.checked[:10])).days

    def told(self, today: str) -> dict[str, Any]:
        """Return the facts of it, as of a day, YYYY-MM-DD."""
        return {
            "sequence": self.sequence,
            "age_days": self.age(today),
            "expired": self.expired(today),
        }

    def expired(self, today: str) -> bool:
        """Tell whether its time stamp expired before a day, YYYY-MM-DD."""
        return self.expires[:10] < today


def feeds(where: "BankLocation") -> dict[str, FeedState]:
    """Return name → state of the feeds that fill a bank.

    Raises:
        Error: what the bank says of them cannot be read.
    """
    if not isinstance(where, Path):
        return {}
    path = where / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, FeedState])
    except FileNotFoundError:
        return {}
    except OSError as error:
        what = f"{path}: cannot be read: {error.strerror}"
        raise UnavailableError(what, "see who may read it") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        what = f"{path}: is damaged"
        raise DamagedError(what, "delete it; `provenance feed update` makes it anew") from error


def record(where: "BankLocation", name: str, state: FeedState | None) -> None:
    """Write the state of a feed into a bank; None: the feed is no longer followed.

    Raises:
        Error: it cannot be written.
    """
    if not isinstance(where, Path):
        raise ConfigError(f"{where}: a feed fills a bank in a folder; merge it from there")
    found = feeds(where)
    found.pop(name, None)
    write_json(where / FILE, found | ({name: state} if state else {}))
