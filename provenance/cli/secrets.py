"""Passwords in what is shown: an address may stand where no command looks for one."""

import re
from typing import Final

_TOKEN: Final = re.compile(r"""[^\s'"]++""")
"""What may be an address. All repeats here keep what they took, so that no text takes long."""
_SCHEME: Final = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z0-9+.-]++:/+")
_USER: Final = re.compile(r"(?<![^:=(/])[^:=(/]++:(?=.)", re.DOTALL)
"""User and colon, where an address has no scheme."""
_OPTION: Final = re.compile(
    r"""((?:password|passwd)\s*+=\s*+)('[^']*+'?|[^\s&'"]++)""", re.IGNORECASE
)
"""A password as an option of an address, or as libpq's keyword strings have it."""


def without_secrets(text: str) -> str:
    """Return a message in which `…` stands for users and passwords of addresses."""
    if "@" in text:
        text = _TOKEN.sub(lambda found: _anonymous(found[0]), text)
    return _OPTION.sub(r"\1…", text)


def _anonymous(token: str) -> str:
    """Return an address without what stands before its last @, behind its scheme if it has one."""
    before, at, host = token.rpartition("@")
    if not at:
        return token
    if scheme := _SCHEME.search(before):
        return f"{before[: scheme.end()]}…@{host}"
    parts = [_without_user(part) for part in before.split("@")]
    return "@".join([*parts, host])


def _without_user(part: str) -> str:
    """Return what stands before an @, with `…` for user and password where there is a colon."""
    path = part.rfind("/")
    users = (user.start() for user in _USER.finditer(part) if user.end() > path)
    start = next(users, None)
    return part if start is None else f"{part[:start]}…"
