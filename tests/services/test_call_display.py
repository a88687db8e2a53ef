"""What the caller is shown while sessions change and errors come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentvoice.core.call import EndReason
from agentvoice.core.item import ItemKind
from agentvoice.core.leg import CallStatus
from agentvoice.core.speech import (
    ItemDone,
    ResponseEnded,
    ResponseStatus,
    SessionError,
    SessionLost,
    SpeechStarted,
    ToolCallRequested,
    TurnCommitted,
)
from tests.services.conftest import House
from tests.services.slow_house import SlowHouse, hang_up, open_sessions


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[SlowHouse]:
    built = SlowHouse(tmp_path)
    yield built
    await built.close()


# What the caller's display shows meanwhile.


async def test_the_end_of_the_old_reply_does_not_show_through_a_handover(slow: SlowHouse):
    """A leg that takes turns by itself must not hear `listening` while nobody listens."""
    call = await slow.live_call()
    old = slow.session
    old.emit_reply("r1", "One moment.", 400, end=False)
    old.emit(ToolCallRequested("t1", "c1", "transfer_to_max", "{}"))
    slow.slow.may_open.clear()
    await slow.settle()
    old.emit(ItemDone("item-of-r1"), ResponseEnded("r1", ResponseStatus.COMPLETED))
    slow.leg.hear_all()
    await slow.settle()
    shown = [slow.leg.status]
    slow.slow.may_open.set()
    await slow.settle()
    shown.append(slow.leg.status)  # the new agent's greeting is on its way
    assert shown == [CallStatus.SWITCHING, CallStatus.THINKING]
    await hang_up(slow, call)


async def test_speech_that_a_lost_session_heard_does_not_stay_open(house: House):
    """The session was lost in the middle of the caller's speech: the next one listens anew."""
    call = await house.live_call()
    house.session.emit_reply("r1", "Hello", 10)
    await house.settle()
    house.leg.hear_all()
    house.session.emit(SpeechStarted(0), SessionLost("cable pulled"))
    await house.settle()
    assert house.leg.status is CallStatus.LISTENING
    await hang_up(house, call)


async def test_sessions_that_open_and_are_lost_at_once_end_the_call(house: House):
    """Each is replaced at once, so nothing else would ever stop it."""
    call = await house.live_call()
    losses = 0
    while not call.done() and losses < 100:
        house.session.emit(SessionLost("refused after the greeting"))
        losses += 1
        await house.settle()
    outcome = await asyncio.wait_for(call, 5.0)
    assert outcome.reason is EndReason.ENGINE_FAILED
    assert "20 sessions were lost" in str(outcome.error)
    assert open_sessions(house) == []


async def test_an_error_that_the_session_tries_again_keeps_the_caller_waiting(house: House):
    """The worker died over a turn and is asked once more: the reply still comes, nobody speaks over it."""
    call = await house.live_call()
    house.session.emit_reply("greeting", "Hello", 10)
    await house.settle()
    house.leg.hear_all()
    house.session.emit(TurnCommitted("u1"), SessionError("worker_died", "killed", is_retried=True))
    await house.settle()
    assert house.leg.status is CallStatus.THINKING
    outcome = await hang_up(house, call)
    assert [item for item in house.items(outcome.call_id) if item.kind is ItemKind.NOTICE] == []
