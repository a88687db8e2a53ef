from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import pytest

from agentvoice.adapters.call_recording import CallRecording
from agentvoice.adapters.sound_device import (
    SoundCallback,
    SoundDevice,
    SoundDeviceLeg,
    explain_missing_portaudio,
    list_devices,
    open_duplex_stream,
)
from agentvoice.core.audio import CALL_FORMAT, FRAME_MS, AudioChunk
from agentvoice.core.jitter import FIRST_DEPTH_MS
from agentvoice.core.leg import (
    CallerAudio,
    CallStatus,
    CallUpdate,
    OutputCleared,
    Played,
    PlayoutReported,
    StatusChanged,
)
from agentvoice.errors import AudioDeviceError
from tests.fakes.clock import ManualClock

FIRST_WAIT_S = (FIRST_DEPTH_MS + FRAME_MS) / 1_000

SAMPLES = 480
SPOKEN = b"\1\0" * SAMPLES
HEARD = b"\2\0" * SAMPLES


class FakeStream:
    """A sound card that plays one block when told to, from a thread of its own as PortAudio does."""

    def __init__(self) -> None:
        self.is_closed = False
        self._callback: SoundCallback | None = None

    def open(self, callback: SoundCallback) -> FakeStream:
        self._callback = callback
        return self

    def close(self) -> None:
        self.is_closed = True

    def pass_block(self) -> bytes:
        """Begin a block: hear SPOKEN, return what is given to the speaker."""
        assert self._callback is not None
        speaker = memoryview(bytearray(SAMPLES * 2))
        block = (memoryview(SPOKEN), speaker, SAMPLES, None, None)
        thread = threading.Thread(target=self._callback, args=block)
        thread.start()
        thread.join()
        return speaker.tobytes()


@pytest.fixture
def stream() -> FakeStream:
    return FakeStream()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def leg(stream: FakeStream, clock: ManualClock) -> AsyncIterator[SoundDeviceLeg]:
    leg = SoundDeviceLeg(stream.open, clock)
    await leg.open()
    yield leg
    await leg.close()


async def test_the_microphone_is_heard_and_the_speaker_fed(
    leg: SoundDeviceLeg, stream: FakeStream, clock: ManualClock
):
    """Blocks go both ways; a block counts as played when the next one begins."""
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
    leg = SoundDeviceLeg(stream.open, ManualClock())
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
    leg = SoundDeviceLeg(stream.open, clock, recording=recording)
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
    leg = SoundDeviceLeg(stream.open, ManualClock(), on_update=seen.append)
    leg.show(StatusChanged(CallStatus.SPEAKING))
    assert seen == [StatusChanged(CallStatus.SPEAKING)]
    assert leg.transport == "device"


def test_a_missing_library_is_explained_with_its_command(tmp_path: Path):
    """Where sounddevice finds no PortAudio its import fails: the error says what to install."""
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nfrom agentvoice.adapters import sound_device\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code + "sound_device.list_devices()"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "AudioDeviceError: the PortAudio library is missing" in ran.stderr
    assert "sudo apt-get install -y libportaudio2" in ran.stderr


def test_importing_the_leg_needs_no_library():
    """The package sounddevice is imported when a device is asked for, not before."""
    code = "import sys, agentvoice.adapters.sound_device\nassert 'sounddevice' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_explanation_is_one_line():
    """The error is fit to be shown as it is."""
    assert "\n" not in str(explain_missing_portaudio(OSError("PortAudio library not found")))


class FakePortAudio(ModuleType):
    """sounddevice on a machine with one speaker and no microphone."""

    class PortAudioError(Exception):
        """As sounddevice's."""

    def query_devices(self) -> list[dict[str, object]]:
        return [{"name": "Speaker", "max_input_channels": 0, "max_output_channels": 2}]

    def RawStream(self, **options: object) -> FakeStream:
        raise self.PortAudioError("Invalid number of channels [PaErrorCode -9998]")


def test_devices_are_listed(monkeypatch: pytest.MonkeyPatch):
    """Each device has its name and its channels."""
    monkeypatch.setitem(sys.modules, "sounddevice", FakePortAudio("sounddevice"))
    assert list_devices() == (SoundDevice("Speaker", 0, 2),)


async def test_a_device_that_cannot_be_opened_is_explained(monkeypatch: pytest.MonkeyPatch):
    """The error names the devices asked for, PortAudio's reason, and what to do instead."""
    monkeypatch.setitem(sys.modules, "sounddevice", FakePortAudio("sounddevice"))
    leg = SoundDeviceLeg(open_duplex_stream("USB headset", ""), ManualClock())
    with pytest.raises(AudioDeviceError) as refused:
        await leg.open()
    for words in (
        "microphone 'USB headset'",
        "speaker 'default'",
        "Invalid number of channels",
        "24000 Hz",
        "WAV file",
    ):
        assert words in str(refused.value)
    await leg.close()
