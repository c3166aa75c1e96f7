"""`GET /healthz` and `/readyz`: whether it lives, and what it looks with."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from provenance.hooks.service.operation import Operation, answer
from provenance.hooks.service.service import Service


class Health(msgspec.Struct, frozen=True):
    """That the service lives."""

    status: str = "ok"


async def alive(_service: Service, _request: Request) -> Response:
    """Say that it lives."""
    return answer(msgspec.json.encode(Health()))


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
        handle=alive,
        summary="Whether the service can check",
        gives={200: Health},
        open=True,
    ),
)
