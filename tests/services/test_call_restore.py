"""The same agent on another session: after a loss, on the next engine, before the provider's limit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agentvoice.core.call import EndReason
from agentvoice.core.item import Role
from agentvoice.core.leg import CallerAudio, CallStatus
from agentvoice.core.speech import (
    AppendAudio,
    CreateItem,
    Respond,
    SessionLost,
    SpeechStarted,
    TurnCommitted,
)
from agentvoice.errors import ConnectFailed, QuotaExceeded
from agentvoice.storage import agents
from tests.fakes.speech_session import FIXED, FREE, FakeEngine, sound
from tests.services.conftest import ADA, House
from tests.services.restoring import hang_up, notices, said, say

NO_MONEY = SessionLost("insufficient_quota: pay first", retryable=False)


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[House]:
    """A house whose agent prefers one engine and has another to fall back to."""
    built = House(tmp_path, FakeEngine("openai", FIXED), FakeEngine("local", FREE))
    with built.database.writing() as session:
        agents.update_agent(session, replace(ADA, engines=("openai", "local")), built.clock.utc_ms())
    yield built
    await built.close()


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
