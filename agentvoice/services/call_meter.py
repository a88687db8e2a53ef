"""The meter of one call: what each use costs, whose it is, and the sum so far.

Sums are exact integers in memory; nothing here waits for the database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from agentvoice.config import CallSettings
from agentvoice.core.budget import MS_PER_S, CallLimits, Spent
from agentvoice.core.pricing import (
    FREE,
    Cost,
    PriceTable,
    audio_ms_of,
    estimated_cost,
    exact_cost,
    nano_usd_of,
)
from agentvoice.core.project import Project
from agentvoice.core.speech import UsageReported
from agentvoice.services.spending import Account, Spending, project_budget

MAX_OPEN_RESPONSES = 100
"""Replies whose maker is remembered until their usage comes; the oldest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Maker:
    """Who made a reply, on which engine."""

    agent: str
    engine: str


def limits_of(settings: CallSettings, project: Project) -> CallLimits:
    """Return the limits of a call of this project."""
    budgets = settings.budgets
    return CallLimits(
        call_nano_usd=nano_usd_of(budgets.usd_per_call),
        call_ms=settings.max_minutes * 60 * MS_PER_S,
        project_nano_usd=project_budget(project, budgets),
        warn_percent=budgets.warn_percent,
        warn_before_end_ms=round(budgets.warn_before_end_s * MS_PER_S),
    )


class CallMeter:
    """Counts one call's money. `free_engines`: those whose providers bill nothing."""

    def __init__(
        self,
        account: Account,
        spending: Spending,
        limits: CallLimits,
        prices: PriceTable,
        estimated_nano_usd_per_minute: int,
        free_engines: Collection[str],
    ) -> None:
        self.account = account
        self.limits = limits
        self.cost_nano_usd = 0
        self._spending = spending
        self._prices = prices
        self._per_minute = estimated_nano_usd_per_minute
        self._free_engines = free_engines
        self._makers: dict[str, Maker] = {}
        self._estimated: Counter[str] = Counter()  # nano-dollars by model without a price
        self._unpriced_ms: Counter[str] = Counter()

    @property
    def is_estimate(self) -> bool:
        """Whether some of the cost is a guess: a model had no price."""
        return bool(self._estimated)

    def response_started(self, response: str, maker: Maker) -> None:
        """A reply began: its usage, which comes last, is of who makes it now."""
        self._makers[response] = maker
        if len(self._makers) > MAX_OPEN_RESPONSES:
            del self._makers[next(iter(self._makers))]

    def book(self, used: UsageReported, speaking: Maker) -> tuple[Maker, Cost]:
        """Count a use; return whose it is and what it costs. `speaking`: who has the call now."""
        maker = self._makers.pop(used.response, speaking)
        cost = self._cost(used, maker)
        self.cost_nano_usd += cost.nano_usd
        self._spending.add(self.account, cost.nano_usd)
        return maker, cost

    def spent(self, elapsed_ms: int) -> Spent:
        """Return what the call and its project have spent by now."""
        project = self._spending.project_nano_usd(self.account.call.project)
        return Spent(self.cost_nano_usd, project, elapsed_ms)

    def _cost(self, used: UsageReported, maker: Maker) -> Cost:
        if maker.engine in self._free_engines:
            return FREE
        price = self._prices.price_of(used.model)
        if price is not None:
            return Cost(exact_cost(used, price), self._prices.as_of)
        # Minutes are rounded up once for the call, not for each reply: a row has what it adds to them.
        self._unpriced_ms[used.model] += audio_ms_of(used)
        total = estimated_cost(self._unpriced_ms[used.model], self._per_minute)
        more = total - self._estimated[used.model]
        self._estimated[used.model] = total
        return Cost(more, self._prices.as_of, is_estimate=True)
