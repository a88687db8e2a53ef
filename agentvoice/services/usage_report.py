"""What calls used and cost in a time, added up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from agentvoice.core.usage import UsageGroup, UsageTotal
from agentvoice.errors import UsageError
from agentvoice.protocols.documents import UsageReport, usage_line
from agentvoice.storage.database import Database
from agentvoice.storage.usage import MS_PER_DAY, report_usage, total_usage


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a report (UTC), both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Sums:
    """What was used in some days, by one group, and in all."""

    by: UsageGroup
    days: Days
    lines: tuple[UsageTotal, ...]
    total: UsageTotal

    def document(self) -> UsageReport:
        """Return it as it is printed."""
        return UsageReport(
            by=self.by.value,
            since=self.days.first.isoformat(),
            until=self.days.last.isoformat(),
            lines=[usage_line(each) for each in self.lines],
            total=usage_line(self.total),
        )


def read_days(since: str, until: str, now: int, names: tuple[str, str]) -> Days:
    """Return the days from `since` (this month's first for "") to `until` (today for "").

    `names` are what the user knows the two by. Raises UsageError.
    """
    today = datetime.fromtimestamp(now / 1_000, UTC).date()
    first = _day(names[0], since) if since else today.replace(day=1)
    last = _day(names[1], until) if until else max(today, first)
    if last < first:
        raise UsageError(f"{names[1]}: got {last}, want {first} ({names[0]}) or later")
    return Days(first, last)


def read_sums(database: Database, by: UsageGroup, days: Days) -> Sums:
    """Return what was used in these days. Raises a StorageError."""
    times = _midnight_ms(days.first), _midnight_ms(days.last) + MS_PER_DAY
    with database.reading() as session:
        return Sums(by, days, report_usage(session, by, *times), total_usage(session, *times))


def _day(name: str, text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise UsageError(f"{name}: got {text!r}, want a day such as 2026-11-01") from None


def _midnight_ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1_000)
