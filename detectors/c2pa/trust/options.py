"""What a user may set for a detector of credentials, and the trust lists that follow from it."""

from collections.abc import Mapping, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from detectors.c2pa.trust.lists import InUse, in_use, user_folder
from detectors.errors import ConfigError


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a user may set."""

    trust_lists: list[str] = []
    """Names of lists in use besides those enabled."""
    trust_folder: str | None = None
    """Where the user's own lists lie; None: the user's data folder."""
    today: str | None = None
    """YYYY-MM-DD, against which the age of lists is told; None: today, UTC."""


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a detector trusts, and on which day."""

    lists: InUse
    today: date | None
    """Day against which the age of lists is told; None: today, UTC."""
    version: str
    """Versions of the libraries and days of the lists, for the record."""


def trust_of(name: str, options: Mapping[str, Any], libraries: Sequence[str]) -> Trust:
    """Return the trust lists that a detector's options name.

    Args:
        name: of the detector.
        options: as configuration and command line say.
        libraries: distributions whose versions decide with the lists.

    Raises:
        ConfigError: an option or a list cannot be used.
    """
    try:
        chosen = msgspec.convert(dict(options), Options)
        today = date.fromisoformat(chosen.today) if chosen.today else None
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigError(f"detectors.{name}: {error}") from error
    lists = in_use(
        chosen.trust_lists, Path(chosen.trust_folder) if chosen.trust_folder else user_folder()
    )
    named = ", ".join(f"{row.name} {row.issued}" for row in lists.signers) or "none"
    installed = ", ".join(f"{library} {version(library)}" for library in libraries)
    return Trust(lists=lists, today=today, version=f"{installed}; lists: {named}")
