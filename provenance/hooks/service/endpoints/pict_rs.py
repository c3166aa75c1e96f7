"""`POST /hooks/pict-rs`: whether a file may be uploaded, by the status alone.

Source: asonix/pict-rs, src/ingest.rs and releases/0.4.3.md: `media.external_validation` is asked
with the file as body; 2xx accepts it, anything else rejects it.
"""

import time
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from detectors.errors import Error
from provenance.hooks.service.operation import Operation
from provenance.hooks.service.problem import Problem
from provenance.hooks.service.service import Service
from provenance.hooks.uploads import flagged, unopened, unsure
from provenance.intake import bytes as given
from provenance.record import Record

ACCEPT, REJECT, NO_VERDICT = 200, 403, 503


async def validate(service: Service, request: Request) -> Response:
    """Accept or reject a file; without a verdict, or braked, as the operator has chosen."""
    try:
        service.checks.admit()
        body = await service.bodies.read(request)
        until = time.monotonic() + service.deadline
        (record,) = await service.checks.records([given.item(body, "-")], until)
        if service.checks.holds:
            return Response(status_code=_without(service))
        doubtful = unsure(record) or not await _decodes(service, body, record, until)
    except (Problem, Error):
        return Response(status_code=_without(service))
    if flagged(record, service.fail_on):
        return Response(status_code=REJECT)
    return Response(status_code=_without(service) if doubtful else ACCEPT)


def _without(service: Service) -> int:
    """Return what is answered where there is no verdict."""
    return {"accept": ACCEPT, "reject": REJECT, None: NO_VERDICT}[service.on_error]


async def _decodes(service: Service, body: bytes, record: Record, until: float) -> bool:
    """Tell whether a picture can be decoded, where no detector has shown it."""
    if not unopened(record):
        return True
    return bool(await service.checks.fingerprints(given.item(body, "-"), until))


OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/hooks/pict-rs",
        handle=validate,
        summary="Accept (200) or reject (403) a file, as pict-rs asks",
        takes={"application/octet-stream": bytes, "image/*": bytes, "video/*": bytes},
        gives={ACCEPT: None, REJECT: None, NO_VERDICT: None},
    ),
)
