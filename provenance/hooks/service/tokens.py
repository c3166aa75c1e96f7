"""Tokens of clients: a file of names and digests, read again when it changes.

Only tokens that `new` made count: their 256 random bits need no slow digest, and what people think
of themselves is refused before it is compared.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from detectors.errors import ConfigError

MADE: Final = re.compile(r"prov_[A-Za-z0-9_-]{43}")
LINE: Final = re.compile(r"(\S+)\s+([0-9a-f]{64})")
NAME: Final = re.compile(r"[^\s#]\S{0,99}")
MOST_BYTES: Final = 2**20


def new(name: str) -> tuple[str, str]:
    """Return a new token, and the line of it for the file.

    Raises:
        ConfigError: the name cannot stand in the file.
    """
    if not (NAME.fullmatch(name) and name.isprintable()):
        raise ConfigError(f"--new-token {name!r}: use a name without white space, up to 100 long")
    token = f"prov_{secrets.token_urlsafe(32)}"
    return token, f"{name} {_digest(token)}"


class Known(Protocol):
    """What knows the tokens that count."""

    def holds(self, token: str) -> bool:
        """Tell whether a token counts."""
        ...


class Sessions:
    """Whoever was invited: a token that counts once is exchanged for one that stays."""

    def __init__(self, others: Known | None) -> None:
        """Invite nobody.

        Args:
            others: know further tokens that count.
        """
        self._others, self._once, self._open = others, "", list[str]()

    def invite(self) -> str:
        """Return a token that counts once; an earlier one does not any more."""
        token, _ = new("once")
        self._once = _digest(token)
        return token

    def enter(self, once: str) -> str | None:
        """Return a token for one that counts once, None where it does not (any more)."""
        if not hmac.compare_digest(_digest(once), self._once):
            return None
        token, _ = new("session")
        self._once = ""
        self._open.append(_digest(token))
        return token

    def holds(self, token: str) -> bool:
        """Tell whether a token is of a session, or one that others know."""
        given = _digest(token)
        open_ = [hmac.compare_digest(given, each) for each in self._open]
        return any(open_) or (self._others is not None and self._others.holds(token))


class Tokens:
    """The tokens that a file lists."""

    def __init__(self, path: Path, tell: Callable[[str], None]) -> None:
        """Read the file.

        Args:
            path: of the file.
            tell: told of a file that cannot be used any more; then no token counts.

        Raises:
            ConfigError: it cannot be used.
        """
        self._path, self._tell = path, tell
        self._state = self._looked()
        self._digests = self._read()

    def holds(self, token: str) -> bool:
        """Tell whether a token is one of those listed now."""
        if (state := self._looked()) != self._state:
            self._state = state
            try:
                self._digests = self._read()
            except ConfigError as error:
                self._digests = []
                self._tell(f"{error}; until it can be used, nobody is let in")
        given = _digest(token) if MADE.fullmatch(token) else ""
        matches = [hmac.compare_digest(given, digest) for digest in self._digests]
        return any(matches)  # all are compared, so that time says nothing

    def _looked(self) -> tuple[int, int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return 0, 0, 0
        return found.st_ino, found.st_size, found.st_mtime_ns

    def _read(self) -> list[str]:
        """Return the digests in the file.

        Raises:
            ConfigError: it cannot be read, or a line is none of ours.
        """
        try:
            with self._path.open("rb") as file:
                text = file.read(MOST_BYTES).decode("utf-8")
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise ConfigError(f"--tokens {self._path}: {why}") from None
        digests = list[str]()
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                if not (found := LINE.fullmatch(line.strip())):
                    raise ConfigError(
                        f"--tokens {self._path}:{number}: no `name sha256-of-token`;"
                        " `provenance serve --new-token NAME` prints such a line"
                    )
                digests.append(found[2])
        return digests


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
