from __future__ import annotations

import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentvoice.adapters.call_recording import CallRecording
from agentvoice.adapters.reply_watch import GREETING_SETTLE_S, REPLY_SETTLE_S
from agentvoice.adapters.text_leg import TextLeg
from agentvoice.core.leg import CallStatus, CallUpdate, HungUp, OutputCleared, StatusChanged
from tests.fakes.clock import ManualClock
from tests.fakes.scripted_call import ScriptedCall

TIMEOUT_S = 60.0
REPLY = b"\1\0" * 1_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def answered(call: ScriptedCall, clock: ManualClock) -> None:
    call.show(CallStatus.LISTENING)
    await clock.advance(GREETING_SETTLE_S)


async def test_each_text_waits_for_the_reply_before(clock: ManualClock):
    """One text is one turn; the next comes when the reply is over; after the last it hangs up."""
    call = ScriptedCall(TextLeg(["hello", " ", "  bye  "], clock), clock)
    await answered(call, clock)
    assert call.texts == ["hello"]
    await clock.advance(10)
    assert call.texts == ["hello"]
    await call.reply(REPLY)
    await clock.advance(REPLY_SETTLE_S)
    assert call.texts == ["hello", "bye"]
    assert not call.has_ended
    await call.reply(REPLY)
    await clock.advance(REPLY_SETTLE_S)
    assert isinstance(call.last_event, HungUp)
    assert call.has_ended
    await call.close()


async def test_the_greeting_is_waited_for(clock: ManualClock):
    """Nothing is typed while the call connects or the agent greets."""
    call = ScriptedCall(TextLeg(["hello"], clock), clock)
    call.show(CallStatus.CONNECTING)
    await clock.advance(5)
    await call.reply(REPLY)
    assert call.texts == []
    await clock.advance(GREETING_SETTLE_S)
    assert call.texts == ["hello"]
    await call.close()


async def test_an_unanswered_text_is_given_up(clock: ManualClock):
    """After the limit the next text is sent all the same."""
    call = ScriptedCall(TextLeg(["one", "two"], clock, reply_timeout_s=TIMEOUT_S), clock)
    await answered(call, clock)
    await clock.advance(TIMEOUT_S)
    assert call.texts == ["one", "two"]
    await call.close()


async def test_lines_are_read_one_at_a_time(clock: ManualClock):
    """A source of lines is asked for the next only when the reply before is over."""
    asked = 0

    async def lines() -> AsyncIterator[str]:
        nonlocal asked
        for line in ("one", "two"):
            asked += 1
            yield line

    call = ScriptedCall(TextLeg(lines(), clock), clock)
    await answered(call, clock)
    assert (asked, call.texts) == (1, ["one"])
    await call.reply(REPLY)
    await clock.advance(REPLY_SETTLE_S)
    assert (asked, call.texts) == (2, ["one", "two"])
    await call.close()


async def test_a_broken_source_tells_the_call(clock: ManualClock):
    """An error of the source of lines comes out of the events."""

    async def lines() -> AsyncIterator[str]:
        raise OSError("the terminal is gone")
        yield ""

    leg = TextLeg(lines(), clock)
    events = leg.events()
    leg.show(StatusChanged(CallStatus.LISTENING))
    await clock.advance(GREETING_SETTLE_S)
    with pytest.raises(OSError, match="the terminal is gone"):
        await anext(events)
    await leg.close()


async def test_sound_counts_as_heard_and_is_recorded(tmp_path: Path, clock: ManualClock):
    """Replies are heard when they come, so nothing is left to clear; they go to the right side."""
    recording = CallRecording.create(tmp_path / "call.wav")
    leg = TextLeg([], clock, recording=recording)
    call = ScriptedCall(leg, clock)
    call.say(REPLY)
    call.say(REPLY)
    leg.clear_output()
    await clock.settle()
    assert call.played == [1_000, 2_000]
    assert call.last_event == OutputCleared(2_000)
    await call.close()
    call.say(REPLY)
    recording.close()
    with wave.open(str(recording.path)) as reader:
        assert reader.readframes(1 << 20) == b"\0\0\1\0" * 2_000


async def test_the_end_of_the_call_ends_the_typing(clock: ManualClock):
    """After the call has ended no further text is sent."""
    updates: list[CallUpdate] = []
    leg = TextLeg(["one", "two"], clock, on_update=updates.append)
    call = ScriptedCall(leg, clock)
    await answered(call, clock)
    call.show(CallStatus.ENDED)
    await clock.settle()
    assert call.texts == ["one"]
    assert call.has_ended
    assert updates[-1] == StatusChanged(CallStatus.ENDED)
    assert leg.transport == "text"
    await call.close()


async def test_closing_twice_is_harmless(clock: ManualClock):
    """A leg may be closed before it began, and again."""
    leg = TextLeg(["one"], clock)
    await leg.close()
    await leg.close()
    assert [event async for event in leg.events()] == []
