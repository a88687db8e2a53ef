"""The caller leg of a recorded file: it speaks the file, waits for replies, and hears them.

Time is cut into frames of 20 ms. At each tick the frame that has passed is sent, what was played
in it is reported, and the sound for the next frame is taken from the playout buffer: as a sound
device with blocks of one frame would do it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from enum import StrEnum

from agentvoice.adapters.call_recording import CallRecording
from agentvoice.adapters.leg_events import LegEvents
from agentvoice.adapters.pauses import FRAME_SAMPLES
from agentvoice.adapters.reply_watch import GREETING_SETTLE_S, REPLY_SETTLE_S, ReplyWatch
from agentvoice.adapters.wav_input import WavInput
from agentvoice.core.audio import CALL_FORMAT, FRAME_MS, MS_PER_S, AudioChunk
from agentvoice.core.leg import (
    CallerAudio,
    CallStatus,
    CallUpdate,
    HungUp,
    LegEvent,
    OutputCleared,
    Played,
    StatusChanged,
    TurnEnded,
)
from agentvoice.core.playout import PlayoutBuffer
from agentvoice.core.ports import Clock

FRAME_S = FRAME_MS / MS_PER_S
END_POINTING_MS = 1_500
"""Silence that a fast file sends after speech, so that the engine can find the end of the turn."""
MAX_LATE_S = 0.2
"""A leg that is later than this (the process stood still) goes on from now instead of rushing."""

_FRAME_BYTES = FRAME_SAMPLES * CALL_FORMAT.sample_bytes
_SILENCE = bytes(_FRAME_BYTES)


class Pace(StrEnum):
    """How the file follows the call.

    `turns`: real time; waits for the greeting, and after each pause for the reply. `realtime`:
    straight through, over whatever the agent says. `fast`: turns without sleeping between frames;
    replies count as played when they arrive.
    """

    TURNS = "turns"
    REALTIME = "realtime"
    FAST = "fast"


class WavLeg:
    """A file that calls (core.ports.CallerLeg).

    After the file it waits for the last reply, then hangs up. `recording` gets both sides as they
    were heard; `on_update` gets what the call shows. The creator of the recording closes it.
    """

    def __init__(
        self,
        wav: WavInput,
        clock: Clock,
        *,
        pace: Pace = Pace.TURNS,
        reply_timeout_s: float = 15.0,
        recording: CallRecording | None = None,
        on_update: Callable[[CallUpdate], None] | None = None,
    ) -> None:
        self._wav = wav
        self._clock = clock
        self._pace = pace
        self._recording = recording
        self._on_update = on_update
        self._events = LegEvents()
        self._watch = ReplyWatch(clock, reply_timeout_s)
        self._playout = PlayoutBuffer()
        self._in_flight = b""  # what is being played in the frame that passes now
        self._next_tick_s = 0.0
        self._has_turn = False  # speech since the last turn's end
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def transport(self) -> str:
        """`wav`."""
        return "wav"

    def events(self) -> AsyncIterator[LegEvent]:
        """Start the file; yield what it says and what was played, and HungUp at its end."""
        if self._task is None and not self._is_closed:
            self._task = asyncio.create_task(self._run())
        return self._events

    def play(self, chunk: AudioChunk) -> None:
        """Queue sound of the agent; a fast file has heard it at once."""
        if self._is_closed:
            return
        self._playout.push(chunk.samples, self._now_ms())
        self._watch.reply_heard()  # it will be, when it has waited in the buffer
        if self._pace is Pace.FAST:
            self._record(agent=self._playout.take_all())
            self._report_played()

    def clear_output(self) -> None:
        """Drop what is not played; the frame that is being played counts as played."""
        self._playout.clear()
        self._events.push(OutputCleared(self._playout.played_samples))

    def show(self, update: CallUpdate) -> None:
        """Follow the call's status, and pass the update on."""
        if isinstance(update, StatusChanged):
            self._watch.show_status(update.status)
            if update.status is not CallStatus.SPEAKING:
                self._end_answer()
        if self._on_update is not None:
            self._on_update(update)

    async def close(self) -> None:
        """Stop speaking and hearing; `events` ends."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
            self._task = None
            self._record(agent=self._in_flight)
            self._in_flight = b""
        self._events.end()

    async def _run(self) -> None:
        try:
            await self._speak_file()
            self._events.push(HungUp())
            self._events.end()
        except Exception as error:  # the reader of the events is who can tell the call
            self._events.end(error)

    async def _speak_file(self) -> None:
        speech = self._wav.speech
        self._next_tick_s = self._clock.monotonic_s()
        if self._pace is not Pace.REALTIME:
            await self._wait(GREETING_SETTLE_S)
        for number, frame in enumerate(self._frames()):
            if speech.is_speech[number]:
                self._watch.caller_spoke()
                self._has_turn = True
            await self._send(frame)
            if number in speech.pauses:
                self._end_turn()
                if self._pace is not Pace.REALTIME:
                    await self._wait(REPLY_SETTLE_S)
            if self._watch.has_ended:
                return
        self._end_turn()
        await self._wait(REPLY_SETTLE_S)

    def _end_turn(self) -> None:
        """A pause ends the turn, for sessions that leave it to the caller."""
        if self._has_turn:
            self._has_turn = False
            self._events.push(TurnEnded())

    def _frames(self) -> Iterator[bytes]:
        for start in range(0, len(self._wav.samples), _FRAME_BYTES):
            yield self._wav.samples[start : start + _FRAME_BYTES].ljust(_FRAME_BYTES, b"\0")

    async def _wait(self, settle_s: float) -> None:
        """Wait for the agent, in silence as a caller does."""
        if self._pace is Pace.FAST:
            if self._watch.is_owed:
                for _ in range(END_POINTING_MS // FRAME_MS):
                    await self._send(_SILENCE)
            await self._watch.wait(settle_s)
            return
        self._watch.begin_wait()
        while not self._watch.is_over(settle_s):
            await self._send(_SILENCE)

    async def _send(self, frame: bytes) -> None:
        if self._pace is not Pace.FAST:
            await self._tick()
            if self._in_flight:
                self._report_played()
        self._record(caller=frame, agent=self._in_flight)
        self._in_flight = (
            b"" if self._pace is Pace.FAST else self._playout.take(FRAME_SAMPLES, self._now_ms())
        )
        await self._events.put(CallerAudio(AudioChunk(CALL_FORMAT, frame)))

    async def _tick(self) -> None:
        self._next_tick_s += FRAME_S
        now_s = self._clock.monotonic_s()
        if now_s - self._next_tick_s > MAX_LATE_S:
            self._next_tick_s = now_s
        await self._clock.sleep_until(self._next_tick_s)

    def _end_answer(self) -> None:
        report = self._playout.end_answer()
        if report is not None:
            self._events.push(report)

    def _now_ms(self) -> int:
        return round(self._clock.monotonic_s() * MS_PER_S)

    def _report_played(self) -> None:
        self._watch.reply_heard()
        self._events.push(Played(self._playout.played_samples))

    def _record(self, caller: bytes = b"", agent: bytes = b"") -> None:
        if self._recording is not None:
            self._recording.append(caller=caller, agent=agent)
