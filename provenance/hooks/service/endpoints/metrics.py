"""`GET /metrics`: what Prometheus asks for."""

from collections.abc import Iterator
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from provenance.hooks.service.metrics import MEDIA_TYPE, Reading
from provenance.hooks.service.operation import Operation
from provenance.hooks.service.readiness import DAY
from provenance.hooks.service.service import Service


async def metrics(service: Service, _request: Request) -> Response:
    """Return everything that is counted."""
    return Response(service.metrics.text(lambda: _readings(service)), media_type=MEDIA_TYPE)


def _readings(service: Service) -> Iterator[Reading]:
    """Yield how the service stands now."""
    checks, nothing = service.checks, dict[str, str]()
    yield "provenance_queue", "Requests looked at or waiting.", [(nothing, checks.now)]
    yield "provenance_queue_limit", "Most of them.", [(nothing, checks.most)]
    yield "provenance_bodies_bytes", "Bytes of bodies held.", [(nothing, service.bodies.held)]
    yield (
        "provenance_worker_restarts_total",
        "Workers that were replaced.",
        [(nothing, checks.restarts)],
    )
    banks = [
        ({"bank": one.name}, DAY * one.age_days)
        for one in service.readiness.banks()
        if one.age_days is not None
    ]
    yield "provenance_bank_age_seconds", "Since the last change of a bank.", banks
    lists = [({"list": one.name}, DAY * one.age_days) for one in service.readiness.lists()]
    yield "provenance_list_age_seconds", "Since a trust list was issued.", lists
    yield "provenance_brake", "1 while the brake is on.", [(nothing, float(checks.holds))]


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/metrics",
        handle=metrics,
        summary="Counts, for Prometheus",
        gives={200: "text/plain"},
    ),
)
