"""Who speaks in a call: handovers in place and by new session, and sessions that are lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agentvoice.core.call import CallState, EndReason
from agentvoice.core.item import ItemKind, ItemStatus
from agentvoice.core.leg import (
    AgentChanged,
    CallerAudio,
    CallStatus,
    HandoverTimed,
    SwitchAsked,
)
from agentvoice.core.metrics import AUDIO_DROPPED, FROM_GAP
from agentvoice.core.speech import (
    AppendAudio,
    Configure,
    CreateItem,
    Respond,
    SendToolResult,
    SessionLost,
    ToolCallRequested,
)
from agentvoice.errors import CallError, ConnectFailed, EngineUnavailable
from agentvoice.services.call_manager import CallOutcome
from agentvoice.storage import agents
from tests.fakes.speech_session import FIXED, FakeEngine, sound
from tests.services.conftest import ADA, House


async def hang_up(house: House, call: asyncio.Task[CallOutcome]) -> str:
    """End the call as its caller and return its id."""
    outcome = await house.hang_up(call)
    assert outcome.reason is EndReason.CALLER
    return outcome.call_id


@pytest.fixture
async def fixed(tmp_path: Path) -> AsyncIterator[House]:
    """A house whose engine keeps voice and model, as the OpenAI engine does."""
    built = House(tmp_path, FakeEngine("local", FIXED))
    yield built
    await built.close()


async def test_transfer_updates_then_speaks(house: House):
    """A handover in place: new config, tool result, then exactly one request to speak."""
    call = await house.live_call()
    house.session.emit_turn("u1", "Give me Max")
    house.session.emit(ToolCallRequested("t1", "c1", "transfer_to_max", "{}"))
    await house.until(lambda: house.session.told_of(SendToolResult))
    after = [command for command in house.session.told if not isinstance(command, AppendAudio)][1:]
    assert [type(command) for command in after] == [Configure, SendToolResult, Respond]
    assert after[0].config.agent.slug == "max"  # type: ignore[union-attr] # checked in the line above
    assert after[2] == Respond("Max speaking.")
    house.session.emit_reply("r1", "Max speaking.", 100)
    await house.settle()
    house.leg.hear_all()
    await house.settle()
    call_id = await hang_up(house, call)
    kinds = [(item.kind, item.agent) for item in house.items(call_id)]
    assert kinds == [
        (ItemKind.MESSAGE, "ada"),
        (ItemKind.TOOL_CALL, "ada"),
        (ItemKind.HANDOVER, "max"),
        (ItemKind.TOOL_RESULT, "max"),
        (ItemKind.MESSAGE, "max"),
    ]
    assert house.leg.shown_of(AgentChanged)[-1] == AgentChanged("max", "Max")
    assert len(house.leg.shown_of(HandoverTimed)) == 1


async def test_an_operators_switch_interrupts(house: House):
    """The operator wants the other agent now: what the old one says is cut."""
    call = await house.live_call()
    house.session.emit_reply("r1", "one two", 1_000, end=False)
    await house.settle()
    await house.manager.switch(house.manager.live_calls[0], "max")
    await house.settle()
    assert house.leg.clears == 1
    assert house.session.told_of(Configure)[-1].config.agent.slug == "max"
    await hang_up(house, call)


async def test_transfer_failure_is_a_no_op(house: House):
    """A handover to nobody leaves the old agent in place, and it says so."""
    call = await house.live_call()
    house.session.emit(ToolCallRequested("t1", "c1", "transfer_to_eve", "{}"))
    await house.settle()
    assert house.session.told_of(Configure) == []
    (answer,) = house.session.told_of(SendToolResult)
    assert '"ok":false' in answer.output
    assert "it can to max" in answer.output
    assert house.session.told_of(Respond)[-1] == Respond()
    call_id = await hang_up(house, call)
    notices = [item.text for item in house.items(call_id) if item.kind is ItemKind.NOTICE]
    assert notices == ["The handover failed: handover: ada cannot hand over to 'eve'; it can to max"]


async def test_an_unknown_tool_is_answered(house: House):
    """The model is told, not the caller."""
    call = await house.live_call()
    house.session.emit(ToolCallRequested("t1", "c1", "fly", "{}"))
    await house.settle()
    assert "there is no tool named fly" in house.session.told_of(SendToolResult)[0].output
    await hang_up(house, call)


async def test_a_lost_session_is_replaced_with_the_conversation(house: House):
    """The new session gets what was said, and the caller's sound of the gap."""
    call = await house.live_call()
    house.session.emit_turn("u1", "Hello")
    house.engine.refuse = lambda: ConnectFailed("engine local: not yet")
    house.session.emit(SessionLost("cable pulled"))
    await house.settle()
    assert house.leg.status is CallStatus.RECONNECTING
    house.leg.do(CallerAudio(sound(20)))
    await house.settle()
    house.engine.refuse = lambda: None
    await house.clock.advance(2.0)
    await house.settle()
    assert [command.item.text for command in house.session.told_of(CreateItem)] == ["Hello"]
    assert len(house.session.told_of(AppendAudio)) == 1
    assert house.session.told_of(Respond) == [Respond()]  # the caller was owed a reply
    await hang_up(house, call)


async def test_swap_replays_current_items(house: House):
    """A session replaced while the agent speaks gets the cut reply as it was heard."""
    call = await house.live_call()
    house.session.emit_reply("r1", "one two three four", 1_000, end=False)
    await house.settle()
    house.leg.hear(500)
    house.session.emit(SessionLost("cable pulled"))
    await house.settle()
    house.leg.hear_all()  # what had come is heard to its end
    await house.settle()
    assert [command.item.text for command in house.session.told_of(CreateItem)] == ["one two three four"]
    await hang_up(house, call)


async def test_an_engine_that_stays_away_ends_the_call(house: House):
    """After the last try the call ends, says why, and is kept."""
    call = await house.live_call()
    house.engine.refuse = lambda: EngineUnavailable("engine local: gone")
    house.session.emit(SessionLost("crashed"))
    outcome = await call
    assert outcome.reason is EndReason.ENGINE_FAILED
    assert str(outcome.error) == "engine local: gone"
    assert house.call(outcome.call_id).state is CallState.ENDED


async def test_a_session_that_must_not_be_retried_ends_the_call(house: House):
    """A fatal loss (no money, no key) is not tried again."""
    call = await house.live_call()
    house.session.emit(SessionLost("no money", retryable=False))
    assert (await call).reason is EndReason.ENGINE_FAILED
    assert len(house.engine.sessions) == 1


async def test_a_new_voice_after_speech_needs_a_new_session(fixed: House):
    """The conversation is replayed, the old words are heard out, then the new agent speaks."""
    call = await fixed.live_call()
    old = fixed.session
    old.emit_reply("r1", "Ada here", 400)
    old.emit_turn("u1", "Give me Max")
    old.emit(ToolCallRequested("t1", "c1", "transfer_to_max", "{}"))
    while len(fixed.engine.sessions) < 2:
        await fixed.settle()
    fixed.leg.do(CallerAudio(sound(20)))
    await fixed.settle()
    assert not old.is_closed  # its last words are still being heard
    fixed.leg.hear_all()
    await fixed.settle()
    assert old.is_closed
    new = fixed.session
    assert new.config.agent.slug == "max"
    replayed = [(command.item.kind, command.item.text) for command in new.told_of(CreateItem)]
    assert replayed[:2] == [(ItemKind.MESSAGE, "Ada here"), (ItemKind.MESSAGE, "Give me Max")]
    assert [kind for kind, _ in replayed[2:]] == [ItemKind.TOOL_CALL, ItemKind.HANDOVER, ItemKind.TOOL_RESULT]
    assert len(new.told_of(AppendAudio)) == 1
    assert old.told_of(AppendAudio) == []
    assert new.told_of(Respond) == [Respond("Max speaking.")]
    assert new.told_of(SendToolResult) == []  # the new session never asked
    await hang_up(fixed, call)


async def test_a_new_session_that_fails_leaves_the_old(fixed: House):
    """Nothing is lost: the old session gets the caller's sound and says that it failed."""
    call = await fixed.live_call()
    old = fixed.session
    old.emit_reply("r1", "Ada here", 10)
    await fixed.settle()
    fixed.leg.hear_all()
    fixed.engine.refuse = lambda: EngineUnavailable("engine local: full")
    fixed.leg.do(SwitchAsked("max"))
    await fixed.settle()
    fixed.leg.do(CallerAudio(sound(20)))
    await fixed.settle()
    assert not old.is_closed
    assert len(old.told_of(AppendAudio)) == 1
    call_id = await hang_up(fixed, call)
    assert [item.text for item in fixed.items(call_id) if item.kind is ItemKind.NOTICE] == [
        "The handover failed: engine local: full"
    ]


async def test_an_engine_that_fails_is_followed_by_the_next(tmp_path: Path):
    """The agent's engines are tried in their order; the record says which one took the call."""
    house = House(tmp_path, FakeEngine("local"), FakeEngine("openai", FIXED))
    try:
        house.engine.refuse = lambda: EngineUnavailable("engine local: not installed")
        with house.database.writing() as session:
            both = replace(ADA, engines=("local", "openai"))
            agents.update_agent(session, both, house.clock.utc_ms())
        call = house.start()
        while not house.engines["openai"].sessions and not call.done():
            await house.settle()
        await house.settle()
        (live,) = house.manager.live_calls
        assert house.call(live).engine == "openai"
        await hang_up(house, call)
    finally:
        await house.close()


async def test_a_named_engine_is_the_only_one_tried(tmp_path: Path):
    """Who names an engine for the call wants no other; the failure names what there is."""
    house = House(tmp_path, FakeEngine("local"))
    try:
        outcome = await house.start(engine="openai")
        assert outcome.reason is EndReason.ENGINE_FAILED
        assert str(outcome.error) == "engine openai: it is not set up; want one of local"
        assert house.engine.sessions == []
    finally:
        await house.close()


async def test_an_agent_without_a_greeting_waits_for_the_caller(house: House):
    """Nothing is asked of the session until the caller spoke."""
    with house.database.writing() as session:
        agents.update_agent(session, replace(ADA, greeting=""), house.clock.utc_ms())
    call = await house.live_call()
    assert house.session.told_of(Respond) == []
    assert house.leg.status is CallStatus.LISTENING
    await hang_up(house, call)


async def test_sound_that_the_gap_lost_is_told(house: House):
    """The gap's buffer keeps the newest sound; how much was lost is a notice of the call."""
    call = await house.live_call()
    house.engine.refuse = lambda: ConnectFailed("engine local: not yet")
    house.session.emit(SessionLost("cable pulled"))
    await house.settle()
    kept_ms = house.settings.reconnect_gap_ms
    for _ in range(kept_ms // 100 + 3):
        house.leg.do(CallerAudio(sound(100)))
    await house.settle()
    house.engine.refuse = lambda: None
    await house.clock.advance(2.0)
    await house.settle()
    assert sum(command.chunk.duration_ms for command in house.session.told_of(AppendAudio)) == kept_ms
    call_id = await hang_up(house, call)
    notices = [item.text for item in house.items(call_id) if item.kind is ItemKind.NOTICE]
    assert notices == ["300 ms of the caller's sound were lost."]
    assert house.metrics.sum_of(AUDIO_DROPPED, FROM_GAP) == 0.3


async def test_a_second_switch_while_one_is_under_way_is_refused(fixed: House):
    """The first goes on; who asked second is told where the call stands."""
    call = await fixed.live_call()
    fixed.session.emit_reply("r1", "Ada here", 400)
    fixed.session.emit(ToolCallRequested("t1", "c1", "transfer_to_max", "{}"))
    while len(fixed.engine.sessions) < 2:  # now the old words are heard out
        await fixed.settle()
    with pytest.raises(CallError, match="the call is switching"):
        await fixed.manager.switch(fixed.manager.live_calls[0], "max")
    fixed.leg.hear_all()
    await fixed.settle()
    assert fixed.session.told_of(Respond) == [Respond("Max speaking.")]
    await hang_up(fixed, call)


async def test_old_words_that_are_never_heard_out_do_not_block(fixed: House):
    """A leg that stops playing: at the limit the new agent takes over, the old words are cut."""
    call = await fixed.live_call()
    fixed.session.emit_reply("r1", "one two three four", 1_000)
    fixed.session.emit(ToolCallRequested("t1", "c1", "transfer_to_max", "{}"))
    while len(fixed.engine.sessions) < 2:
        await fixed.settle()
    fixed.leg.hear(500)
    await fixed.clock.advance(fixed.settings.goodbye_timeout_s + 1)
    await fixed.settle()
    assert fixed.session.told_of(Respond) == [Respond("Max speaking.")]
    call_id = await hang_up(fixed, call)
    first = fixed.items(call_id)[0]
    assert (first.text, first.status, first.heard_ms) == ("one two", ItemStatus.INTERRUPTED, 500)
