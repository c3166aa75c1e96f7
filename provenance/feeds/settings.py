"""`feed.toml`: what the publisher says of a feed, and for how long its signatures hold."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec

from detectors.bank.entry import Tlp
from detectors.errors import ConfigError
from detectors.storing.atomic import atomic_write
from provenance import toml_file
from provenance.feeds.form import checked_name

FILE: Final = "feed.toml"
TLPS: Final = (Tlp.CLEAR, Tlp.GREEN, Tlp.AMBER)
"""What a feed may be; nothing stricter leaves a bank."""
Days = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,3}d$")]


class Expires(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days for which the signatures of each role hold, such as `7d`."""

    root: Days = "365d"
    targets: Days = "90d"
    snapshot: Days = "7d"
    timestamp: Annotated[str, msgspec.Meta(pattern=r"^([1-9]|[12][0-9]|30)d$")] = "1d"

    def of(self, role: str) -> timedelta:
        """Return it for a role."""
        return timedelta(days=int(getattr(self, role)[:-1]))


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file."""

    name: str
    publisher: str
    contact: str
    license: str = ""
    tlp: Tlp = Tlp.GREEN
    expires: Expires = Expires()


def load(feed: Path) -> Settings:
    """Return the settings of a feed.

    Raises:
        ConfigError: the folder is no feed, or the file holds something else.
    """
    path = feed / FILE
    if not path.is_file():
        raise ConfigError(
            f"{feed}: is no feed to publish (`provenance feed init {feed} …` makes one)"
        )
    read = toml_file.load(path)
    try:
        found = msgspec.convert(read.table, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from error
    if found.tlp not in TLPS:
        raise ConfigError(f"{path}: tlp: a feed is CLEAR, GREEN or AMBER; nothing stricter leaves")
    checked_name(found.name)
    return found


def save(feed: Path, settings: Settings) -> None:
    """Write the settings of a new feed."""
    told = {**msgspec.to_builtins(settings)}
    lines = [f"{key} = {_quoted(str(told[key]))}" for key in told if key != "expires"]
    lines += ["", "[expires]"]
    lines += [f"{role} = {_quoted(days)}" for role, days in told["expires"].items()]
    atomic_write(feed / FILE, ("\n".join(lines) + "\n").encode())


def _quoted(text: str) -> str:
    """Return a basic string of TOML."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda c: f"\\u{ord(c[0]):04x}", escaped) + '"'
