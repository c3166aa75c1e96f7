"""`GET /healthz` and `/readyz`: whether it lives, and what it looks with."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from provenance.hooks.service.operation import Operation, answer
from provenance.hooks.service.problem import Problem
from provenance.hooks.service.readiness import Ready
from provenance.hooks.service.service import Service


class Health(msgspec.Struct, frozen=True):
    """That the service lives."""

    status: str = "ok"


async def alive(_service: Service, _request: Request) -> Response:
    """Say that it lives."""
    return answer(msgspec.json.encode(Health()))


async def ready(service: Service, request: Request) -> Response:
    """Say with what it looks; to whoever has no token, only whether it does."""
    knows = service.guards.knows(request)
    found = await service.readiness.ready(service.deadline)
    if stale := service.readiness.stale():
        raise Problem(503, "request.stale", stale=stale if knows else len(stale))
    return answer(msgspec.json.encode(found if knows else Ready(status="ready")))


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/healthz",
        handle=alive,
        summary="Whether the service lives",
        gives={200: Health},
        open=True,
    ),
    Operation(
        method="GET",
        path="/readyz",
        handle=ready,
        summary="Whether the service can check, and with what",
        gives={200: Ready},
        open=True,
    ),
)
