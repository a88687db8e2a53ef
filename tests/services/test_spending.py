from __future__ import annotations

import asyncio

import pytest

from agentvoice.config import BudgetSettings
from agentvoice.core.project import Project
from agentvoice.errors import BudgetSpent, CallLimitReached
from agentvoice.services.spending import Spending
from agentvoice.storage import conversations, usage
from agentvoice.storage.usage import UsageEntry
from tests.services.conftest import House
from tests.storage.values import call, hex_id

GARDEN = Project("garden", "Garden", "a" * 64, budget_nano_usd_per_month=100)
SETTINGS = BudgetSettings()
DAY_S = 86_400


@pytest.fixture
def spending(house: House) -> Spending:
    return Spending(house.database, house.clock)


def store(house: House, number: int, cost: int, used_at: int, project: str = "garden") -> None:
    """Store a call that cost so much."""
    with house.database.writing() as session:
        conversations.create_call(session, call(number, project=project, started_at=used_at))
        entry = UsageEntry(hex_id(900 + number), hex_id(number), project, "ada", "openai", "m", used_at, cost)
        usage.add_usage(session, entry)


async def test_stored_and_live_calls_are_spent_together(house: House, spending: Spending):
    """A project that has money left may call; what its live calls spend counts at once."""
    store(house, 1, 60, house.clock.utc_ms())
    store(house, 2, 1_000, house.clock.utc_ms(), project="zoo")
    await spending.check_start(GARDEN, "local", SETTINGS)
    account = spending.open(call(3, project="garden"))
    spending.add(account, 39)
    await spending.check_start(GARDEN, "local", SETTINGS)
    spending.add(account, 1)
    assert spending.project_nano_usd("garden") == 100
    with pytest.raises(BudgetSpent, match="project garden"):
        await spending.check_start(GARDEN, "local", SETTINGS)


async def test_a_live_call_is_not_counted_twice(house: House, spending: Spending):
    """Its rows that are stored already are the same money."""
    account = spending.open(call(1, project="garden"))
    spending.add(account, 60)
    store(house, 1, 60, house.clock.utc_ms())
    await spending.check_start(GARDEN, "local", SETTINGS)
    assert spending.project_nano_usd("garden") == 60
    spending.close(account)
    assert spending.project_nano_usd("garden") == 60  # until the store is read again
    await spending.check_start(GARDEN, "local", SETTINGS)
    assert spending.project_nano_usd("garden") == 60


async def test_a_call_that_ends_while_the_store_is_read_counts(house: House, spending: Spending):
    """It was left out of the sum, so its account stays until the next reading."""
    account = spending.open(call(1, project="garden"))
    spending.add(account, 60)
    store(house, 1, 60, house.clock.utc_ms())
    reading = asyncio.ensure_future(spending.check_start(GARDEN, "local", SETTINGS))
    await asyncio.sleep(0)
    spending.close(account)
    await reading
    assert spending.project_nano_usd("garden") == 60


async def test_a_month_begins_anew(house: House, spending: Spending):
    """What was spent last month is no hindrance; a call over midnight is of both months."""
    account = spending.open(call(1, project="garden"))
    spending.add(account, 100)
    await house.clock.advance(31 * DAY_S)
    await spending.check_start(GARDEN, "local", SETTINGS)
    spending.add(account, 5)
    assert spending.project_nano_usd("garden") == 5


async def test_live_calls_of_a_project_hear_of_its_spending(house: House, spending: Spending):
    """Those of other projects, and those that are over, do not."""
    told: list[int] = []
    accounts = [
        spending.open(call(number, project=slug)) for number, slug in enumerate(("garden", "garden", "zoo"))
    ]
    for number, account in enumerate(accounts):
        account.changed = lambda number=number: told.append(number)  # type: ignore[misc] # bound now
    spending.add(accounts[0], 1)
    assert told == [0, 1]
    spending.close(accounts[1])
    spending.add(accounts[0], 1)
    assert told == [0, 1, 0]


async def test_a_project_without_a_budget_takes_the_settings(house: House, spending: Spending):
    """The default for all projects refuses too; 0 never does."""
    store(house, 1, 10_000_000, house.clock.utc_ms())
    free = Project("garden", "Garden", "a" * 64)
    await spending.check_start(free, "local", SETTINGS)
    with pytest.raises(BudgetSpent):
        await spending.check_start(free, "local", BudgetSettings(usd_per_project_per_month=0.01))


async def test_a_caller_s_hour_counts_stored_and_live_calls(house: House, spending: Spending):
    """Two an hour: the third is refused, another caller is not, and an hour later it may call again."""
    limited = BudgetSettings(calls_per_caller_per_hour=2)
    store(house, 1, 0, house.clock.utc_ms())
    await spending.check_start(GARDEN, "local", limited)
    live = call(2, project="garden", started_at=house.clock.utc_ms())
    spending.open(live)
    with house.database.writing() as session:
        conversations.create_call(session, live)
    with pytest.raises(CallLimitReached, match="caller local: 2 calls"):
        await spending.check_start(GARDEN, "local", limited)
    await spending.check_start(GARDEN, "npub1x", limited)
    await house.clock.advance(3_601)
    await spending.check_start(GARDEN, "local", limited)
