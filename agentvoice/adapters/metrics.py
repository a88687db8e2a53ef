"""The daemon's numbers in Prometheus' text format; the only place that knows prometheus_client."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from agentvoice.core.metrics import METRICS, OTHER, Kind, Metric

Take = Callable[[float], None]


class PrometheusMetrics:
    """Counts and measures (core.ports.Metrics), beside the process's own numbers (`process_…`).

    Every series exists from the start: a counter that is missing looks like one that is broken.
    """

    def __init__(self) -> None:
        # Else each counter gets a second series, of when it began, which no rule needs.
        disable_created_metrics()  # type: ignore[no-untyped-call] # it takes and gives nothing
        self._registry = CollectorRegistry()
        self._takes: dict[tuple[Metric, str], Take] = {}
        for metric in METRICS:
            self._register(metric)
        ProcessCollector(registry=self._registry)

    def add(self, metric: Metric, amount: float = 1.0, label: str = "") -> None:
        """Count; a label's value that the table does not know counts as `other`."""
        (self._takes.get((metric, label)) or self._takes[metric, OTHER])(amount)

    def observe(self, metric: Metric, value: float) -> None:
        """Measure."""
        self._takes[metric, ""](value)

    def exposition(self) -> tuple[bytes, str]:
        """Return what a scrape gets, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4

    def _register(self, metric: Metric) -> None:
        if metric.kind is Kind.HISTOGRAM:
            histogram = Histogram(metric.name, metric.help, buckets=metric.bounds, registry=self._registry)
            self._takes[metric, ""] = histogram.observe
        elif metric.kind is Kind.GAUGE:
            self._takes[metric, ""] = Gauge(metric.name, metric.help, registry=self._registry).inc
        elif metric.label:
            counter = Counter(metric.name, metric.help, [metric.label], registry=self._registry)
            for value in (*metric.values, OTHER):
                self._takes[metric, value] = counter.labels(value).inc
        else:
            self._takes[metric, ""] = Counter(metric.name, metric.help, registry=self._registry).inc
