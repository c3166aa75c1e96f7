"""Who may ask: the host that was asked for, the page that asks, and the token.

A page of another site can send requests to a service on the reader's machine, and by a name server
of its own also read the answers. So the name in `Host` must be one of ours, and what a browser says
of the asking page (`Origin`, `Sec-Fetch-Site`) must be that it is our own.
"""

import base64
import binascii
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request

from provenance.hooks.service.problem import Problem
from provenance.hooks.service.tokens import Known

CHALLENGE: Final = 'Bearer realm="provenance", Basic realm="provenance", charset="UTF-8"'
MOST_HEADERS: Final = 2**14
"""Bytes of all headers, with four around each name and value."""


class Guards:
    """What every request has to pass."""

    def __init__(self, hosts: Iterable[str], tokens: Known | None) -> None:
        """Take who may ask.

        Args:
            hosts: names by which this service may be asked for.
            tokens: None: nobody needs one.
        """
        self._hosts = frozenset(_bare(host) for host in hosts)
        self._tokens = tokens

    @property
    def asks(self) -> bool:
        """Whether a token is asked for."""
        return self._tokens is not None

    def pass_site(self, request: Request) -> None:
        """Do nothing for a request that asks for us, and comes from no other site.

        Raises:
            Problem: it does not.
        """
        if sum(len(name) + len(value) + 4 for name, value in request.headers.raw) > MOST_HEADERS:
            raise Problem(431, "request.headers", limit_kib=MOST_HEADERS >> 10)
        host = request.headers.get("host", "")
        if _name(host) not in self._hosts:
            raise Problem(421, "request.host")
        origin = request.headers.get("origin")
        own = (f"http://{host}".lower(), f"https://{host}".lower())
        if origin is not None and origin.lower() not in own:
            raise Problem(403, "request.origin")
        if request.headers.get("sec-fetch-site") == "cross-site":
            raise Problem(403, "request.origin")

    def pass_token(self, request: Request, in_path: str | None) -> None:
        """Do nothing for a request that has a token, or needs none.

        Args:
            request: with an `Authorization`.
            in_path: the token that its path has; None: it has none.

        Raises:
            Problem: it has none (401), or one that does not count (403).
        """
        if self._tokens is None:
            return
        token = in_path if in_path is not None else _token(request)
        if token is None:
            raise Problem(401, "request.no_token", {"WWW-Authenticate": CHALLENGE})
        if not self._tokens.holds(token):
            raise Problem(403, "request.token")

    def knows(self, request: Request) -> bool:
        """Tell whether whoever asks may see what needs a token."""
        try:
            self.pass_token(request, None)
        except Problem:
            return False
        return True


def _token(request: Request) -> str | None:
    """Return the token of a request; None where there is none."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer" and value:
        return value
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode("utf-8").partition(":")[2]
        except (binascii.Error, ValueError):
            return None
    return None


def _name(host: str) -> str | None:
    """Return the name of a `Host`, without its port; None where it has none."""
    try:
        split = urlsplit(f"//{host}")
        _ = split.port  # must be a number
    except ValueError:
        return None
    if split.path or split.query or split.fragment or "@" in host or not split.hostname:
        return None
    return _bare(split.hostname)


def _bare(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()
