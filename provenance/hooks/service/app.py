"""The table of requests, and the ASGI application over it.

1. Whoever may not ask is turned away before the path is looked at.
2. A row of `ROUTES` answers; its handler reads the body, and raises `Problem` where it cannot.
3. Whatever goes wrong is a problem document, never a page of the server.
"""

import re
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from detectors.errors import Error
from provenance.hooks.service.description import described
from provenance.hooks.service.endpoints import (
    brake,
    check,
    dialects,
    health,
    hma,
    lookup,
    mastodon,
    metrics,
    page,
    pict_rs,
    records,
)
from provenance.hooks.service.metrics import OTHER
from provenance.hooks.service.operation import Operation, answer
from provenance.hooks.service.problem import MEDIA_TYPE, Problem
from provenance.hooks.service.service import Service


async def describe(service: Service, _request: Request) -> Response:
    """Return the description of the interface."""
    return answer(_description(tokens=service.guards.asks))


ROUTES: Final = (
    *check.OPERATIONS, *lookup.OPERATIONS, *records.OPERATIONS, *brake.OPERATIONS, *hma.OPERATIONS,
    *pict_rs.OPERATIONS, *mastodon.OPERATIONS, *dialects.OPERATIONS, *page.OPERATIONS,
    *health.OPERATIONS, *metrics.OPERATIONS,
    Operation(
        method="GET", path="/openapi.json", handle=describe, summary="This description",
        gives={200: dict[str, Any]},
    ),
)  # fmt: skip
"""Every request that is answered; what is not here is 404."""
HEADERS: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
"""Of every answer that does not say otherwise."""
ROW: Final = "provenance.row"
"""Key of a scope: the path of the row that answers."""
TOKEN: Final = "/t/"  # noqa: S105 - what stands before one in a path
PART: Final = re.compile(r"\\\{(\w+)((?:\\\.){3})?\\\}")
"""A part of an escaped path: `{name}` is a segment, `{name...}` any number of them."""


class _Row(NamedTuple):
    """What is answered on a path."""

    path: str
    pattern: re.Pattern[str]
    by_method: dict[str, Operation]


class App:
    """Answers requests (ASGI 3)."""

    def __init__(self, service: Service, tell: Callable[[str], None]) -> None:
        """Take what answers.

        Args:
            service: what handlers share.
            tell: told of errors in this program.
        """
        self._service, self._guards, self._tell = service, service.guards, tell
        self._rows = _rows()
        self._exact = {row.path: row for row in self._rows if "{" not in row.path}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        request, began = Request(scope, receive), time.monotonic()
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        finally:
            self._service.bodies.release(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        seconds = time.monotonic() - began
        self._service.metrics.answered(scope.get(ROW, OTHER), response.status_code, seconds)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        """Return the answer to a request, an error included."""
        try:
            self._guards.pass_site(request)
            operation, token = self._found(request)
            if not (operation.open or (operation.invited and self._service.sessions)):
                self._guards.pass_token(request, token)
            return await operation.handle(self._service, request)
        except Problem as problem:
            return _told(problem)
        except (Error, OSError) as error:  # a full disk, no process to be had
            self._tell(str(error))
            return _told(Problem(503, "request.unavailable", {"Retry-After": "10"}))
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours ends no service
            self._tell(f"{request.url.path}: {type(error).__name__}: {error}")
            return _told(Problem(500, "request.failed"))

    def _found(self, request: Request) -> tuple[Operation, str | None]:
        """Return what answers a request, and the token that its path has.

        Raises:
            Problem: nothing is there, or not for this method.
        """
        path, token = "/" + request.scope["path"].lstrip("/"), None
        if path.startswith(TOKEN):
            token, _, rest = path[len(TOKEN) :].partition("/")
            path = "/" + rest.lstrip("/")
        row = self._exact.get(path) or next(
            (r for r in self._rows if r.pattern.fullmatch(path)), None
        )
        if row is None or (token is not None and not _takes_path_token(row)):
            if token is None:
                self._guards.pass_token(request, None)
            raise Problem(404, "request.nothing")
        method = "GET" if request.method == "HEAD" else request.method
        operation = row.by_method.get(method)
        if operation is None:
            self._guards.pass_token(request, token)
            raise Problem(405, "request.method", {"Allow": ", ".join(sorted(row.by_method))})
        match = row.pattern.fullmatch(path)
        request.scope[ROW] = row.path
        request.scope["path_params"] = match.groupdict() if match else {}
        return operation, token


@cache
def _description(*, tokens: bool) -> bytes:
    return msgspec.json.encode(described(ROUTES, tokens=tokens))


def _takes_path_token(row: _Row) -> bool:
    return any(operation.token_in_path for operation in row.by_method.values())


def _rows() -> list[_Row]:
    """Return the table by path."""
    rows = dict[str, _Row]()
    for operation in ROUTES:
        path = operation.path
        row = rows.setdefault(path, _Row(path, re.compile(PART.sub(_part, re.escape(path))), {}))
        row.by_method[operation.method] = operation
    return list(rows.values())


def _part(found: re.Match[str]) -> str:
    return f"(?P<{found[1]}>{'.*' if found[2] else '[^/]+'})"


def _told(problem: Problem) -> Response:
    return Response(problem.body, problem.status, problem.headers, MEDIA_TYPE)
