"""What projects spend and callers begin, with what this process's live calls have done so far.

What is stored lags behind by the commit in flight, so live calls are counted here and left out
there; a call that ended is counted here until the store is read again. Calls of other processes
are counted as they are stored.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from agentvoice.config import BudgetSettings
from agentvoice.core.budget import HOUR_MS, check_caller, check_project_budget, month_of
from agentvoice.core.call import Call
from agentvoice.core.ports import Clock
from agentvoice.core.pricing import nano_usd_of
from agentvoice.core.project import Project
from agentvoice.storage import usage
from agentvoice.storage.database import Database


def project_budget(project: Project, settings: BudgetSettings) -> int:
    """Return a project's budget of a month in nano-dollars: its own, else the settings'; 0 for none."""
    return project.budget_nano_usd_per_month or nano_usd_of(settings.usd_per_project_per_month)


@dataclass(slots=True, eq=False)
class Account:
    """One call's spending, by the start of the month. `changed` is told when its project spent."""

    call: Call
    nano_usd: Counter[int] = field(default_factory=Counter)
    is_live: bool = True
    changed: Callable[[], None] = lambda: None


class Spending:
    """The accounts of one process's calls."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._accounts: list[Account] = []
        self._stored: dict[tuple[str, int], int] = {}  # of a project in a month, without our accounts

    async def check_start(self, project: Project, caller: str, settings: BudgetSettings) -> None:
        """Raise BudgetSpent or CallLimitReached when this caller may begin no call of this project."""
        now = self._clock.utc_ms()
        month, after = month_of(now)
        counted = [account for account in self._accounts if account.is_live]
        over = [account for account in self._accounts if not account.is_live]
        ids = tuple(account.call.id for account in counted)

        def read() -> tuple[int, int]:
            with self._database.reading() as session:
                return (
                    usage.project_spent(session, project.slug, month, after, but=ids),
                    usage.calls_of_caller(session, caller, now - HOUR_MS, but=ids),
                )

        spent, calls = await asyncio.to_thread(read)
        self._stored[project.slug, month] = spent
        self._accounts = [
            each for each in self._accounts if each not in over or each.call.project != project.slug
        ]
        # Those that were opened while the store was read are new to it: all that are live count here.
        calls += sum(
            each.call.caller == caller and each.call.started_at >= now - HOUR_MS
            for each in self._accounts
            if each.is_live or each in counted
        )
        check_caller(caller, calls, settings.calls_per_caller_per_hour)
        check_project_budget(
            project.slug, self.project_nano_usd(project.slug), project_budget(project, settings)
        )

    def open(self, call: Call) -> Account:
        """Begin to count a call."""
        account = Account(call)
        self._accounts.append(account)
        return account

    def add(self, account: Account, nano_usd: int) -> None:
        """Count what a call has spent now; the live calls of its project are told."""
        month, _ = month_of(self._clock.utc_ms())
        account.nano_usd[month] += nano_usd
        for each in self._accounts:
            if each.is_live and each.call.project == account.call.project:
                each.changed()

    def close(self, account: Account) -> None:
        """The call is over, and all of it is stored."""
        account.is_live = False
        account.changed = lambda: None

    def project_nano_usd(self, project: str) -> int:
        """Return what a project has spent in this month, as far as it is known here."""
        month, _ = month_of(self._clock.utc_ms())
        here = sum(each.nano_usd[month] for each in self._accounts if each.call.project == project)
        return self._stored.get((project, month), 0) + here
