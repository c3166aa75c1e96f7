"""A row of the table of requests: what is asked for, what answers, and what is told of both."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from provenance.hooks.service.service import Service

Handler = Callable[[Service, Request], Awaitable[Response]]
"""Answers a request; raises `Problem` where it is answered with an error."""


class Form(NamedTuple):
    """A form with files in one field (RFC 7578)."""

    field: str
    many: bool = False


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """A method on a path. Errors are problem documents, of which it says nothing."""

    method: str
    path: str
    """As OpenAPI writes it: `/v1/records/{sha256}`; such a part is one segment, `{rest...}` any."""
    handle: Handler
    summary: str
    takes: Mapping[str, Any] = {}
    """Media type of a body → its type; `bytes` where it is taken as it is, or a `Form`."""
    gives: Mapping[int, Any] = {}
    """Status → type of the JSON that is answered; a media type where it is no JSON; None where
    there is no body."""
    asks: Sequence[str] = ()
    """Names of what may stand in the query."""
    open: bool = False
    """Whether it asks for no token."""
    invited: bool = False
    """Whether it asks for none where `--open` has invited somebody, who has yet to get one."""
    token_in_path: bool = False
    """Whether its path may begin with `/t/TOKEN`."""
    hidden: bool = False
    """Whether the description of the interface leaves it out."""


def answer(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer of JSON that is already encoded."""
    return Response(body, status, headers, "application/json")
