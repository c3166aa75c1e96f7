"""The address of a bank on a PostgreSQL server, kept apart from the secrets in it."""

import os
import re
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from detectors.errors import ConfigError

SCHEMES: Final = ("postgresql", "postgres")
FORM: Final = "postgresql://USER@HOST:PORT/DATABASE?bank=NAME"
DEFAULT_BANK: Final = "fakes"
CONNECT_SECONDS: Final = 10
"""Unless the address says otherwise."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_HOSTS: Final = re.compile(r"([\w.%-]*|\[[0-9A-Fa-f:.%]+\])(:\d+)?(,[\w.%-]*(:\d+)?)*", re.ASCII)
_PATH: Final = re.compile(r"(/[^/@:]*)?")
_MEANT: Final = re.compile(
    r"\s*[A-Za-z][A-Za-z0-9+.-]+:/|\s*postgres(?:ql)?\b.*:|.*://|.*[^/\s]:[^/]*@"
    r"|(?:.*\s)?\w*(?:host|hostaddr|port|dbname|user|password|service|passfile)\s*=",
    re.IGNORECASE | re.DOTALL,
)
"""What nobody calls a folder: a scheme, even with a slash too few or a blank before it; something
with a password before an @; what libpq takes instead of an address (`host=… password=…`)."""
VARIABLES: Final = ("PGPASSWORD", "PGSSLPASSWORD")
"""Where libpq finds passwords that the address does not hold."""


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a bank lies on a server; `str` of it may be shown to anybody."""

    url: str
    """For the driver, with all that the user wrote."""
    bank: str
    shown: str
    """Without user, password and options."""
    secrets: tuple[str, ...] = ()
    """What no message may hold."""

    def __str__(self) -> str:
        return self.shown

    __repr__ = __str__

    @property
    def name(self) -> str:
        """The bank's name, as a folder has one."""
        return self.bank

    def silenced(self, message: str) -> str:
        """Return a server's or driver's message on one line, or a word for one with a secret."""
        variables = (os.environ.get(name, "") for name in VARIABLES)
        if any(secret in message for secret in {*self.secrets, *variables} - {""}):
            return "the server cannot be used; its message is withheld, for it holds the password"
        return " ".join(message.split())


def addressed(text: str) -> bool:
    """Tell whether a bank's name is meant to be an address, even a mistyped one, and no path."""
    return _MEANT.match(text) is not None


def address(text: str) -> Address:
    """Read an address; nothing is opened.

    The option `bank` names the bank; a database may hold several. All else is libpq's.

    Raises:
        ConfigError: it is no such address. The message holds nothing of it, as even a broken one
            may hold a password.
    """
    try:
        parts = urlsplit(text)
    except ValueError:
        raise _unreadable() from None
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        raise _unreadable()
    if parts.scheme not in SCHEMES:
        raise ConfigError(f"a bank is a folder or {FORM}, not {parts.scheme}://…")
    options = [piece.partition("=")[::2] for piece in parts.query.split("&") if piece]
    user, _, hosts = parts.netloc.rpartition("@")
    if (
        parts.fragment
        or not text.isprintable()
        or "@" in user + parts.query  # libpq would end the password at the first
        or not _HOSTS.fullmatch(hosts)
        or not _PATH.fullmatch(parts.path)
        or not all(re.fullmatch("[a-z_]+", key) for key, _ in options)
    ):
        raise _unreadable()
    bank = unquote(dict(options).get("bank", DEFAULT_BANK))
    if not _NAME.fullmatch(bank):
        raise ConfigError(
            f"bank={bank[:80]!r}: a bank on a server is named by 1 to 63 letters, digits, - _ and ."
        )
    kept = {"connect_timeout": str(CONNECT_SECONDS), **dict(options)}
    rest = "&".join(f"{key}={value}" for key, value in kept.items() if key != "bank")
    written = [user.partition(":")[2], *(v for k, v in options if k.endswith("password"))]
    return Address(
        url=f"postgresql://{parts.netloc}{parts.path}?{rest}",
        bank=bank,
        shown=f"postgresql://{hosts}{parts.path}?bank={bank}",
        secrets=tuple(sorted({*written, *map(unquote, written)} - {""})),
    )


def _unreadable() -> ConfigError:
    return ConfigError(
        f"the address of the bank cannot be read; write {FORM}, with special characters of a "
        "password as %40 and the like"
    )
