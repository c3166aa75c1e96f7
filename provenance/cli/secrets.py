"""Passwords in what is shown: an address may stand where no command looks for one."""

import re
from typing import Final

_ADDRESS: Final = re.compile(
    r"""([A-Za-z][A-Za-z0-9+.-]*:/+)[^\s'"]*@|()[^\s'"/:=(]+:[^\s'"/@]+@""", re.ASCII
)
"""User and password before an @, with a scheme or without."""
_OPTION: Final = re.compile(
    r"""(\w*(?:password|passwd)\s*=\s*)('[^']*'?|[^\s&'"]+)""", re.IGNORECASE
)
"""A password as an option of an address, or as libpq's keyword strings have it."""


def without_secrets(text: str) -> str:
    """Return a message in which `…` stands for users and passwords of addresses."""
    if "@" in text:
        text = _ADDRESS.sub(lambda found: f"{found[1] or ''}…@", text)
    return _OPTION.sub(r"\1…", text)
