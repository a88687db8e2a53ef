"""What benchmarks answer: rows of figures with their goals and parts, as one table or as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles

COLUMNS = ("benchmark", "what", "figure", "goal", "verdict")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `goal` is its upper limit, or the lower one if `is_floor`; None: for information.

    `parts` says what the figure consists of or was compared with.
    """

    what: str
    figure: float
    unit: str
    goal: float | None = None
    is_floor: bool = False
    parts: str = ""

    @property
    def verdict(self) -> str:
        """How the figure stands to its goal; no benchmark fails by it."""
        if self.goal is None:
            return ""
        is_met = self.figure >= self.goal if self.is_floor else self.figure <= self.goal
        return "met" if is_met else f"missed: {self.figure / self.goal:.2f} of the goal"


@dataclass(frozen=True, slots=True)
class Report:
    """The rows of one benchmark, and the machine's load (1 min average) before and after it."""

    benchmark: str
    rows: tuple[Row, ...]
    load_before: float
    load_after: float


def machine_load() -> float:
    """Return the load average of the last minute; compare it with the number of cores."""
    return os.getloadavg()[0]


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile of at least one value."""
    return quantiles(values, n=100, method="inclusive")[percent - 1] if len(values) > 1 else values[0]


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Return p50, p99 and the largest of some values."""
    figures = (median(values), percentile(values, 99), max(values))
    return "p50 {:.{d}f} · p99 {:.{d}f} · max {:.{d}f}".format(*figures, d=digits)


def table(reports: Sequence[Report]) -> str:
    """Return the reports for people; the parts stand under their figures."""
    cells = [COLUMNS, *(line for report in reports for line in _cells(report))]
    widths = [max(len(line[column]) for line in cells) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(cells[0], widths, strict=True)).rstrip()]
    lines.append("  ".join("-" * width for width in widths))
    rest = iter(cells[1:])
    for report in reports:
        for row in report.rows:
            aligned = zip(next(rest), widths, strict=True)
            lines.append("  ".join(cell.ljust(width) for cell, width in aligned).rstrip())
            lines += [f"    {part}" for part in row.parts.splitlines()]
        lines.append(f"    load average {report.load_before:.1f} before, {report.load_after:.1f} after")
    return "\n".join(lines)


def _cells(report: Report) -> list[tuple[str, ...]]:
    return [
        (
            report.benchmark,
            row.what,
            f"{row.figure:,.2f} {row.unit}",
            "" if row.goal is None else f"{'≥' if row.is_floor else '≤'} {row.goal:g} {row.unit}",
            row.verdict,
        )
        for row in report.rows
    ]


def document(reports: Sequence[Report]) -> str:
    """Return the reports as one JSON document."""
    benchmarks = [
        {
            "benchmark": report.benchmark,
            "load_average": [report.load_before, report.load_after],
            "rows": [{**asdict(row), "verdict": row.verdict} for row in report.rows],
        }
        for report in reports
    ]
    return json.dumps({"cores": os.cpu_count(), "benchmarks": benchmarks}, ensure_ascii=False, indent=2)
