"""The caller leg of this machine's microphone and speaker, through PortAudio.

PortAudio calls back from a thread of its own every 20 ms; the callback moves bytes and wakes the
loop, nothing else.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

from agentvoice.adapters.call_recording import CallRecording
from agentvoice.adapters.device_stream import OpenStream, SoundStream
from agentvoice.adapters.leg_events import LegEvents
from agentvoice.core.audio import CALL_FORMAT, MS_PER_S, AudioChunk
from agentvoice.core.echo import EchoControl
from agentvoice.core.heard import HeardCount
from agentvoice.core.leg import (
    CallerAudio,
    CallStatus,
    CallUpdate,
    LegEvent,
    OutputCleared,
    Played,
    StatusChanged,
)
from agentvoice.core.level import level_db
from agentvoice.core.playout import PlayoutBuffer
from agentvoice.core.ports import Clock
from agentvoice.errors import AudioDeviceError

DEVICE_STOPPED = (
    "the sound device has stopped: it was unplugged, or the sound server ended; plug it in and call again"
)


class SoundDeviceLeg:
    """Microphone and speaker as a caller (core.ports.CallerLeg); it hangs up when told by `press`.

    `on_level` is told with each block the microphone's level, in dB of full scale, and whether it
    reaches the call; it does not when muted, nor while an agent is heard by the gate. A microphone
    that is read too slowly loses its oldest sound (see LegEvents). The clock is read in PortAudio's
    thread too.
    """

    def __init__(
        self,
        open_stream: OpenStream,
        clock: Clock,
        echo: EchoControl,
        *,
        recording: CallRecording | None = None,
        on_update: Callable[[CallUpdate], None] | None = None,
        on_level: Callable[[float, bool], None] | None = None,
    ) -> None:
        self.recording = recording
        """The file that keeps both sides, if any; its creator closes it."""
        self.is_muted = False
        """Whether the call hears silence instead of the microphone."""
        self._echo = echo
        self._open_stream = open_stream
        self._clock = clock
        self._on_update = on_update
        self._on_level = on_level
        self._events = LegEvents()
        self._playout = PlayoutBuffer()
        self._lock = threading.Lock()  # the playout is used by PortAudio's thread and the loop's
        self._heard = HeardCount()  # used by PortAudio's thread alone
        self._told_samples = 0
        self._stream: SoundStream | None = None
        self._is_closed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def transport(self) -> str:
        """`device`."""
        return "device"

    async def open(self) -> None:
        """Open the devices; raises UsageError for a wrong name, or AudioDeviceError."""
        self._loop = asyncio.get_running_loop()
        self._stream = await asyncio.to_thread(self._open_stream, self._on_block, self._on_stopped)
        self._echo.begin(self._stream.delay_ms)

    def press(self, event: LegEvent) -> None:
        """The caller pressed a key that means `event`."""
        self._events.push(event)

    def events(self) -> AsyncIterator[LegEvent]:
        """Yield the microphone's sound and what was played, until `close`."""
        return self._events

    def play(self, chunk: AudioChunk) -> None:
        """Queue sound for the speaker."""
        with self._lock:
            self._playout.push(chunk.samples, self._now_ms())

    def clear_output(self) -> None:
        """Drop what was not yet given to PortAudio; what was given will be heard, and is counted."""
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
        self._is_closed = True
        stream, self._stream = self._stream, None
        if stream is not None:
            await asyncio.to_thread(stream.close)
        self._events.end()

    def _now_ms(self) -> int:
        return round(self._clock.monotonic_s() * MS_PER_S)

    def _on_block(self, heard: bytes, spoken: bytearray, ahead_samples: int) -> None:
        """Runs in PortAudio's thread."""
        sample_count = len(spoken) // CALL_FORMAT.sample_bytes
        with self._lock:
            sound = self._playout.take(sample_count, self._now_ms())
        spoken[: len(sound)] = sound
        heard_samples = self._heard.give(sample_count, len(sound) // CALL_FORMAT.sample_bytes, ahead_samples)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._block_passed, heard, sound, heard_samples)

    def _on_stopped(self) -> None:
        """Runs in PortAudio's thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._device_stopped)

    def _device_stopped(self) -> None:
        if not self._is_closed:
            self._events.end(AudioDeviceError(DEVICE_STOPPED))

    def _block_passed(self, heard: bytes, sound: bytes, heard_samples: int) -> None:
        if heard_samples > self._told_samples:
            self._told_samples = heard_samples
            self._events.push(Played(heard_samples))
        level = level_db(heard)
        heard = self._echo.clean(heard, sound)  # when muted too: a filter goes on learning
        is_silenced = self.is_muted or self._echo.is_closed
        if self.is_muted:
            heard = bytes(len(heard))
        if self._on_level is not None:
            self._on_level(level, not is_silenced)
        self._events.push(CallerAudio(AudioChunk(CALL_FORMAT, heard)))
        if self.recording is not None:
            self.recording.append(caller=heard, agent=sound)
