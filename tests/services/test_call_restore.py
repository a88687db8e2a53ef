"""The same agent on another session: after a loss, on the next engine, before the provider's limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agentvoice.core.call import CallState, EndReason
from agentvoice.core.item import ItemKind, Role
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
from agentvoice.errors import ConnectFailed, QuotaExceeded
from agentvoice.services.call_manager import CallOutcome
from agentvoice.storage import agents
from tests.fakes.speech_session import FIXED, FREE, FakeEngine, FakeSession, sound
from tests.services.conftest import ADA, House

HOUR_S = 3_600.0
LIMITED = replace(FIXED, max_session_s=HOUR_S)
NO_MONEY = SessionLost("insufficient_quota: pay first", retryable=False)


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[House]:
    """A house whose agent prefers one engine and has another to fall back to."""
    built = House(tmp_path, FakeEngine("openai", FIXED), FakeEngine("local", FREE))
    with built.database.writing() as session:
        agents.update_agent(session, replace(ADA, engines=("openai", "local")), built.clock.utc_ms())
    yield built
    await built.close()


@pytest.fixture
async def hourly(tmp_path: Path) -> AsyncIterator[House]:
    """A house whose provider ends sessions after an hour."""
    built = House(tmp_path, FakeEngine("local", LIMITED))
    built.settings = replace(built.settings, max_minutes=300)
    built.manager = built.new_manager()
    yield built
    await built.close()


def notices(house: House, call_id: str) -> list[str]:
    return [item.text for item in house.items(call_id) if item.kind is ItemKind.NOTICE]


def said(house: House, call_id: str) -> list[tuple[Role, str]]:
    return [(item.role, item.text) for item in house.items(call_id) if item.kind is ItemKind.MESSAGE]


async def say(house: House, response: str, text: str) -> None:
    """The agent says something, and is heard to its end."""
    house.session.emit_reply(response, text, 10)
    await house.settle()
    house.leg.hear_all()
    await house.settle()


async def hang_up(house: House, call: asyncio.Task[CallOutcome]) -> str:
    return (await house.hang_up(call)).call_id


# The next engine.


async def test_the_next_engine_takes_over_after_the_last_try(two: House):
    """The lost engine is tried by its plan first; then the call goes on with the other, and is told."""
    call = await two.live_call()
    openai, local = two.engines["openai"], two.engines["local"]
    await say(two, "r1", "Ada here")
    openai.refuse = lambda: ConnectFailed("openai: down")
    two.session.emit_turn("u1", "What time is it?")
    two.session.emit(SessionLost("cable pulled"))
    await two.settle()
    await two.clock.advance(20.0)
    assert local.sessions == []
    assert two.leg.status is CallStatus.RECONNECTING
    await two.clock.advance(20.0)
    await two.settle()
    replayed = [command.item.text for command in local.session.told_of(CreateItem)]
    assert replayed[:2] == ["Ada here", "What time is it?"]
    assert local.session.told_of(Respond) == [Respond()]
    (live,) = two.manager.live_calls
    assert two.call(live).engine == "local"
    call_id = await hang_up(two, call)
    assert notices(two, call_id) == ["The engine openai failed (openai: down). The call goes on with local."]


async def test_fatal_errors_stop_retries(two: House):
    """No money at the provider: its engine is not tried again, the next one takes over at once."""
    call = await two.live_call()
    two.session.emit(NO_MONEY)
    await two.settle()
    assert len(two.engines["openai"].sessions) == 1
    assert len(two.engines["local"].sessions) == 1
    call_id = await hang_up(two, call)
    assert notices(two, call_id) == [
        "The engine openai failed (insufficient_quota: pay first). The call goes on with local."
    ]


async def test_a_fatal_refusal_while_reconnecting_stops_retries(two: House):
    """The account ran dry between two tries: the rest of the plan is not waited for."""
    call = await two.live_call()
    two.engines["openai"].refuse = lambda: QuotaExceeded("openai: no money")
    two.session.emit(SessionLost("cable pulled"))
    await two.settle()
    assert len(two.engines["local"].sessions) == 1
    await hang_up(two, call)


async def test_without_another_engine_the_first_failure_ends_the_call(two: House):
    """Both fail: what kept the last one is why the call ended."""
    call = await two.live_call()
    two.engines["local"].refuse = lambda: ConnectFailed("local: no memory")
    two.session.emit(NO_MONEY)
    outcome = await call
    assert outcome.reason is EndReason.ENGINE_FAILED
    assert str(outcome.error) == "local: no memory"


async def test_an_engine_named_for_the_call_has_no_successor(two: House):
    """Who wants one engine gets no other."""
    call = two.start(engine="openai")
    while not two.engine.sessions:
        await two.settle()
    two.session.emit(NO_MONEY)
    outcome = await call
    assert (outcome.reason, str(outcome.error)) == (EndReason.ENGINE_FAILED, "insufficient_quota: pay first")
    assert two.engines["local"].sessions == []


async def test_a_call_that_begins_on_the_second_engine_says_so(two: House):
    """The preferred engine is down when the caller calls."""
    two.engines["openai"].refuse = lambda: ConnectFailed("openai: down")
    call = two.start()
    while not two.engines["local"].sessions:
        await two.settle()
    call_id = await hang_up(two, call)
    assert notices(two, call_id) == ["The engine openai is not available; local answers."]


async def test_the_bounds_of_reconnecting_are_settings(two: House):
    """No retries: one try at once, then the next engine."""
    two.settings = replace(two.settings, reconnect_retries=0)
    two.manager = two.new_manager()
    call = await two.live_call()
    two.engines["openai"].refuse = lambda: ConnectFailed("openai: down")
    two.session.emit(SessionLost("cable pulled"))
    await two.settle()
    assert len(two.engines["local"].sessions) == 1
    await hang_up(two, call)


# What the caller was saying.


async def test_a_sentence_that_began_before_the_loss_is_whole(house: House):
    """The new session hears it from its onset on, with what was said in the gap."""
    call = await house.live_call()
    await say(house, "r1", "Ada here")
    house.leg.do(CallerAudio(sound(700)), CallerAudio(sound(701)))
    await house.settle()
    house.session.emit(SpeechStarted(300))
    await house.settle()
    house.engine.refuse = lambda: ConnectFailed("not yet")
    house.session.emit(SessionLost("cable pulled"))
    await house.settle()
    house.leg.do(CallerAudio(sound(702)))
    await house.settle()
    house.engine.refuse = lambda: None
    await house.clock.advance(2.0)
    heard = [command.chunk.duration_ms for command in house.session.told_of(AppendAudio)]
    assert heard == [701, 702]
    assert house.session.told_of(Respond) == []  # the session finds the end of the turn
    await hang_up(house, call)


async def test_a_turn_without_words_is_said_again(house: House):
    """Its transcript was lost with its session: no hole, no double, and one reply."""
    call = await house.live_call()
    await say(house, "r1", "Ada here")
    house.session.emit(SpeechStarted(0))
    await house.settle()
    house.leg.do(CallerAudio(sound(700)))
    await house.settle()
    house.session.emit(TurnCommitted("u1"), SessionLost("cable pulled"))
    await house.settle()
    assert len(house.engine.sessions) == 2
    assert [command.chunk.duration_ms for command in house.session.told_of(AppendAudio)] == [700]
    assert house.session.told_of(Respond) == []
    house.session.emit_turn("u1", "Hello Ada")
    await house.settle()
    call_id = await hang_up(house, call)
    assert said(house, call_id) == [(Role.AGENT, "Ada here"), (Role.USER, "Hello Ada")]


async def test_a_turn_that_was_answered_is_not_said_again(house: House):
    """The reply was complete: the missing transcript is a marked item, and nothing is asked twice."""
    call = await house.live_call()
    house.session.emit(SpeechStarted(0))
    await house.settle()
    house.leg.do(CallerAudio(sound(700)))
    await house.settle()
    house.session.emit(TurnCommitted("u1"))
    await say(house, "r1", "Nice to meet you")
    house.session.emit(SessionLost("cable pulled"))
    await house.settle()
    assert house.session.told_of(AppendAudio) == []
    call_id = await hang_up(house, call)
    assert [(item.role, item.text, item.status.value) for item in house.items(call_id)] == [
        (Role.USER, "", "failed"),
        (Role.AGENT, "Nice to meet you", "completed"),
    ]


# Before the provider's limit.


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
