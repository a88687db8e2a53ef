"""Whole calls over a scripted engine and leg, with a real database."""

from __future__ import annotations

import asyncio

import pytest

from agentvoice.core.call import CallState, EndReason, PublicationState
from agentvoice.core.item import ItemKind, ItemStatus, Role
from agentvoice.core.leg import (
    CallerAudio,
    CallerText,
    CallStatus,
    DoNotPublishPressed,
    HungUp,
    InterruptPressed,
    PublishingChanged,
)
from agentvoice.core.speech import (
    AppendAudio,
    CancelResponse,
    CreateItem,
    ItemAdded,
    ItemRemoved,
    Respond,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    SessionError,
    SpeechStarted,
    ToolCallRequested,
    TruncateItem,
    TurnCommitted,
    UsageReported,
)
from agentvoice.errors import EngineUnavailable
from agentvoice.services.call_manager import CallOutcome
from agentvoice.storage import usage
from tests.fakes.caller_leg import FakeLeg
from tests.fakes.speech_session import sound
from tests.services.conftest import House


async def hang_up(house: House, call: asyncio.Task[CallOutcome]) -> str:
    """End the call as its caller and return its id."""
    outcome = await house.hang_up(call)
    assert outcome.reason is EndReason.CALLER
    return outcome.call_id


def said(house: House, call_id: str) -> list[tuple[Role, str, str, ItemStatus]]:
    """The stored messages: who, which agent, what, how it ended."""
    return [
        (item.role, item.agent, item.text, item.status)
        for item in house.items(call_id)
        if item.kind is ItemKind.MESSAGE
    ]


async def test_a_call_from_greeting_to_hang_up(house: House):
    """The agent greets, the caller asks, the agent answers; all of it is stored, in order."""
    call = await house.live_call()
    assert house.session.told_of(Respond) == [Respond("Hello, Ada here.")]
    house.session.emit_reply("r1", "Hello, Ada here.", 300)
    await house.settle()
    house.leg.hear_all()
    house.session.emit_turn("u1", "What time is it?")
    house.session.emit_reply("r2", "Noon.", 200)
    await house.settle()
    house.leg.hear_all()
    await house.settle()
    call_id = await hang_up(house, call)
    assert said(house, call_id) == [
        (Role.AGENT, "ada", "Hello, Ada here.", ItemStatus.COMPLETED),
        (Role.USER, "ada", "What time is it?", ItemStatus.COMPLETED),
        (Role.AGENT, "ada", "Noon.", ItemStatus.COMPLETED),
    ]
    stored = house.call(call_id)
    assert (stored.state, stored.end_reason, stored.publication) == (
        CallState.ENDED,
        EndReason.CALLER,
        PublicationState.QUEUED,
    )
    assert house.session.is_closed
    assert house.leg.is_closed
    assert house.ended == [call_id]


async def test_items_are_stored_while_the_call_lives(house: House):
    """A finished item is on the disk before the call goes on."""
    call = await house.live_call()
    house.session.emit_turn("u1", "Remember this")
    await house.settle()
    (live,) = house.manager.live_calls
    assert said(house, live) == [(Role.USER, "ada", "Remember this", ItemStatus.COMPLETED)]
    await hang_up(house, call)


async def test_what_is_being_said_at_the_end_is_cut(house: House):
    """The caller hangs up in the middle: the answer is kept as heard, and marked."""
    call = await house.live_call()
    house.session.emit_reply("r1", "one two three four", 1_000, end=False)
    await house.settle()
    house.leg.hear(500)
    await house.settle()
    call_id = await hang_up(house, call)
    assert said(house, call_id) == [(Role.AGENT, "ada", "one two", ItemStatus.INTERRUPTED)]


async def test_the_callers_sound_reaches_the_session(house: House):
    """Sound is passed on as it comes."""
    call = await house.live_call()
    house.leg.do(CallerAudio(sound(20)), CallerAudio(sound(20)))
    await house.settle()
    assert len(house.session.told_of(AppendAudio)) == 2
    await hang_up(house, call)


async def test_sound_before_the_session_is_kept(house: House):
    """What the caller says while the call connects is not lost."""
    house.leg.do(CallerAudio(sound(20)))
    call = await house.live_call()
    assert len(house.session.told_of(AppendAudio)) == 1
    await hang_up(house, call)


async def test_a_barge_in_reaches_leg_and_session(house: House):
    """Speech over the agent: cleared, truncated where heard, cancelled."""
    call = await house.live_call()
    house.session.emit_reply("r1", "one two three four", 1_000, end=False)
    await house.settle()
    house.leg.hear(500)
    house.session.emit(SpeechStarted(0))
    await house.settle()
    assert house.leg.clears == 1
    assert house.session.told[-2:] == [TruncateItem("item-of-r1", 0, 500, "one two"), CancelResponse("r1")]
    await hang_up(house, call)


async def test_the_interrupt_button_does_the_same(house: House):
    """A pressed button is a barge-in without speech."""
    call = await house.live_call()
    house.session.emit_reply("r1", "one two", 1_000, end=False)
    await house.settle()
    house.leg.do(InterruptPressed())
    await house.settle()
    assert house.session.told[-2:] == [TruncateItem("item-of-r1", 0, 0, ""), CancelResponse("r1")]
    await hang_up(house, call)


async def test_typed_turns_are_answered(house: House):
    """Text goes in as an item and asks for a reply."""
    call = await house.live_call()
    house.leg.do(CallerText("Hello"))
    await house.settle()
    (created,) = house.session.told_of(CreateItem)
    assert created.item.text == "Hello"
    assert house.session.told_of(Respond)[1:] == [Respond()]
    await hang_up(house, call)


async def test_end_call_waits_for_the_goodbye(house: House):
    """The agent's last words are heard before the call ends."""
    call = await house.live_call()
    house.session.emit_reply("r1", "Goodbye!", 500)
    house.session.emit(ToolCallRequested("t1", "c1", "end_call", "{}"))
    await house.settle()
    assert not call.done()
    house.leg.hear_all()
    outcome = await call
    assert outcome.reason is EndReason.AGENT
    assert said(house, outcome.call_id) == [(Role.AGENT, "ada", "Goodbye!", ItemStatus.COMPLETED)]


async def test_a_goodbye_that_is_never_heard_ends_too(house: House):
    """A leg that stops playing does not keep the call open for ever."""
    call = await house.live_call()
    house.session.emit_reply("r1", "Goodbye!", 500)
    house.session.emit(ToolCallRequested("t1", "c1", "end_call", "{}"))
    await house.settle()
    await house.clock.advance(house.settings.goodbye_timeout_s + 1)
    assert (await call).reason is EndReason.AGENT


@pytest.mark.parametrize("how", ["said", "pressed", "typed"])
async def test_do_not_publish_is_kept_at_once(house: House, how: str):
    """Said, typed or pressed, the wish is stored while the call still runs."""
    call = await house.live_call()
    if how == "said":
        house.session.emit_turn("u1", "Please do not publish this.")
    else:
        house.leg.do(DoNotPublishPressed() if how == "pressed" else CallerText("do not publish this call"))
    await house.settle()
    (live,) = house.manager.live_calls
    assert house.call(live).do_not_publish
    assert house.leg.shown_of(PublishingChanged)[-1].refused
    house.session.emit_turn("u2", "Oh well, do publish this.")
    call_id = await hang_up(house, call)
    assert house.call(call_id).publication is PublicationState.NONE


async def test_a_first_session_that_fails_ends_the_call(house: House):
    """The reason reaches the caller's terminal; the call is kept as failed."""
    house.engine.refuse = lambda: EngineUnavailable("engine local: pip install 'agentvoice[local]'")
    outcome = await house.start()
    assert outcome.reason is EndReason.ENGINE_FAILED
    assert "pip install" in str(outcome.error)
    assert house.call(outcome.call_id).end_reason is EndReason.ENGINE_FAILED


async def test_the_time_limit_ends_a_call(house: House):
    """A call ends at its limit, with a notice, even if the engine says no goodbye."""
    call = await house.live_call()
    await house.clock.advance(house.settings.max_minutes * 60 + house.settings.goodbye_timeout_s)
    outcome = await call
    assert outcome.reason is EndReason.LIMIT
    assert "time limit" in house.items(outcome.call_id)[-1].text


async def test_a_leg_that_vanishes_hung_up(house: House):
    """A broken socket is a caller who hung up."""
    call = await house.live_call()
    house.leg.vanish()
    assert (await call).reason is EndReason.CALLER


async def test_usage_is_kept(house: House):
    """Each report becomes a row of the agent that spoke."""
    call = await house.live_call()
    house.session.emit(UsageReported("r1", "smollm2", audio_ms=1_200))
    await house.settle()
    call_id = await hang_up(house, call)
    with house.database.reading() as reading:
        (row,) = usage.usage_of(reading, call_id)
    assert (row.agent, row.engine, row.model, row.audio_ms) == ("ada", "local", "smollm2", 1_200)


async def test_an_error_of_the_session_is_survived(house: House):
    """A turn that failed gives the turn back to the caller."""
    call = await house.live_call()
    house.session.emit_reply("greeting", "Hello", 10)
    await house.settle()
    house.leg.hear_all()
    house.session.emit(TurnCommitted("u1"), SessionError("stt_failed", "no words"))
    await house.settle()
    assert house.leg.status is CallStatus.LISTENING
    await hang_up(house, call)


async def test_a_defect_ends_its_own_call_only(house: House):
    """A fault in one call is logged and ends it; another goes on."""
    other_leg = FakeLeg()
    call = await house.live_call()
    broken = house.session
    other = house.start("max", other_leg)
    while len(house.engine.sessions) < 2:
        await house.settle()
    broken.emit(ResponseStarted("r"), "not an event")  # type: ignore[arg-type] # the defect
    assert (await call).reason is EndReason.ENGINE_FAILED
    assert not other.done()
    other_leg.do(HungUp())
    assert (await other).reason is EndReason.CALLER


async def test_an_item_announced_twice_is_one(house: House):
    """Committed and added are the same turn in the store too."""
    call = await house.live_call()
    house.session.emit(TurnCommitted("u1"), ItemAdded("u1", ItemKind.MESSAGE, Role.USER))
    await house.settle()
    call_id = await hang_up(house, call)
    assert said(house, call_id) == [(Role.USER, "ada", "", ItemStatus.FAILED)]


async def test_a_reply_that_is_asked_for_again_is_still_owed(house: House):
    """The provider failed and is asked again: the caller is told nothing, and is shown that it thinks."""
    await house.live_call()
    house.session.emit_turn("t1", "Ahoy?")
    failed = SessionError("server_error", "sorry", command="Respond", is_retried=True)
    house.session.emit(ResponseStarted("r1"), failed, ResponseEnded("r1", ResponseStatus.FAILED))
    await house.settle()
    assert house.leg.status is CallStatus.THINKING
    assert not [item for item in house.leg.items.values() if item.kind is ItemKind.NOTICE]


async def test_a_reply_that_failed_for_good_is_told(house: House):
    """It had begun and came to nothing: the caller does not wait in silence."""
    await house.live_call()
    failed = SessionError("server_error", "sorry", command="Respond")
    house.session.emit(ResponseStarted("r1"), failed, ResponseEnded("r1", ResponseStatus.FAILED))
    await house.settle()
    [notice] = [item for item in house.leg.items.values() if item.kind is ItemKind.NOTICE]
    assert notice.text == "No answer: sorry"
    assert house.leg.status is CallStatus.LISTENING


async def test_words_taken_back_are_not_kept(house: House):
    """A reply of text without sound is asked for again: only the spoken one is stored."""
    call = await house.live_call()
    house.session.emit(
        ResponseStarted("r1"),
        ItemAdded("i1", ItemKind.MESSAGE, Role.AGENT, "r1"),
        SessionError("text_only_reply", "", command="Respond", is_retried=True),
        ItemRemoved("i1"),
        ResponseEnded("r1", ResponseStatus.COMPLETED),
    )
    await house.settle()
    assert house.leg.status is CallStatus.THINKING
    house.session.emit_reply("r2", "Ahoy.", 100)
    await house.settle()
    house.leg.hear_all()
    assert said(house, await hang_up(house, call)) == [(Role.AGENT, "ada", "Ahoy.", ItemStatus.COMPLETED)]
