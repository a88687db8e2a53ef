"""Calls at their worst moments: hung up, lost or handed over while something else is going on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentvoice.core.call import CallState, EndReason
from agentvoice.core.item import ItemKind
from agentvoice.core.leg import AgentChanged, CallerAudio, HungUp
from agentvoice.core.speech import (
    AppendAudio,
    CreateItem,
    Respond,
    SessionLost,
    ToolCallRequested,
)
from agentvoice.errors import CallError, ConnectFailed, EngineUnavailable
from agentvoice.services.call_manager import CallRequest
from tests.fakes.speech_session import sound
from tests.services.conftest import House
from tests.services.slow_house import SlowHouse, hang_up, open_sessions


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[SlowHouse]:
    built = SlowHouse(tmp_path)
    yield built
    await built.close()


# The session is lost while a handover runs.


async def test_a_session_lost_during_a_handover_leaves_the_new_agent(slow: SlowHouse):
    """The new agent's session was on its way: it is joined, and nothing is restored over it."""
    call = await slow.switching_call()
    slow.session.emit(SessionLost("cable pulled"))
    await slow.settle()
    slow.leg.do(CallerAudio(sound(20)))
    await slow.settle()
    slow.slow.may_open.set()
    await slow.settle()
    assert open_sessions(slow) == ["max"]
    assert len(slow.engine.sessions) == 2
    assert slow.leg.shown_of(AgentChanged)[-1].slug == "max"
    assert len(slow.session.told_of(AppendAudio)) == 1
    assert slow.call(slow.manager.live_calls[0]).state is CallState.LIVE
    await hang_up(slow, call)


async def test_a_session_lost_during_a_handover_that_fails_is_restored(slow: SlowHouse):
    """Neither agent has a session then: the old one gets a new one, and the caller's sound."""
    call = await slow.switching_call()
    refusals = iter([EngineUnavailable("engine local: full")])
    slow.engine.refuse = lambda: next(refusals, None)
    slow.session.emit(SessionLost("cable pulled"))
    slow.leg.do(CallerAudio(sound(20)))
    await slow.settle()
    slow.slow.may_open.set()
    await slow.settle()
    assert open_sessions(slow) == ["ada"]
    assert len(slow.session.told_of(AppendAudio)) == 1
    assert slow.call(slow.manager.live_calls[0]).state is CallState.LIVE
    await hang_up(slow, call)


async def test_a_session_lost_while_its_last_words_are_heard_is_not_restored(slow: SlowHouse):
    """The handover waits for the old agent's last words; that its session goes meanwhile is no loss."""
    call = await slow.live_call()
    old = slow.session
    old.emit_reply("r1", "Ada here", 400)
    old.emit(ToolCallRequested("t1", "c1", "transfer_to_max", "{}"))
    while len(slow.engine.sessions) < 2:
        await slow.settle()
    old.emit(SessionLost("cable pulled"))
    await slow.settle()
    slow.leg.hear_all()
    await slow.settle()
    assert open_sessions(slow) == ["max"]
    assert len(slow.engine.sessions) == 2
    assert slow.session.told_of(Respond) == [Respond("Max speaking.")]
    await hang_up(slow, call)


# Hanging up in the middle.


async def test_hanging_up_while_switching_leaves_no_session(slow: SlowHouse):
    """The new session is open but not joined yet: it is closed too, or it would be billed on."""
    call = await slow.live_call()
    slow.session.emit_reply("r1", "Ada here", 400)
    slow.session.emit(ToolCallRequested("t1", "c1", "transfer_to_max", "{}"))
    while len(slow.engine.sessions) < 2:
        await slow.settle()
    assert (await hang_up(slow, call)).reason is EndReason.CALLER
    assert open_sessions(slow) == []


async def test_hanging_up_before_the_first_session(slow: SlowHouse):
    """Nobody answered yet: the call ends as the caller's, and is stored so."""
    slow.slow.may_open.clear()
    call = slow.start()
    while not slow.slow.asked:
        await slow.settle()
    outcome = await hang_up(slow, call)
    stored = slow.call(outcome.call_id)
    assert (stored.state, stored.end_reason) == (CallState.ENDED, EndReason.CALLER)


async def test_an_engine_that_never_opens_ends_the_call(slow: SlowHouse):
    """Connecting has its limit."""
    slow.slow.may_open.clear()
    call = slow.start()
    while not slow.slow.asked:
        await slow.settle()
    await slow.clock.advance(slow.settings.connect_timeout_s + 1)
    assert (await asyncio.wait_for(call, 5.0)).reason is EndReason.ENGINE_FAILED


async def test_hanging_up_while_reconnecting(slow: SlowHouse):
    """The tries stop at once."""
    call = await slow.live_call()
    slow.engine.refuse = lambda: ConnectFailed("engine local: not yet")
    slow.session.emit(SessionLost("cable pulled"))
    await slow.settle()
    assert (await hang_up(slow, call)).reason is EndReason.CALLER
    assert open_sessions(slow) == []


@pytest.mark.parametrize("hangs", ["leg", "session"])
async def test_what_does_not_close_does_not_keep_the_call(house: House, hangs: str):
    """A leg or session that hangs in closing has a limit; the call is stored as ended all the same."""
    call = await house.live_call()
    never = asyncio.Event()
    broken = house.leg if hangs == "leg" else house.session
    broken.close = never.wait  # type: ignore[method-assign,assignment] # the defect
    house.leg.do(HungUp())
    await house.settle()
    await house.clock.advance(60)
    await house.settle()
    outcome = await asyncio.wait_for(call, 5.0)
    assert house.call(outcome.call_id).state is CallState.ENDED


@pytest.mark.parametrize("breaks", ["leg", "session"])
async def test_what_fails_to_close_does_not_keep_the_call_open(house: House, breaks: str):
    """An error while closing is logged; the call is stored as ended by its caller."""
    call = await house.live_call()

    async def fail() -> None:
        raise OSError("gone already")

    broken = house.leg if breaks == "leg" else house.session
    broken.close = fail  # type: ignore[method-assign] # the defect
    outcome = await hang_up(house, call)
    stored = house.call(outcome.call_id)
    assert (stored.state, stored.end_reason) == (CallState.ENDED, EndReason.CALLER)


# Handovers asked for by several, or given up on.


async def test_a_second_transfer_does_not_make_the_old_agent_speak(slow: SlowHouse):
    """The model asked twice: the second call is answered without asking for a reply."""
    call = await slow.live_call()
    old = slow.session
    old.emit_reply("r1", "Ada here", 400)
    await slow.settle()
    slow.leg.hear_all()
    asked = len(old.told_of(Respond))
    slow.slow.may_open.clear()
    for number in (1, 2):
        old.emit(ToolCallRequested(f"t{number}", f"c{number}", "transfer_to_max", "{}"))
    await slow.settle()
    assert len(old.told_of(Respond)) == asked
    slow.slow.may_open.set()
    await slow.settle()
    replayed = [command.item for command in slow.session.told_of(CreateItem)]
    assert [item.tool_call_id for item in replayed if item.kind is ItemKind.TOOL_RESULT] == [
        item.id for item in reversed([item for item in replayed if item.kind is ItemKind.TOOL_CALL])
    ]
    assert slow.session.told_of(Respond) == [Respond("Max speaking.")]
    await hang_up(slow, call)


async def test_an_operator_who_stops_waiting_does_not_stop_the_handover(slow: SlowHouse):
    """The request was cut off: the handover goes on, and the call is not stuck in switching."""
    call = await slow.live_call()
    slow.session.emit_reply("r1", "Ada here", 400)
    await slow.settle()
    slow.leg.hear_all()
    await slow.settle()
    slow.slow.may_open.clear()
    asking = asyncio.ensure_future(slow.manager.switch(slow.manager.live_calls[0], "max"))
    await slow.settle()
    asking.cancel()
    await slow.settle()
    slow.slow.may_open.set()
    await slow.settle()
    assert open_sessions(slow) == ["max"]
    assert slow.call(slow.manager.live_calls[0]).state is CallState.LIVE
    await hang_up(slow, call)


async def test_an_operator_is_told_that_the_call_ended_meanwhile(slow: SlowHouse):
    """A handover that the caller's hang-up cuts off fails with an error, not with a cancelled request."""
    call = await slow.live_call()
    slow.session.emit_reply("r1", "Ada here", 400)
    await slow.settle()
    slow.leg.hear_all()
    slow.slow.may_open.clear()
    asking = asyncio.ensure_future(slow.manager.switch(slow.manager.live_calls[0], "max"))
    await slow.settle()
    await hang_up(slow, call)
    with pytest.raises(CallError, match="the call ended"):
        await asking


async def test_a_switch_of_a_call_that_is_not_up_yet_is_refused(house: House):
    """Between its row and its first task a call takes no handover; it is not broken by one."""
    started: list[BaseException | None] = []

    def ask(call_id: str) -> None:
        asking = asyncio.ensure_future(house.manager.switch(call_id, "max"))
        asking.add_done_callback(lambda done: started.append(done.exception()))

    call = asyncio.ensure_future(house.manager.run(CallRequest("ada"), house.leg, ask))
    while not started:
        await house.settle()
    assert isinstance(started[0], CallError)
    assert (await hang_up(house, call)).reason is EndReason.CALLER
