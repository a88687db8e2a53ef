"""The caller leg of this machine's microphone and speaker, through PortAudio.

PortAudio calls back from a thread of its own every 20 ms; the callback moves bytes and wakes the
loop, nothing else. sounddevice is imported when a device is first asked for: without the PortAudio
library the import itself fails.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from agentvoice.adapters.call_recording import CallRecording
from agentvoice.adapters.leg_events import LegEvents
from agentvoice.adapters.pauses import FRAME_SAMPLES
from agentvoice.core.audio import CALL_FORMAT, MS_PER_S, AudioChunk
from agentvoice.core.leg import (
    CallerAudio,
    CallStatus,
    CallUpdate,
    LegEvent,
    OutputCleared,
    Played,
    StatusChanged,
)
from agentvoice.core.playout import PlayoutBuffer
from agentvoice.core.ports import Clock
from agentvoice.errors import AudioDeviceError

INSTALL_PORTAUDIO = "sudo apt-get install -y libportaudio2"
DEFAULT_DEVICE = ""

SoundCallback = Callable[[Any, Any, int, Any, Any], None]
"""PortAudio's: input buffer, output buffer, frame count, times, flags."""


class SoundStream(Protocol):
    """A running duplex stream."""

    def close(self) -> None:
        """Stop calling back; waits for a callback that runs."""
        ...


OpenStream = Callable[[SoundCallback], SoundStream]


@dataclass(frozen=True, slots=True)
class SoundDevice:
    """A device as PortAudio names it."""

    name: str
    inputs: int
    outputs: int


def list_devices() -> tuple[SoundDevice, ...]:
    """Return all devices; raises AudioDeviceError when PortAudio is missing or fails."""
    sounddevice = _import_sounddevice()
    try:
        found = sounddevice.query_devices()
    except sounddevice.PortAudioError as error:
        raise explain_device_error(error, DEFAULT_DEVICE, DEFAULT_DEVICE) from error
    return tuple(
        SoundDevice(device["name"], device["max_input_channels"], device["max_output_channels"])
        for device in found
    )


def open_duplex_stream(microphone: str, speaker: str) -> OpenStream:
    """Return an opener of a 24 kHz mono stream on the named devices ("": the system's default).

    The opener starts the stream; it raises AudioDeviceError.
    """

    def open_stream(callback: SoundCallback) -> SoundStream:
        sounddevice = _import_sounddevice()
        try:
            stream = sounddevice.RawStream(
                samplerate=CALL_FORMAT.rate_hz,
                blocksize=FRAME_SAMPLES,
                device=(microphone or None, speaker or None),
                channels=1,
                dtype="int16",
                latency="low",
                callback=callback,
            )
            stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            raise explain_device_error(error, microphone, speaker) from error
        running: SoundStream = stream
        return running

    return open_stream


def explain_missing_portaudio(error: OSError) -> AudioDeviceError:
    """Say how to get the library that sounddevice did not find."""
    return AudioDeviceError(
        f"the PortAudio library is missing ({error}); install it with: {INSTALL_PORTAUDIO}, "
        "or give a WAV file as input"
    )


def explain_device_error(error: Exception, microphone: str, speaker: str) -> AudioDeviceError:
    """Say which devices were asked for, what PortAudio said, and what to try."""
    devices = f"microphone {microphone or 'default'!r}, speaker {speaker or 'default'!r}"
    return AudioDeviceError(
        f"{devices}: {error}; want devices that take {CALL_FORMAT.rate_hz} Hz (`default` and `pulse` convert), "
        "or give a WAV file as input"
    )


def _import_sounddevice() -> Any:
    try:
        import sounddevice
    except OSError as error:
        raise explain_missing_portaudio(error) from error
    return sounddevice


class SoundDeviceLeg:
    """Microphone and speaker as a caller (core.ports.CallerLeg); it never hangs up by itself.

    A microphone that is read too slowly loses its oldest sound (see LegEvents). The clock is read
    in PortAudio's thread too.
    """

    def __init__(
        self,
        open_stream: OpenStream,
        clock: Clock,
        *,
        recording: CallRecording | None = None,
        on_update: Callable[[CallUpdate], None] | None = None,
    ) -> None:
        self._open_stream = open_stream
        self._clock = clock
        self._recording = recording
        self._on_update = on_update
        self._events = LegEvents()
        self._playout = PlayoutBuffer()
        self._lock = threading.Lock()  # the playout is used by PortAudio's thread and the loop's
        self._heard_samples = 0  # played in blocks that are over
        self._stream: SoundStream | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def transport(self) -> str:
        """`device`."""
        return "device"

    async def open(self) -> None:
        """Open the devices; raises AudioDeviceError."""
        self._loop = asyncio.get_running_loop()
        self._stream = await asyncio.to_thread(self._open_stream, self._on_block)

    def events(self) -> AsyncIterator[LegEvent]:
        """Yield the microphone's sound and what was played, until `close`."""
        return self._events

    def play(self, chunk: AudioChunk) -> None:
        """Queue sound for the speaker."""
        with self._lock:
            self._playout.push(chunk.samples, self._now_ms())

    def clear_output(self) -> None:
        """Drop what was not yet given to PortAudio."""
        with self._lock:
            self._playout.clear()
            played_samples = self._playout.played_samples
        self._events.push(OutputCleared(played_samples))

    def show(self, update: CallUpdate) -> None:
        """Follow where answers end, and pass the update on."""
        if isinstance(update, StatusChanged) and update.status is not CallStatus.SPEAKING:
            with self._lock:
                report = self._playout.end_answer()
            if report is not None:
                self._events.push(report)
        if self._on_update is not None:
            self._on_update(update)

    async def close(self) -> None:
        """Stop the devices; `events` ends."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await asyncio.to_thread(stream.close)
        self._events.end()

    def _now_ms(self) -> int:
        return round(self._clock.monotonic_s() * MS_PER_S)

    def _on_block(self, heard: Any, spoken: Any, sample_count: int, times: Any, flags: Any) -> None:
        """Runs in PortAudio's thread."""
        with self._lock:
            before_samples = self._playout.played_samples
            sound = self._playout.take(sample_count, self._now_ms())
        size = sample_count * CALL_FORMAT.sample_bytes
        spoken[:size] = sound.ljust(size, b"\0")
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._block_passed, bytes(heard), sound, before_samples)

    def _block_passed(self, heard: bytes, sound: bytes, played_samples: int) -> None:
        # The block handed over last time has been played by now, this one begins.
        if played_samples > self._heard_samples:
            self._heard_samples = played_samples
            self._events.push(Played(played_samples))
        self._events.push(CallerAudio(AudioChunk(CALL_FORMAT, heard)))
        if self._recording is not None:
            self._recording.append(caller=heard, agent=sound)
