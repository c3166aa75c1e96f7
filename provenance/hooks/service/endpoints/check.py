"""`POST /v1/check`: a file, a form of files, or a message."""

import re
import time
from typing import Final

import msgspec
from python_multipart.multipart import parse_options_header
from starlette.requests import Request
from starlette.responses import Response

from provenance.hooks.decision import Decision
from provenance.hooks.message import Malformed, Message, parse
from provenance.hooks.service.body import form
from provenance.hooks.service.operation import Form, Operation, answer
from provenance.hooks.service.problem import Problem
from provenance.hooks.service.service import Service
from provenance.intake import bytes as given
from provenance.intake import files
from provenance.record import Record

WAIT: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?=[,;]|$)", re.IGNORECASE)
"""A preference for how long to wait (RFC 7240)."""
FILE: Final = "file"
"""Name of the parts of a form that are checked."""


async def check(service: Service, request: Request) -> Response:
    """Return the record of a body, the list of those of a form, or the decision on a message."""
    service.checks.admit()
    body = await service.bodies.read(request)
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    seconds, applied = _seconds(service, request)
    until = time.monotonic() + seconds
    if kind == "application/json":
        said = await service.checks.decision(_message(body), until)
    elif kind == "multipart/form-data":
        parts = await service.checks.aside(lambda: form(content_type, body))
        items = [
            given.item(part.data, files.named(part.name or b"-"))
            for part in parts
            if part.field == FILE
        ]
        if not items:
            raise Problem(422, "request.no_file", field=FILE)
        said = msgspec.json.encode(await service.checks.records(items, until))
    else:
        (record,) = await service.checks.records([given.item(body, _name(request))], until)
        said = msgspec.json.encode(record)
    return answer(said, headers=applied)


def _name(request: Request) -> str:
    """Return what a body is called: the file name of `Content-Disposition`, else `-`."""
    said = request.headers.get("content-disposition", "").encode("latin-1")
    name = parse_options_header(said)[1].get(b"filename", b"")
    return files.named(name or b"-")


def _seconds(service: Service, request: Request) -> tuple[float, dict[str, str]]:
    """Return within how many seconds an answer is wanted, and the headers that say so."""
    wanted = WAIT.search(", ".join(request.headers.getlist("prefer")))
    if wanted is None:
        return service.deadline, {}
    seconds = min(float(wanted[1]), service.deadline)
    return seconds, {"Preference-Applied": f"wait={seconds:g}"}


def _message(body: bytes) -> Message:
    try:
        return parse(body)
    except Malformed as error:
        status = 413 if error.code == "hook.too_large" else 400
        raise Problem(status, error.code, **error.args_of) from None


OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/v1/check",
        handle=check,
        summary="Check a file, the files of a form, or a message",
        takes={
            "application/octet-stream": bytes,
            "image/*": bytes,
            "text/*": bytes,
            "multipart/form-data": Form(FILE, many=True),
            "application/json": Message,
        },
        gives={200: Record | list[Record] | Decision},
    ),
)
