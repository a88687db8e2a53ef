"""The end that the agent asked for: heard out, interrupted, spoken over."""

from __future__ import annotations

import asyncio

import pytest

from agentvoice.core.call import EndReason
from agentvoice.core.leg import CallerText, HungUp, InterruptPressed
from agentvoice.core.speech import (
    ItemDone,
    ItemRemoved,
    Respond,
    SendToolResult,
    SpeechStarted,
    ToolCallRequested,
    TurnCommitted,
)
from agentvoice.services.call_manager import CallOutcome
from tests.services.conftest import House


async def saying_goodbye(house: House) -> asyncio.Task[CallOutcome]:
    """A call whose agent has asked for its end and says goodbye."""
    call = await house.live_call()
    house.session.emit_reply("r1", "Goodbye!", 500)
    house.session.emit(ToolCallRequested("t1", "c1", "end_call", "{}"))
    await house.settle()
    house.leg.hear(100)
    await house.settle()
    assert not call.done()
    return call


async def test_an_interrupted_farewell_ends_at_once(house: House):
    """The button stops the sound: there is nothing more to wait for."""
    call = await saying_goodbye(house)
    house.leg.do(InterruptPressed())
    assert (await asyncio.wait_for(call, 5.0)).reason is EndReason.AGENT


@pytest.mark.parametrize("how", ["said", "typed"])
async def test_words_over_a_farewell_take_it_back(house: House, how: str):
    """The caller has one more thing to ask: the model is told, and the call goes on."""
    call = await saying_goodbye(house)
    if how == "typed":
        house.leg.do(CallerText("Wait"))
    else:
        house.session.emit(SpeechStarted(0))
        await house.settle()
        house.session.emit(TurnCommitted("u1"), ItemDone("u1", "Wait, one more thing"))
    await house.settle()
    assert "went on speaking" in house.session.told_of(SendToolResult)[0].output
    assert len(house.session.told_of(Respond)) == (2 if how == "typed" else 1)  # the greeting, the typed turn
    house.session.emit_reply("r2", "Of course.", 20_000)
    await house.settle()
    await house.clock.advance(house.settings.goodbye_timeout_s + 1)
    await house.settle()
    assert not call.done()
    house.leg.do(HungUp())
    assert (await asyncio.wait_for(call, 5.0)).reason is EndReason.CALLER


async def test_a_noise_over_a_farewell_does_not_keep_the_call(house: House):
    """It was taken for speech but had no words: the call ends after all."""
    call = await saying_goodbye(house)
    house.session.emit(SpeechStarted(0))
    await house.settle()
    await house.clock.advance(house.settings.goodbye_timeout_s + 1)
    await house.settle()
    assert not call.done()
    house.session.emit(TurnCommitted("u1"), ItemRemoved("u1"))
    assert (await asyncio.wait_for(call, 5.0)).reason is EndReason.AGENT


async def test_a_late_transcript_does_not_take_a_farewell_back(house: House):
    """The words that asked for the end are written down after it was asked for."""
    call = await house.live_call()
    house.session.emit(TurnCommitted("u1"))
    house.session.emit_reply("r1", "Goodbye!", 500)
    house.session.emit(ToolCallRequested("t1", "c1", "end_call", "{}"), ItemDone("u1", "Bye, then"))
    await house.settle()
    house.leg.hear_all()
    assert (await asyncio.wait_for(call, 5.0)).reason is EndReason.AGENT
