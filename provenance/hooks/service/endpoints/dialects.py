"""`POST /hooks/NAME`: what another program asks in its form, and the decision in its form."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from provenance.hooks.decision import Decision
from provenance.hooks.dialects import coop, osprey, ozone
from provenance.hooks.message import Malformed, Message
from provenance.hooks.service.operation import Handler, Operation, answer
from provenance.hooks.service.problem import Problem
from provenance.hooks.service.service import Service


class Dialect(NamedTuple):
    """How another program asks, and how it is told."""

    message_of: Callable[[bytes], Message]
    said: Callable[[Message, Decision, str], dict[str, Any]]


DIALECTS: Final = {
    "coop": Dialect(coop.message_of, coop.said),
    "osprey": Dialect(osprey.message_of, osprey.said),
    "ozone": Dialect(ozone.message_of, ozone.said),
}


def _handler(dialect: Dialect) -> Handler:
    async def decide(service: Service, request: Request) -> Response:
        service.checks.admit()
        body = await service.bodies.read(request)
        try:
            message = dialect.message_of(body)
        except Malformed as error:
            raise Problem(400, error.code, None, **error.args_of) from None
        until = time.monotonic() + service.deadline
        decided = await service.checks.decision(message, until)
        decision = msgspec.json.decode(decided, type=Decision)
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return answer(msgspec.json.encode(dialect.said(message, decision, now)))

    return decide


async def manifest(_service: Service, _request: Request) -> Response:
    """Return the manifest of Coop's integration."""
    return answer(coop.manifest())


OPERATIONS: Final = (
    *(
        Operation(
            method="POST",
            path=f"/hooks/{name}",
            handle=_handler(dialect),
            summary=f"Decide on what {name.capitalize()} asks, and answer in its form",
            takes={"application/json": bytes},
            gives={200: dict[str, Any]},
        )
        for name, dialect in DIALECTS.items()
    ),
    Operation(
        method="GET",
        path="/hooks/coop",
        handle=manifest,
        summary="Manifest and model card of Coop's integration",
        gives={200: dict[str, Any]},
    ),
)
