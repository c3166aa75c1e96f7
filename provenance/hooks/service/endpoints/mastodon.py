"""`POST /hooks/mastodon`: an event is taken and looked at later; the decision goes elsewhere."""

import hmac
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from provenance.hooks.dialects.mastodon import SIGNATURE, messages, signature
from provenance.hooks.message import Malformed
from provenance.hooks.service.operation import Operation
from provenance.hooks.service.problem import Problem, busy
from provenance.hooks.service.service import Service


async def take(service: Service, request: Request) -> Response:
    """Take an event that is signed with the secret."""
    reports = service.reports
    if reports is None:
        raise Problem(503, "request.no_secret")
    body = await service.bodies.read(request)
    said = request.headers.get(SIGNATURE, "")
    if not hmac.compare_digest(said.encode(), signature(reports.secret, body).encode()):
        raise Problem(401, "request.signature")
    try:
        asked = messages(body)
    except Malformed as error:
        raise Problem(400, error.code, None, **error.args_of) from None
    if not reports.take(asked):
        raise busy()
    return Response(status_code=202)


OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/hooks/mastodon",
        handle=take,
        summary="Take an event of Mastodon",
        takes={"application/json": bytes},
        gives={202: None},
    ),
)
