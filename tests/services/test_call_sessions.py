"""Moving a call from one session to the next: words that are awaited, sound that is said again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agentvoice.core.item import ItemKind, Role
from agentvoice.core.leg import CallerAudio, CallStatus, HungUp, SwitchAsked
from agentvoice.core.openai_settings import OpenAISettings, TurnDetection
from agentvoice.core.speech import (
    AppendAudio,
    CommitInput,
    CreateItem,
    ItemDone,
    Respond,
    SessionLost,
    SpeechStarted,
    ToolCallRequested,
    TurnCommitted,
)
from agentvoice.services.call_manager import CallOutcome
from agentvoice.services.call_sessions import WORDS_S
from agentvoice.storage import agents
from tests.fakes.speech_session import FIXED, FakeEngine, sound
from tests.services.conftest import ADA, House
from tests.services.slow_house import open_sessions


@pytest.fixture
async def fixed(tmp_path: Path) -> AsyncIterator[House]:
    """A house whose engine keeps voice and model: every handover needs a new session."""
    built = House(tmp_path, FakeEngine("openai", FIXED))
    with built.database.writing() as session:
        for profile in (ADA, agents.get_agent(session, "max").profile):
            voiced = replace(profile, engines=("openai",), openai=OpenAISettings(voice=profile.slug))
            agents.update_agent(session, voiced, built.clock.utc_ms())
    yield built
    await built.close()


async def asked_for_max(house: House) -> asyncio.Task[CallOutcome]:
    """A call in which the model hands over before the words that asked for it are text."""
    call = await house.live_call()
    house.session.emit_reply("r1", "Ada here", 10)
    await house.settle()
    house.leg.hear_all()
    house.session.emit(SpeechStarted(0))
    await house.settle()
    house.leg.do(CallerAudio(sound(700)))
    await house.settle()
    house.session.emit(TurnCommitted("u1"), ToolCallRequested("t1", "c1", "transfer_to_max", "{}"))
    await house.until(lambda: len(house.engine.sessions) == 2)
    return call


async def test_transfer_keeps_the_trigger(fixed: House):
    """The words that asked for the handover come late: they are waited for, and are in the new context."""
    call = await asked_for_max(fixed)
    old = fixed.engine.sessions[0]
    assert fixed.leg.status is CallStatus.SWITCHING
    old.emit(ItemDone("u1", "Please give me Max"))
    await fixed.settle()
    await fixed.clock.advance(0.1)
    await fixed.until(lambda: fixed.session.told_of(Respond))
    assert "Please give me Max" in [command.item.text for command in fixed.session.told_of(CreateItem)]
    assert fixed.session.told_of(AppendAudio) == []
    assert fixed.session.told_of(Respond) == [Respond("Max speaking.")]
    await fixed.hang_up(call)


async def test_a_trigger_without_words_is_said_to_the_new_agent(fixed: House):
    """Its transcript does not come within the wait: the new session hears it instead."""
    call = await asked_for_max(fixed)
    await fixed.clock.advance(WORDS_S + 0.1)
    await fixed.until(lambda: fixed.session.told_of(Respond))
    assert fixed.session.config.agent.slug == "max"
    assert [command.chunk.duration_ms for command in fixed.session.told_of(AppendAudio)] == [700]
    fixed.session.emit(TurnCommitted("new"), ItemDone("new", "Please give me Max"))
    await fixed.settle()
    outcome = await fixed.hang_up(call)
    words = [item.text for item in fixed.items(outcome.call_id) if item.role is Role.USER]
    assert words == ["Please give me Max"]


async def test_hanging_up_while_the_words_are_awaited_leaves_nothing_open(fixed: House):
    """The new agent's session was open already: nobody will join it."""
    call = await asked_for_max(fixed)
    assert len(fixed.engine.sessions) == 2
    fixed.leg.do(HungUp())
    await fixed.settle()
    await fixed.clock.advance(5.0)
    await call
    assert open_sessions(fixed) == []


async def test_a_manual_turn_that_was_lost_is_committed_again(fixed: House):
    """No session finds the end of a manual turn: we commit the sound that is said again, and ask."""
    manual = OpenAISettings(turn_detection=TurnDetection(kind="manual"))
    with fixed.database.writing() as session:
        agents.update_agent(session, replace(ADA, engines=("openai",), openai=manual), fixed.clock.utc_ms())
    call = await fixed.live_call()
    fixed.session.emit_reply("r1", "Ada here", 10)
    await fixed.settle()
    fixed.leg.hear_all()
    for _ in range(4):
        fixed.leg.do(CallerAudio(sound(600)))
    await fixed.settle()
    fixed.session.emit(TurnCommitted("u1"), SessionLost("cable pulled"))
    await fixed.settle()
    after = [c for c in fixed.session.told if isinstance(c, AppendAudio | CommitInput | Respond)]
    assert [type(command) for command in after] == [AppendAudio] * 4 + [CommitInput, Respond]
    await fixed.hang_up(call)


async def test_the_old_session_is_closed_beside_the_new(fixed: House):
    """Its goodbye may last: the new agent speaks meanwhile."""
    call = await fixed.live_call()
    old = fixed.session
    old.emit_reply("r1", "Ada here", 10)
    await fixed.settle()
    fixed.leg.hear_all()
    slow_close = asyncio.Event()
    close = old.close

    async def close_slowly() -> None:
        await slow_close.wait()
        await close()

    old.close = close_slowly  # type: ignore[method-assign]  # this session's server is slow to say goodbye
    fixed.leg.do(SwitchAsked("max"))
    await fixed.until(lambda: len(fixed.engine.sessions) == 2)
    assert fixed.session.told_of(Respond) == [Respond("Max speaking.")]
    assert not old.is_closed
    slow_close.set()
    await fixed.settle()
    assert old.is_closed
    outcome = await fixed.hang_up(call)
    assert ItemKind.HANDOVER in [item.kind for item in fixed.items(outcome.call_id)]
