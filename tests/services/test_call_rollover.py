"""Before the provider's limit: the call moves to a new session at a quiet moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agentvoice.core.call import CallState
from agentvoice.core.leg import CallerAudio, CallStatus
from agentvoice.core.speech import (
    AppendAudio,
    CreateItem,
    ItemDone,
    Respond,
    ResponseEnded,
    ResponseStatus,
    SessionLost,
    SpeechStarted,
    TurnCommitted,
)
from agentvoice.errors import ConnectFailed
from tests.fakes.speech_session import FIXED, FakeEngine, FakeSession, sound
from tests.services.conftest import House
from tests.services.restoring import hang_up, notices, say

HOUR_S = 3_600.0
LIMITED = replace(FIXED, max_session_s=HOUR_S)


@pytest.fixture
async def hourly(tmp_path: Path) -> AsyncIterator[House]:
    """A house whose provider ends sessions after an hour."""
    built = House(tmp_path, FakeEngine("local", LIMITED))
    built.settings = replace(built.settings, max_minutes=300)
    built.manager = built.new_manager()
    yield built
    await built.close()


async def test_a_session_is_replaced_before_its_limit(hourly: House):
    """At a quiet moment in the last minutes the call moves; nobody hears of it, nothing is repeated."""
    call = await hourly.live_call()
    await say(hourly, "r1", "Ada here")
    await hourly.clock.advance(HOUR_S - hourly.settings.rollover_margin_s - 1)
    assert len(hourly.engine.sessions) == 1
    await hourly.clock.advance(2.0)
    await hourly.settle()
    old, new = hourly.engine.sessions
    assert old.is_closed
    assert [command.item.text for command in new.told_of(CreateItem)] == ["Ada here"]
    assert new.told_of(Respond) == []
    assert hourly.leg.status is CallStatus.LISTENING
    (live,) = hourly.manager.live_calls
    assert hourly.call(live).state is CallState.LIVE
    hourly.leg.do(CallerAudio(sound(20)))
    await hourly.settle()
    assert len(new.told_of(AppendAudio)) == 1
    call_id = await hang_up(hourly, call)
    assert notices(hourly, call_id) == []


async def test_a_rollover_waits_for_a_quiet_moment(hourly: House):
    """Not while the agent speaks, not while the caller does, not before the words are there."""
    call = await hourly.live_call()
    session = hourly.session
    session.emit_reply("r1", "a long story", 5_000, end=False)
    await hourly.settle()
    await hourly.clock.advance(HOUR_S - 60)
    assert len(hourly.engine.sessions) == 1
    session.emit(ItemDone("item-of-r1"), ResponseEnded("r1", ResponseStatus.COMPLETED))
    await hourly.settle()
    hourly.leg.hear_all()
    session.emit(SpeechStarted(0))
    await hourly.settle()
    await hourly.clock.advance(10.0)
    session.emit(TurnCommitted("u1"))
    await hourly.settle()
    await hourly.clock.advance(10.0)
    assert len(hourly.engine.sessions) == 1
    session.emit(ItemDone("u1", "And then?"))
    session.emit_reply("r2", "The end.", 10)
    await hourly.settle()
    hourly.leg.hear_all()
    await hourly.settle()
    await hourly.clock.advance(1.0)
    await hourly.settle()
    assert len(hourly.engine.sessions) == 2
    await hang_up(hourly, call)


async def test_a_rollover_that_fails_is_tried_again(hourly: House):
    """The old session serves on meanwhile."""
    call = await hourly.live_call()
    await say(hourly, "r1", "Ada here")
    hourly.engine.refuse = lambda: ConnectFailed("not now")
    await hourly.clock.advance(HOUR_S - 200)
    assert not hourly.session.is_closed
    hourly.engine.refuse = lambda: None
    await hourly.clock.advance(11.0)
    await hourly.settle()
    assert len(hourly.engine.sessions) == 2
    await hang_up(hourly, call)


async def test_a_session_that_never_falls_quiet_is_replaced_when_it_expires(hourly: House):
    """The limit ends it in the middle of a reply: the new one is asked for the rest."""
    call = await hourly.live_call()
    hourly.session.emit_turn("u1", "Tell me all")
    hourly.session.emit_reply("r1", "a long story", 5_000, end=False)
    await hourly.settle()
    await hourly.clock.advance(HOUR_S)
    hourly.session.emit(SessionLost("session_expired", expired=True))
    await hourly.settle()
    hourly.leg.hear_all()
    await hourly.settle()
    assert len(hourly.engine.sessions) == 2
    assert hourly.session.told_of(Respond) == [Respond()]
    await hang_up(hourly, call)


class Waiting(FakeEngine):
    """Opens its second session only when told."""

    def __init__(self) -> None:
        super().__init__("local", LIMITED)
        self.may_open = asyncio.Event()

    async def open(self, config: object) -> FakeSession:
        if self.sessions:
            await self.may_open.wait()
        return await super().open(config)  # type: ignore[arg-type]  # passed on as it came


@pytest.mark.parametrize("is_lost", [True, False])
async def test_what_happens_while_the_new_session_opens(tmp_path: Path, is_lost: bool):
    """The caller begins to speak, or the old session goes: the new one waits, or is joined at once."""
    engine = Waiting()
    house = House(tmp_path, engine)
    house.settings = replace(house.settings, max_minutes=300)
    house.manager = house.new_manager()
    try:
        call = await house.live_call()
        await say(house, "r1", "Ada here")
        await house.clock.advance(HOUR_S - 200)
        house.session.emit(SpeechStarted(0))
        await house.settle()
        engine.may_open.set()
        await house.settle()
        await house.clock.advance(1.0)
        assert not engine.sessions[0].is_closed
        if is_lost:
            engine.sessions[0].emit(SessionLost("session_expired", expired=True))
        else:
            engine.sessions[0].emit_turn("u1", "Hm")
            engine.sessions[0].emit_reply("r2", "Yes?", 10)
            await house.settle()
            house.leg.hear_all()
        await house.settle()
        await house.clock.advance(1.0)
        await house.settle()
        assert [session.is_closed for session in engine.sessions] == [True, False]
        assert house.leg.status is CallStatus.LISTENING
        await hang_up(house, call)
    finally:
        await house.close()


async def test_a_call_that_ends_during_a_rollover_leaves_nothing_open(tmp_path: Path):
    """The fresh session waits for a quiet moment that does not come any more."""
    engine = Waiting()
    house = House(tmp_path, engine)
    house.settings = replace(house.settings, max_minutes=300)
    house.manager = house.new_manager()
    try:
        call = await house.live_call()
        await say(house, "r1", "Ada here")
        await house.clock.advance(HOUR_S - 200)
        house.session.emit(SpeechStarted(0))
        engine.may_open.set()
        await house.settle()
        assert len(engine.sessions) == 2
        await hang_up(house, call)
        assert [session.is_closed for session in engine.sessions] == [True, True]
    finally:
        await house.close()
