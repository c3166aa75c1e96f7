"""`POST /v1/brake`: somebody has looked, and lifts the brake."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from provenance.hooks.service.operation import Operation, answer
from provenance.hooks.service.problem import Problem
from provenance.hooks.service.service import Service


class Released(msgspec.Struct, frozen=True):
    """What became of the brake."""

    released: bool
    """Whether it was on."""


async def release(service: Service, _request: Request) -> Response:
    """Lift the brake."""
    if service.brake is None:
        raise Problem(404, "request.no_brake")
    return answer(msgspec.json.encode(Released(service.brake.release())))


OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/v1/brake",
        handle=release,
        summary="Lift the brake: what was judged before no longer counts",
        gives={200: Released},
    ),
)
