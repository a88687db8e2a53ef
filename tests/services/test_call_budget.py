"""Calls that come to their limits, over a scripted engine that bills by tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agentvoice.config import BudgetSettings
from agentvoice.core.call import EndReason
from agentvoice.core.item import ItemKind
from agentvoice.core.leg import CallerAudio, SpendingChanged, WarningGiven
from agentvoice.core.speech import (
    AppendAudio,
    Respond,
    SessionLost,
    SpeechStarted,
    UsageReported,
)
from agentvoice.errors import BudgetSpent, CallLimitReached, ConnectFailed
from agentvoice.services.call_manager import CallOutcome, CallRequest
from agentvoice.storage import projects, usage
from tests.fakes.caller_leg import FakeLeg
from tests.fakes.speech_session import FIXED, FakeEngine, FakeSession, sound
from tests.services.conftest import PROJECT, House

CENT = UsageReported("", "gpt-realtime-2.1", input_text_tokens=4, output_audio_tokens=156)
"""A cent: 156 tokens of sound cost 0.009984 USD, four of text 0.000016."""

MONEY_LOW = "80 percent of this call's budget is used"
MONEY_SPENT = "This call has used up its budget"
GOODBYE_S = 15.0


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Calls may cost ten cents and last ten minutes."""
    built = House(tmp_path, FakeEngine("openai", FIXED))
    budgets = BudgetSettings(usd_per_call=0.1)
    built.settings = replace(built.settings, max_minutes=10, budgets=budgets, goodbye_timeout_s=GOODBYE_S)
    built.manager = built.new_manager()
    yield built
    await built.close()


async def live_call(
    house: House, leg: FakeLeg | None = None
) -> tuple[asyncio.Task[CallOutcome], FakeSession]:
    """A call whose greeting was heard: it is quiet."""
    leg = leg or house.leg
    before = len(house.engine.sessions)
    call = house.start("ada", leg, engine="openai")
    while len(house.engine.sessions) == before and not call.done():
        await house.settle()
    await house.settle()
    await answer(house, house.session, leg)
    return call, house.session


async def answer(house: House, session: FakeSession, leg: FakeLeg) -> None:
    """The engine speaks what it was asked for last, and the caller hears it."""
    number = len(session.told_of(Respond))
    session.emit_reply(f"r{number}", session.told_of(Respond)[-1].say, 100)
    await house.settle()
    leg.hear_all()
    await house.settle()


async def spend(house: House, session: FakeSession, cents: int) -> None:
    session.emit(*[CENT] * cents)
    await house.settle()


def notices(house: House, call_id: str) -> list[str]:
    return [item.text for item in house.items(call_id) if item.kind is ItemKind.NOTICE]


async def test_a_call_that_costs_too_much_is_warned_and_ended(house: House):
    """At 80 % the agent says so, once; at the limit it says goodbye, and then the call is over."""
    call, session = await live_call(house)
    await spend(house, session, 7)
    assert len(session.told_of(Respond)) == 1  # the greeting
    await spend(house, session, 1)
    assert session.told_of(Respond)[-1].say.startswith(MONEY_LOW)
    await answer(house, session, house.leg)
    await spend(house, session, 1)
    assert len(session.told_of(Respond)) == 2
    await spend(house, session, 1)
    assert session.told_of(Respond)[-1].say.startswith(MONEY_SPENT)
    assert not call.done()
    await answer(house, session, house.leg)
    await house.clock.advance(1)
    outcome = await call
    assert outcome.reason is EndReason.BUDGET
    assert house.call(outcome.call_id).end_reason is EndReason.BUDGET
    low, spent = notices(house, outcome.call_id)
    assert low.startswith(MONEY_LOW)
    assert spent.startswith(MONEY_SPENT)


async def test_an_engine_that_says_no_goodbye_does_not_hold_the_call(house: House):
    """Ten cents are spent and the engine is silent: the call ends within the goodbye's time."""
    call, session = await live_call(house)
    await spend(house, session, 10)
    assert session.told_of(Respond)[-1].say.startswith(MONEY_SPENT)
    await house.clock.advance(GOODBYE_S - 1)
    assert not call.done()
    await house.clock.advance(1)
    assert (await call).reason is EndReason.BUDGET


async def test_a_warning_waits_until_nobody_speaks(house: House):
    """The caller speaks on: the notice is there at once, the words come when the reply was heard."""
    call, session = await live_call(house)
    session.emit(SpeechStarted(0))
    await spend(house, session, 8)
    await house.clock.advance(2)
    assert len(session.told_of(Respond)) == 1
    (live,) = house.manager.live_calls
    assert notices(house, live)[0].startswith(MONEY_LOW)
    session.emit_turn("u1", "And so on.")
    session.emit_reply("answer", "I see.", 100)
    await house.settle()
    house.leg.hear_all()
    await house.settle()
    await house.clock.advance(1)
    assert session.told_of(Respond)[-1].say.startswith(MONEY_LOW)
    await house.hang_up(call)


async def test_who_speaks_on_and_on_is_warned_in_writing(house: House):
    """After its time the warning is not said any more."""
    call, session = await live_call(house)
    session.emit(SpeechStarted(0))
    await spend(house, session, 8)
    await house.clock.advance(GOODBYE_S + 1)
    session.emit_turn("u1", "And so on.")
    session.emit_reply("answer", "I see.", 100)
    await house.settle()
    house.leg.hear_all()
    await house.clock.advance(5)
    assert len(session.told_of(Respond)) == 1
    await house.hang_up(call)


async def test_an_agent_that_speaks_on_is_interrupted_for_the_goodbye(house: House):
    """It has a third of the goodbye's time to finish."""
    call, session = await live_call(house)
    session.emit_reply("long", "And another thing", 60_000, end=False)
    await house.settle()
    await spend(house, session, 10)
    await house.clock.advance(GOODBYE_S / 3 - 0.5)
    assert house.leg.clears == 0
    await house.clock.advance(1)
    assert house.leg.clears == 1
    assert session.told_of(Respond)[-1].say.startswith(MONEY_SPENT)
    await house.clock.advance(GOODBYE_S)
    assert (await call).reason is EndReason.BUDGET


async def test_the_caller_s_sound_goes_on_while_the_end_is_said(house: House):
    """Audio waits for no budget."""
    call, session = await live_call(house)
    await spend(house, session, 10)
    house.leg.do(CallerAudio(sound(20)))
    await house.settle()
    assert len(session.told_of(AppendAudio)) == 1
    await house.clock.advance(GOODBYE_S)
    await call


async def test_a_call_without_a_session_ends_at_its_limit_too(house: House):
    """While it reconnects nothing can be said: the notice is kept and the call ends."""
    call, session = await live_call(house)
    await house.clock.advance(9 * 60 + 55)
    house.engine.refuse = lambda: ConnectFailed("no way to the engine")
    session.emit(SessionLost("cable pulled"))
    await house.settle()
    await house.clock.advance(5 + GOODBYE_S)
    outcome = await call
    assert outcome.reason is EndReason.LIMIT
    assert "time limit" in notices(house, outcome.call_id)[-1]


async def test_time_is_warned_of_a_minute_before_it_is_over(house: House):
    """The agent says it in the last minute, says goodbye at the end, and the reason is the limit."""
    call, session = await live_call(house)
    await house.clock.advance(9 * 60 - 1)
    assert len(session.told_of(Respond)) == 1
    await house.clock.advance(1)
    assert session.told_of(Respond)[-1].say == "This call will end in a minute."
    await answer(house, session, house.leg)
    await house.clock.advance(60)
    assert "time limit" in session.told_of(Respond)[-1].say
    await answer(house, session, house.leg)
    await house.clock.advance(1)
    assert (await call).reason is EndReason.LIMIT


async def test_live_calls_of_a_project_share_its_budget(house: House):
    """What one call spends ends the other, and the next is refused; the sum is exact in the database."""
    with house.database.writing() as session:
        budget = replace(PROJECT, budget_nano_usd_per_month=120_000_000)
        projects.update_project(session, budget, house.clock.utc_ms())
    other_leg = FakeLeg()
    first, first_session = await live_call(house)
    second, second_session = await live_call(house, other_leg)
    await spend(house, first_session, 7)
    await spend(house, second_session, 5)
    await house.clock.advance(GOODBYE_S)
    for call in (first, second):
        outcome = await call
        assert outcome.reason is EndReason.BUDGET
        assert "project's budget" in notices(house, outcome.call_id)[-1]
    with house.database.reading() as reading:
        assert usage.project_spent(reading, "home", 0, 2**60) == 120_000_000
    with pytest.raises(BudgetSpent, match=r"project home: 0\.12 USD of this month's 0\.12 are spent"):
        await house.manager.run(CallRequest("ada"), FakeLeg())
    with pytest.raises(BudgetSpent):
        await house.manager.check(CallRequest("ada"))


async def test_a_caller_who_calls_too_often_is_refused(house: House):
    """Before there is a call; the exit code is that of a refusal."""
    house.settings = replace(house.settings, budgets=BudgetSettings(calls_per_caller_per_hour=1))
    house.manager = house.new_manager()
    call, _ = await live_call(house)
    await house.hang_up(call)
    with pytest.raises(CallLimitReached, match="caller local") as refused:
        await house.manager.run(CallRequest("ada"), FakeLeg())
    assert refused.value.exit_code == 4
    await house.manager.check(CallRequest("ada", caller="npub1x"))


async def test_a_free_engine_meets_no_budget_of_money(tmp_path: Path):
    """The local engine costs nothing, however much it speaks."""
    house = House(tmp_path)
    call = await house.live_call()
    house.session.emit(*[UsageReported("r", "smollm2", audio_ms=10_000_000)] * 50)
    outcome = await house.hang_up(call)
    assert outcome.reason is EndReason.CALLER
    with house.database.reading() as reading:
        rows = usage.usage_of(reading, outcome.call_id)
    assert len(rows) == 50
    assert {(row.cost_nano_usd, row.is_estimate) for row in rows} == {(0, False)}
    await house.close()


async def test_the_caller_sees_what_the_call_costs_and_each_warning(house: House):
    """Each new cost is shown exactly, and a warning as soon as it is due."""
    call, session = await live_call(house)
    assert [each.cost_nano_usd for each in house.leg.shown_of(SpendingChanged)] == [0]
    session.emit(*[CENT] * 8)
    await house.settle()
    shown = house.leg.shown_of(SpendingChanged)[-1]
    assert (shown.cost_nano_usd, shown.is_estimate) == (80_000_000, False)
    (warning,) = house.leg.shown_of(WarningGiven)
    assert MONEY_LOW in warning.message
    await house.hang_up(call)
