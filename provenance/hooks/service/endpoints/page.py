"""`GET /`: a page on which files and texts are dropped, and what it asks for."""

import asyncio
import time
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from detectors.item import Kind
from provenance.hooks.service.drawing import drawn
from provenance.hooks.service.operation import Operation
from provenance.hooks.service.problem import Problem
from provenance.hooks.service.service import Service
from provenance.intake import bytes as given
from provenance.intake import files
from provenance.record import Record
from provenance.render.html import web

HTML: Final = "text/html; charset=utf-8"
LONGEST: Final = 200
"""Bytes of a token that was passed in a fragment, and more than any has."""


async def show(service: Service, _request: Request) -> Response:
    """Return the page."""
    page, policy = await asyncio.to_thread(web.page, service.words)
    allowed = f"{policy}; frame-ancestors 'none'"
    return Response(page, media_type=HTML, headers={"Content-Security-Policy": allowed})


async def item(service: Service, request: Request) -> Response:
    """Return the verdict on a body as a piece of the page."""
    service.checks.admit()
    body = await service.bodies.read(request)
    query = request.query_params
    name = files.named((query.get("name") or "-").encode("utf-8", "replace"))
    kind = Kind.TEXT if query.get("kind") == "text" else None
    until = time.monotonic() + service.deadline
    (record,) = await service.checks.records([given.item(body, name, kind)], until)
    piece = await service.checks.aside(lambda: _article(service, body, record))
    return Response(piece, media_type=HTML, headers={"Content-Security-Policy": "sandbox"})


async def enter(service: Service, request: Request) -> Response:
    """Return the token of a session for the one that `--open` put into the address."""
    if service.sessions is None:
        raise Problem(404, "request.nothing")
    once = (await service.bodies.read(request))[:LONGEST].decode("ascii", "replace")
    session = service.sessions.enter(once)
    if session is None:
        raise Problem(403, "request.token")
    return Response(session, media_type="text/plain")


def _article(service: Service, body: bytes, record: Record) -> str:
    policy, look = service.config.policy, service.look
    found = drawn(body, record, service.config.banks, look)
    pictures = [(service.words.word("page.match", entry=found[0]), found[1])] if found else []
    return web.article(record, policy, pictures, look)


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/",
        handle=show,
        summary="A page to drop files and texts on",
        gives={200: "text/html"},
        invited=True,
    ),
    Operation(
        method="POST",
        path="/page/item",
        handle=item,
        summary="A verdict as a piece of the page",
        hidden=True,
    ),
    Operation(
        method="POST",
        path="/page/session",
        handle=enter,
        summary="A session for a token that counts once",
        hidden=True,
        invited=True,
    ),
)
