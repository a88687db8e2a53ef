from __future__ import annotations

import asyncio
import subprocess
import sys
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentvoice.adapters.call_recording import CallRecording
from agentvoice.adapters.sound_device import SoundDeviceLeg
from agentvoice.core.audio import CALL_FORMAT, FRAME_MS, AudioChunk
from agentvoice.core.echo import FullDuplex, HalfDuplexGate
from agentvoice.core.jitter import FIRST_DEPTH_MS
from agentvoice.core.leg import (
    CallerAudio,
    CallStatus,
    CallUpdate,
    HungUp,
    InterruptPressed,
    OutputCleared,
    Played,
    PlayoutReported,
    StatusChanged,
)
from agentvoice.errors import AudioDeviceError
from tests.fakes.clock import ManualClock
from tests.fakes.sound_card import SAMPLES, SPOKEN, FakeStream

FIRST_WAIT_S = (FIRST_DEPTH_MS + FRAME_MS) / 1_000

HEARD = b"\2\0" * SAMPLES


@pytest.fixture
def stream() -> FakeStream:
    return FakeStream()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def leg(stream: FakeStream, clock: ManualClock) -> AsyncIterator[SoundDeviceLeg]:
    leg = SoundDeviceLeg(stream.open, clock, FullDuplex())
    await leg.open()
    yield leg
    await leg.close()


async def test_the_microphone_is_heard_and_the_speaker_fed(
    leg: SoundDeviceLeg, stream: FakeStream, clock: ManualClock
):
    """Blocks go both ways; where nothing delays it, a block is heard when the next one begins."""
    events = leg.events()
    leg.play(AudioChunk(CALL_FORMAT, HEARD + HEARD[:100]))
    await clock.advance(FIRST_WAIT_S)
    assert stream.pass_block() == HEARD
    assert await anext(events) == CallerAudio(AudioChunk(CALL_FORMAT, SPOKEN))
    assert stream.pass_block() == HEARD[:100] + bytes(SAMPLES * 2 - 100)
    assert await anext(events) == Played(SAMPLES)
    assert await anext(events) == CallerAudio(AudioChunk(CALL_FORMAT, SPOKEN))
    assert stream.pass_block() == bytes(SAMPLES * 2)
    assert await anext(events) == Played(SAMPLES + 50)


async def test_what_is_on_its_way_to_the_ear_is_not_heard(
    leg: SoundDeviceLeg, stream: FakeStream, clock: ManualClock
):
    """A loudspeaker 50 ms behind: each report is what has left it, and all is reported in the end."""
    events = leg.events()
    leg.play(AudioChunk(CALL_FORMAT, HEARD * 2))
    await clock.advance(FIRST_WAIT_S)
    for _ in range(6):
        stream.pass_block(ahead_samples=1_200)
        await clock.settle()
    await leg.close()
    heard = [event.sample_count async for event in events if isinstance(event, Played)]
    assert heard == [240, 720, 960]


async def test_sound_waits_for_the_depth(leg: SoundDeviceLeg, stream: FakeStream, clock: ManualClock):
    """Until the first sound has waited, the speaker is silent and nothing counts as played."""
    leg.play(AudioChunk(CALL_FORMAT, HEARD))
    await clock.advance(FIRST_WAIT_S - 0.001)
    assert not any(stream.pass_block())
    await clock.advance(0.001)
    assert stream.pass_block() == HEARD


async def test_underrun_is_not_heard(leg: SoundDeviceLeg, stream: FakeStream, clock: ManualClock):
    """Silence in the middle of an answer is not counted as played; the answer goes on, whole."""
    events = leg.events()
    leg.play(AudioChunk(CALL_FORMAT, HEARD[:100]))
    await clock.advance(FIRST_WAIT_S)
    assert stream.pass_block() == HEARD[:100] + bytes(SAMPLES * 2 - 100)
    await clock.advance(0.1)
    assert not any(stream.pass_block())
    leg.play(AudioChunk(CALL_FORMAT, HEARD))
    await clock.advance(0.2)
    assert stream.pass_block() == HEARD
    stream.pass_block()
    await clock.settle()
    leg.show(StatusChanged(CallStatus.LISTENING))
    seen = [await anext(events) for _ in range(7)]
    assert [event for event in seen if isinstance(event, Played)] == [Played(50), Played(50 + SAMPLES)]
    assert seen[-1] == PlayoutReported(160, underruns=1)


async def test_cleared_sound_is_not_played(leg: SoundDeviceLeg, stream: FakeStream, clock: ManualClock):
    """The block that PortAudio has counts as played, the rest is dropped."""
    events = leg.events()
    leg.play(AudioChunk(CALL_FORMAT, HEARD * 3))
    await clock.advance(FIRST_WAIT_S)
    stream.pass_block()
    leg.clear_output()
    assert await anext(events) == OutputCleared(SAMPLES)
    assert stream.pass_block() == bytes(SAMPLES * 2)


async def test_closing_stops_the_device(stream: FakeStream):
    """After close the device is released, the events end, and a late block does no harm."""
    leg = SoundDeviceLeg(stream.open, ManualClock(), FullDuplex())
    await leg.open()
    await leg.close()
    await leg.close()
    assert stream.is_closed
    stream.pass_block()
    await asyncio.sleep(0)
    assert [event async for event in leg.events()] == []


async def test_both_sides_are_recorded(tmp_path: Path, stream: FakeStream):
    """Microphone left, speaker right, block by block."""
    recording = CallRecording.create(tmp_path / "call.wav")
    clock = ManualClock()
    leg = SoundDeviceLeg(stream.open, clock, FullDuplex(), recording=recording)
    await leg.open()
    leg.play(AudioChunk(CALL_FORMAT, HEARD))
    await clock.advance(FIRST_WAIT_S)
    stream.pass_block()
    await anext(leg.events())
    await leg.close()
    recording.close()
    with wave.open(str(recording.path)) as reader:
        assert reader.readframes(1 << 20) == b"\1\0\2\0" * SAMPLES


async def test_updates_are_passed_on(stream: FakeStream):
    """What the call shows reaches the display."""
    seen: list[CallUpdate] = []
    leg = SoundDeviceLeg(stream.open, ManualClock(), FullDuplex(), on_update=seen.append)
    leg.show(StatusChanged(CallStatus.SPEAKING))
    assert seen == [StatusChanged(CallStatus.SPEAKING)]
    assert leg.transport == "device"


def test_importing_the_leg_needs_no_library():
    """The package sounddevice is imported when a device is asked for, not before."""
    code = "import sys, agentvoice.adapters.sound_device\nassert 'sounddevice' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


async def test_keys_are_events_of_the_caller(leg: SoundDeviceLeg):
    """What is pressed comes in its order."""
    events = leg.events()
    leg.press(InterruptPressed())
    leg.press(HungUp())
    assert [await anext(events), await anext(events)] == [InterruptPressed(), HungUp()]


async def test_a_muted_microphone_sends_silence(leg: SoundDeviceLeg, stream: FakeStream):
    """Silence of the same length, and the caller's sound again when it is opened."""
    events = leg.events()
    for is_muted, heard in ((True, bytes(len(SPOKEN))), (False, SPOKEN)):
        leg.is_muted = is_muted
        stream.pass_block()
        assert await anext(events) == CallerAudio(AudioChunk(CALL_FORMAT, heard))


async def test_the_gate_silences_the_microphone_while_an_agent_is_heard(clock: ManualClock):
    """With the sound, the tail and the way through the devices; the level tells what is in the air."""
    stream, levels = FakeStream(delay_ms=20), list[tuple[int, bool]]()
    leg = SoundDeviceLeg(
        stream.open,
        clock,
        HalfDuplexGate(tail_ms=20),
        on_level=lambda level, is_open: levels.append((round(level), is_open)),
    )
    await leg.open()
    events = leg.events()
    leg.play(AudioChunk(CALL_FORMAT, HEARD))
    await clock.advance(FIRST_WAIT_S)
    heard: list[bytes] = []
    for _ in range(4):
        stream.pass_block()
        await clock.settle()
    await leg.close()
    heard = [event.chunk.samples async for event in events if isinstance(event, CallerAudio)]
    assert heard == [bytes(len(SPOKEN))] * 3 + [SPOKEN]
    assert levels == [(-90, False), (-90, False), (-90, True), (-90, True)]


async def test_a_device_that_goes_away_is_told(leg: SoundDeviceLeg, stream: FakeStream):
    """The reader gets what was heard, then an error that says what to do."""
    events = leg.events()
    stream.pass_block()
    stream.stop()
    assert await anext(events) == CallerAudio(AudioChunk(CALL_FORMAT, SPOKEN))
    with pytest.raises(AudioDeviceError, match=r"unplugged.*call again"):
        await anext(events)
