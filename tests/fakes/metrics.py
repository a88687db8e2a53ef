"""Metrics that remember what they were told."""

from __future__ import annotations

from collections import Counter, defaultdict

from agentvoice.core.metrics import Metric


class ToldMetrics:
    """`sums`: what was added, by metric and label; `seen`: what was observed."""

    def __init__(self) -> None:
        self.sums: Counter[tuple[str, str]] = Counter()
        self.seen: defaultdict[str, list[float]] = defaultdict(list)

    def add(self, metric: Metric, amount: float = 1.0, label: str = "") -> None:
        """Remember it."""
        self.sums[metric.name, label] += amount  # type: ignore[assignment] # a Counter of seconds too

    def observe(self, metric: Metric, value: float) -> None:
        """Remember it."""
        self.seen[metric.name].append(value)

    def sum_of(self, metric: Metric, label: str = "") -> float:
        """What was added to a metric."""
        return self.sums[metric.name, label]

    def seen_of(self, metric: Metric) -> list[float]:
        """What was observed."""
        return self.seen[metric.name]
