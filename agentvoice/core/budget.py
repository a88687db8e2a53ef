"""What a call may cost and how long it may last: decisions over plain numbers.

A warning is given once for each limit; the end comes with the first limit that is reached.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from agentvoice.core.call import EndReason
from agentvoice.core.pricing import usd_text
from agentvoice.errors import BudgetSpent, CallLimitReached

HOUR_MS = 3_600_000
MS_PER_S = 1_000


@dataclass(frozen=True, slots=True)
class CallLimits:
    """The limits of one call. `project_nano_usd`: its project's budget of a month, 0 for none."""

    call_nano_usd: int
    call_ms: int
    project_nano_usd: int
    warn_percent: int
    warn_before_end_ms: int

    @property
    def warn_at_ms(self) -> int:
        """When the caller is warned of the time: a while before the end, in short calls half-way."""
        return max(self.call_ms // 2, self.call_ms - self.warn_before_end_ms)


@dataclass(frozen=True, slots=True)
class Spent:
    """What a call has used so far, and its project in this month with all its live calls."""

    call_nano_usd: int
    project_nano_usd: int
    elapsed_ms: int


class Verdict(StrEnum):
    """Where a call stands."""

    FINE = "fine"
    TIME_LOW = "time_low"
    MONEY_LOW = "money_low"
    PROJECT_LOW = "project_low"
    TIME_OVER = "time_over"
    MONEY_SPENT = "money_spent"
    PROJECT_SPENT = "project_spent"


ENDINGS: dict[Verdict, EndReason] = {
    Verdict.TIME_OVER: EndReason.LIMIT,
    Verdict.MONEY_SPENT: EndReason.BUDGET,
    Verdict.PROJECT_SPENT: EndReason.BUDGET,
}
"""The verdicts that end a call; the others warn."""


def judge_call(limits: CallLimits, spent: Spent, warned: Collection[Verdict] = ()) -> Verdict:
    """Return where the call stands; warnings that were given (`warned`) are not given again."""
    has_project_budget = limits.project_nano_usd > 0
    call, project = spent.call_nano_usd * 100, spent.project_nano_usd * 100
    found = (
        (Verdict.TIME_OVER, spent.elapsed_ms >= limits.call_ms),
        (Verdict.MONEY_SPENT, spent.call_nano_usd >= limits.call_nano_usd),
        (Verdict.PROJECT_SPENT, has_project_budget and spent.project_nano_usd >= limits.project_nano_usd),
        (Verdict.TIME_LOW, spent.elapsed_ms >= limits.warn_at_ms),
        (Verdict.MONEY_LOW, call >= limits.call_nano_usd * limits.warn_percent),
        (
            Verdict.PROJECT_LOW,
            has_project_budget and project >= limits.project_nano_usd * limits.warn_percent,
        ),
    )
    return next((verdict for verdict, holds in found if holds and verdict not in warned), Verdict.FINE)


def next_look_ms(limits: CallLimits, elapsed_ms: int) -> int:
    """Return the time of the call at which time alone changes the verdict next."""
    return limits.warn_at_ms if elapsed_ms < limits.warn_at_ms else limits.call_ms


def words_of(verdict: Verdict, limits: CallLimits) -> str:
    """Return what the caller is told."""
    return {
        Verdict.TIME_LOW: f"This call will end in {_length(limits.call_ms - limits.warn_at_ms)}.",
        Verdict.MONEY_LOW: f"{limits.warn_percent} percent of this call's budget is used, it will end soon.",
        Verdict.PROJECT_LOW: (
            f"{limits.warn_percent} percent of the project's budget for this month is used."
        ),
        Verdict.TIME_OVER: "This call has reached its time limit and ends now. Goodbye.",
        Verdict.MONEY_SPENT: "This call has used up its budget and ends now. Goodbye.",
        Verdict.PROJECT_SPENT: "The project's budget for this month is used up, the call ends now. Goodbye.",
    }[verdict]


def _length(ms: int) -> str:
    seconds = max(1, round(ms / MS_PER_S))
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{seconds} seconds"
    return "a minute" if minutes == 1 else f"{minutes} minutes"


def month_of(utc_ms: int) -> tuple[int, int]:
    """Return the start of the month (UTC) in which `utc_ms` lies, and of the next one, in Unix ms."""
    now = datetime.fromtimestamp(utc_ms / MS_PER_S, UTC)
    first = datetime(now.year, now.month, 1, tzinfo=UTC)
    after = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
    return int(first.timestamp()) * MS_PER_S, int(after.timestamp()) * MS_PER_S


def check_project_budget(project: str, spent_nano_usd: int, budget_nano_usd: int) -> None:
    """Raise BudgetSpent when a project (0: without a budget) has no money left for a call."""
    if 0 < budget_nano_usd <= spent_nano_usd:
        raise BudgetSpent(
            f"project {project}: {usd_text(spent_nano_usd)} USD of this month's {usd_text(budget_nano_usd)}"
            f" are spent; agentvoice project edit {project} --budget USD gives it more"
        )


def check_caller(caller: str, calls_of_hour: int, limit: int) -> None:
    """Raise CallLimitReached when a caller began as many calls in the last hour as one may."""
    if calls_of_hour >= limit:
        raise CallLimitReached(
            f"caller {caller}: {calls_of_hour} calls were begun in the last hour,"
            f" [calls.budgets] calls_per_caller_per_hour is {limit}"
        )
