"""`POST /v1/lookup`: the entries of the banks that a hash or a file matches."""

import time
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from provenance.banking.lookup import Found, NoPdqError
from provenance.hooks.service.operation import Operation, answer
from provenance.hooks.service.problem import Problem
from provenance.hooks.service.service import Service
from provenance.intake import bytes as given

LEAST_QUALITY: Final = 50
"""Quality under which PDQ's makers do not use a hash."""


class Question(msgspec.Struct, frozen=True):
    """What is asked without a file."""

    pdq: str
    """64 hex digits."""


async def look_up(service: Service, request: Request) -> Response:
    """Return what matches a hash, or a file by its digests and its hash."""
    service.checks.admit()
    body = await service.bodies.read(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        found = _by_hash(service, body)
    else:
        pdq = await hash_of(service, body)
        found = await service.checks.aside(lambda: service.lookup.by_file(body, pdq or ""))
        if not (pdq or found):
            raise Problem(422, "request.no_hash")
    return answer(msgspec.json.encode(found))


async def hash_of(service: Service, data: bytes) -> str | None:
    """Return the PDQ hash of a file; empty where it shows too little, None where it has none.

    Raises:
        Problem: too many wait.
    """
    until = time.monotonic() + service.deadline
    prints = await service.checks.fingerprints(given.item(data, "-"), until)
    if "pdq" not in prints:
        return None
    return prints["pdq"] if int(prints["pdq_quality"]) >= LEAST_QUALITY else ""


def _by_hash(service: Service, body: bytes) -> list[Found]:
    try:
        return service.lookup.by_pdq(msgspec.json.decode(body, type=Question).pdq)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "request.question", error=str(error)[:200]) from None
    except NoPdqError:
        raise Problem(422, "request.no_pdq") from None


OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/v1/lookup",
        handle=look_up,
        summary="Find the entries of the banks that a PDQ hash or a file matches",
        takes={"application/json": Question, "application/octet-stream": bytes, "image/*": bytes},
        gives={200: list[Found]},
    ),
)
