from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agentvoice.adapters.pauses import map_speech
from agentvoice.adapters.reply_watch import GREETING_SETTLE_S, REPLY_SETTLE_S
from agentvoice.adapters.wav_file import END_POINTING_MS, FRAME_S, Pace, WavLeg
from agentvoice.adapters.wav_input import read_wav
from agentvoice.core.leg import (
    CallerAudio,
    CallStatus,
    CallUpdate,
    HungUp,
    StatusChanged,
    TurnEnded,
)
from tests.adapters.conftest import REPLY_TIMEOUT_S, Begin
from tests.fakes.clock import ManualClock
from tests.fakes.recorded_callers import RATE_HZ, TWO_TURNS, recorded, silence, sound
from tests.fakes.scripted_call import ScriptedCall, answered

REPLY = sound(0.4)


async def test_frames_come_every_20_ms(begin: Begin, clock: ManualClock):
    """Straight through, each frame comes when its 20 ms have passed, and the sound is the file's."""
    call = begin(pace=Pace.REALTIME)
    await clock.advance(3.5)
    assert call.heard == TWO_TURNS.samples
    assert call.heard_at_s == pytest.approx([FRAME_S * number for number in range(1, 176)])


async def test_the_greeting_is_waited_for(begin: Begin, clock: ManualClock):
    """While the call connects and the agent greets, the caller is silent; then it speaks."""
    call = begin()
    call.show(CallStatus.CONNECTING)
    await clock.advance(3)
    call.show(CallStatus.LISTENING)
    await clock.advance(GREETING_SETTLE_S / 2)
    await call.reply(REPLY)
    assert not any(call.heard)
    await clock.advance(GREETING_SETTLE_S + 1)
    assert any(call.heard)
    assert TWO_TURNS.samples[:40_000] in call.heard


@pytest.mark.parametrize("pace", list(Pace))
async def test_a_pause_ends_the_turn(begin: Begin, clock: ManualClock, pace: Pace):
    """Each of the two turns is ended once, after its speech, whatever the session makes of it."""
    call = begin(pace=pace)
    await answered(call, clock)
    await clock.advance(30)
    kinds = [type(event) for _, event in call.events if isinstance(event, CallerAudio | TurnEnded)]
    assert kinds.count(TurnEnded) == 2
    first = kinds.index(TurnEnded)
    assert 0 < first and CallerAudio in kinds[first : kinds.index(TurnEnded, first + 1)]


async def test_each_turn_waits_for_its_reply(begin: Begin, clock: ManualClock):
    """After 700 ms of silence the file stands still until the reply was played; nothing of it is lost."""
    call = begin()
    await answered(call, clock)
    await clock.advance(1.7)
    for _ in range(2):
        spoken = len(call.heard.rstrip(b"\0"))
        await clock.advance(REPLY_TIMEOUT_S - 1)
        assert len(call.heard.rstrip(b"\0")) == spoken, "the file went on without a reply"
        await call.reply(REPLY)
        await clock.advance(REPLY_SETTLE_S + 0.3 + 0.5 + 0.7)
    await clock.advance(1)
    assert isinstance(call.last_event, HungUp)
    assert call.has_ended
    spoken_parts = [part for part in call.heard.split(silence(0.6)) if any(part)]
    assert [part.strip(b"\0") for part in spoken_parts] == [sound(1).strip(b"\0"), sound(0.5).strip(b"\0")]


async def test_the_silence_of_a_wait_is_sent(begin: Begin, clock: ManualClock):
    """A caller that waits is a line that is silent, not dead: frames go on at their pace."""
    call = begin()
    await answered(call, clock)
    await clock.advance(3)
    assert len(call.heard_at_s) == round((3 + GREETING_SETTLE_S) / FRAME_S)


async def test_no_reply_is_waited_for_in_vain(begin: Begin, clock: ManualClock):
    """When nothing comes the file goes on after the limit, and hangs up after the next."""
    call = begin()
    await answered(call, clock)
    await clock.advance(1.7 + REPLY_TIMEOUT_S)
    assert not any(call.heard[-2_000:])
    await clock.advance(0.6)
    assert sound(0.5)[:400] in call.heard
    await clock.advance(0.7 + REPLY_TIMEOUT_S + 1 + REPLY_TIMEOUT_S)
    assert isinstance(call.last_event, HungUp)


async def test_silence_owes_no_reply(begin: Begin, clock: ManualClock):
    """A file without speech plays through and hangs up, without any wait."""
    call = begin(recorded(silence(3)))
    await answered(call, clock)
    await clock.advance(3.1)
    assert isinstance(call.last_event, HungUp)


async def test_a_file_that_ends_in_speech_waits_in_silence(begin: Begin, clock: ManualClock):
    """The engine gets the silence it needs to find the last turn's end."""
    call = begin(recorded(sound(1)))
    await answered(call, clock)
    await clock.advance(3)
    assert call.heard.endswith(silence(1.9))
    await call.reply(REPLY)
    await clock.advance(REPLY_SETTLE_S + FRAME_S)
    assert isinstance(call.last_event, HungUp)


async def test_realtime_speaks_over_the_agent(begin: Begin, clock: ManualClock):
    """Straight through means no wait for greeting or replies, but for the last one."""
    call = begin(pace=Pace.REALTIME)
    call.show(CallStatus.SPEAKING)
    call.say(sound(30))
    await clock.advance(3.5)
    assert call.heard == TWO_TURNS.samples
    await clock.advance(REPLY_TIMEOUT_S + 1)
    assert not call.has_ended
    call.show(CallStatus.LISTENING)
    await clock.advance(REPLY_SETTLE_S + FRAME_S)
    assert isinstance(call.last_event, HungUp)


async def test_a_late_loop_does_not_rush(begin: Begin, clock: ManualClock):
    """After the process stood still for a second, frames come at their pace, not all at once."""
    call = begin(pace=Pace.REALTIME)
    await clock.advance(0.1)
    clock._now_s += 1.0  # time passes while no task runs
    await clock.advance(0.1)
    assert len(call.heard_at_s) <= 12


async def test_fast_runs_without_time(begin: Begin, clock: ManualClock):
    """On sample time a turn is spoken, ended by silence and answered while the clock stands still."""
    call = begin(pace=Pace.FAST)
    await answered(call, clock)
    assert call.heard == TWO_TURNS.samples[: round(1.7 * RATE_HZ) * 2] + silence(END_POINTING_MS / 1000)
    at_s = call.heard_at_s[0]
    await call.reply(REPLY)
    assert call.played == [len(REPLY) // 2]
    await clock.advance(REPLY_SETTLE_S)
    await call.reply(REPLY)
    await clock.advance(REPLY_SETTLE_S)
    assert isinstance(call.last_event, HungUp)
    assert {round(at - at_s, 3) for at in call.heard_at_s} == {0.0, REPLY_SETTLE_S, 2 * REPLY_SETTLE_S}


async def test_fast_waits_for_events_not_in_silence(begin: Begin, clock: ManualClock):
    """While a reply is owed no further frames are sent; after the limit the file goes on."""
    call = begin(pace=Pace.FAST)
    await answered(call, clock)
    frames = len(call.heard_at_s)
    await clock.advance(REPLY_TIMEOUT_S - 0.1)
    assert len(call.heard_at_s) == frames
    await clock.advance(0.1)
    assert len(call.heard_at_s) > frames


@pytest.mark.parametrize("pace", Pace)
async def test_closing_ends_everything_twice(begin: Begin, clock: ManualClock, pace: Pace):
    """Close ends the events in any state, may be repeated, and sound after it is ignored."""
    call = begin(pace=pace)
    await clock.advance(0.5)
    await call.close()
    assert call.has_ended
    count = len(call.events)
    call.say(REPLY)
    await call.close()
    await clock.advance(1)
    assert len(call.events) == count


async def test_the_end_of_the_call_ends_the_file(begin: Begin, clock: ManualClock):
    """A call that is over is not spoken to any more."""
    call = begin()
    await answered(call, clock)
    await clock.advance(0.5)
    call.show(CallStatus.ENDED)
    await clock.advance(0.1)
    assert call.has_ended


async def test_a_broken_leg_tells_the_call(clock: ManualClock):
    """An error inside the leg comes out of its events instead of a silent line."""
    unmapped = replace(TWO_TURNS, speech=map_speech(b""))
    leg = WavLeg(unmapped, clock, pace=Pace.REALTIME)
    with pytest.raises(IndexError):
        await anext(leg.events())
    await leg.close()


async def test_updates_are_passed_on(begin: Begin, clock: ManualClock):
    """What the call shows reaches the display."""
    seen: list[CallUpdate] = []
    call = begin(on_update=seen.append)
    call.show(CallStatus.HEARING)
    assert call._leg.transport == "wav"
    assert seen == [StatusChanged(CallStatus.HEARING)]


async def test_a_file_from_disk_makes_a_call(tmp_path: Path, clock: ManualClock):
    """The bundled demo recording has four turns, each answered, then hangs up."""
    wav = await read_wav(Path(__file__).parents[2] / "demo" / "hello.wav")
    call = ScriptedCall(WavLeg(wav, clock, pace=Pace.FAST), clock)
    await answered(call, clock)
    replies = 0
    while not call.has_ended:
        replies += 1
        await call.reply(REPLY)
        await clock.advance(REPLY_SETTLE_S)
    assert replies == 4
    await call.close()
