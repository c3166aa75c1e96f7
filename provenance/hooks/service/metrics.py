"""What the service counts, for Prometheus."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)  # fmt: skip
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from provenance.record import Record

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40)
OTHER: Final = "other"
"""Stands for every path that nothing answers: what strangers ask for names no series."""

Reading = tuple[str, str, Iterable[tuple[dict[str, str], float]]]
"""Name of a gauge (of a counter, where it ends in `_total`), what it is, and its values."""


class Metrics:
    """Counts requests and verdicts, and asks for how everything stands when it is asked."""

    def __init__(self) -> None:
        """Start at nought."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "provenance_requests", "Requests answered.", ("path", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "provenance_request_seconds", "From the headers of a request to its answer.", ("path",),
            buckets=SECONDS, registry=self._registry,
        )  # fmt: skip
        self._verdicts = Counter(
            "provenance_verdicts", "Records made.", ("risk", "complete"), registry=self._registry
        )

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            path: of the row that answered it.
            status: of the answer.
            seconds: that it took.
        """
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def judged(self, record: Record) -> None:
        """Count a verdict."""
        complete = "true" if record.verdict.complete else "false"
        self._verdicts.labels(record.verdict.risk.value, complete).inc()

    def text(self, readings: Callable[[], Iterable[Reading]]) -> bytes:
        """Return everything in Prometheus' text format."""
        now = CollectorRegistry()
        now.register(_Readings(readings))
        return generate_latest(self._registry) + generate_latest(now)


class _Readings(Collector):
    """What is read off when somebody asks."""

    def __init__(self, readings: Callable[[], Iterable[Reading]]) -> None:
        self._readings = readings

    def collect(self) -> Iterator[Metric]:
        for name, what, values in self._readings():
            of = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            labelled = list(values)
            labels = sorted(labelled[0][0]) if labelled else []
            family = of(name, what, labels=labels)
            for said, value in labelled:
                family.add_metric([said[label] for label in labels], value)
            yield family
