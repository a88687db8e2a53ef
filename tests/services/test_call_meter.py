from __future__ import annotations

import pytest

from agentvoice.config import BudgetSettings, CallSettings
from agentvoice.core.pricing import Cost
from agentvoice.core.project import Project
from agentvoice.core.speech import (
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    ToolCallRequested,
    UsageReported,
)
from agentvoice.services.call_meter import MAX_OPEN_RESPONSES, CallMeter, Maker, limits_of
from agentvoice.storage import conversations, usage
from tests.services.conftest import PROJECT, House
from tests.storage.values import call

ADA = Maker("ada", "openai")
MAX = Maker("max", "openai")
USED = UsageReported("r1", "gpt-realtime-2", 1_349, 110, 1_408, 97, 299, input_cached_audio_tokens=64)


@pytest.fixture
def meter(house: House) -> CallMeter:
    return house.new_meter(call(project="home"))


def test_a_use_costs_what_the_table_says(meter: CallMeter):
    """The sum is exact, and the price's day goes with the cost."""
    assert meter.book(USED, ADA) == (ADA, Cost(23_519_200, "2026-11-01"))
    meter.book(USED, ADA)
    assert meter.cost_nano_usd == 47_038_400
    assert meter.spent(5).call_nano_usd == meter.spent(5).project_nano_usd == 47_038_400


def test_a_reply_is_its_maker_s(meter: CallMeter):
    """Whoever has the call when the usage comes; a transcription is of who has it."""
    meter.response_started("r1", ADA)
    assert meter.book(USED, MAX)[0] == ADA
    assert meter.book(UsageReported("", "gpt-live-transcribe", audio_ms=60_000), MAX) == (
        MAX,
        Cost(17_000_000, "2026-11-01"),
    )


def test_makers_of_replies_without_usage_are_forgotten(meter: CallMeter):
    """The oldest first, so that a long call does not grow."""
    for number in range(MAX_OPEN_RESPONSES + 1):
        meter.response_started(f"r{number}", ADA)
    assert meter.book(UsageReported("r0", "gpt-realtime"), MAX)[0] == MAX
    assert meter.book(UsageReported("r1", "gpt-realtime"), MAX)[0] == ADA


def test_the_local_engine_is_free(meter: CallMeter):
    """It costs nothing, and that is no estimate."""
    local = Maker("ada", "local")
    assert meter.book(UsageReported("r1", "smollm2", audio_ms=70_000), local) == (local, Cost())


def test_an_unknown_model_is_an_estimate_of_begun_minutes(meter: CallMeter):
    """Minutes are rounded up for the call, not for each of its replies; each row has what it adds."""
    costs = [
        meter.book(UsageReported(f"r{number}", "mystery", audio_ms=audio_ms), ADA)[1]
        for number, audio_ms in enumerate((1_000, 50_000, 9_001, 120_000))
    ]
    assert all(cost.is_estimate for cost in costs)
    assert [cost.nano_usd for cost in costs] == [60_000_000, 0, 60_000_000, 120_000_000]
    assert meter.cost_nano_usd == 240_000_000


def test_limits_are_the_settings_and_the_project_s():
    """A project's own budget goes before the settings' for all projects."""
    budgets = BudgetSettings(usd_per_call=1.5, usd_per_project_per_month=20.0, warn_before_end_s=30)
    settings = CallSettings(max_minutes=10, budgets=budgets)
    limits = limits_of(settings, PROJECT)
    assert (limits.call_nano_usd, limits.call_ms) == (1_500_000_000, 600_000)
    assert (limits.project_nano_usd, limits.warn_before_end_ms) == (20_000_000_000, 30_000)
    own = limits_of(settings, Project("p", "P", "a" * 64, budget_nano_usd_per_month=7))
    assert own.project_nano_usd == 7


async def test_the_old_agent_s_last_reply_is_billed_to_it(house: House):
    """A handover in place: the reply that asked for it ends, and is billed, when the new agent has the call."""
    running = await house.live_call()
    house.session.emit(ResponseStarted("r1"), ToolCallRequested("t1", "c1", "transfer_to_max", "{}"))
    await house.settle()
    house.session.emit(
        UsageReported("r1", "smollm2", audio_ms=1),
        ResponseEnded("r1", ResponseStatus.COMPLETED),
        ResponseStarted("r2"),
        UsageReported("r2", "smollm2", audio_ms=2),
    )
    await house.settle()
    outcome = await house.hang_up(running)
    with house.database.reading() as reading:
        booked = {row.response: row.agent for row in usage.usage_of(reading, outcome.call_id)}
        assert [part.agent for part in conversations.agents_of(reading, outcome.call_id)] == ["ada", "max"]
    assert booked == {"r1": "ada", "r2": "max"}
    assert len(house.engine.sessions) == 1
