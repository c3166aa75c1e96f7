"""`GET /v1/records/{sha256}`: what was decided before."""

import re
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from provenance.hooks.service.operation import Operation, answer
from provenance.hooks.service.problem import Problem
from provenance.hooks.service.service import Service
from provenance.record import Record

SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")


async def record_of(service: Service, request: Request) -> Response:
    """Return the last record of some bytes, by their digest."""
    sha256 = request.path_params["sha256"].lower()
    if not SHA256.fullmatch(sha256):
        raise Problem(400, "request.no_sha256")
    records = service.records
    found = await service.checks.aside(lambda: records.last(sha256)) if records else None
    if found is None:
        raise Problem(404, "request.no_record")
    return answer(msgspec.json.encode(found))


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/v1/records/{sha256}",
        handle=record_of,
        summary="The last record of these bytes in the audit log",
        gives={200: Record},
    ),
)
