"""The bounded queue between a caller leg and its call."""

from __future__ import annotations

import asyncio
from collections import deque

from agentvoice.core.audio import FRAME_MS
from agentvoice.core.leg import CallerAudio, CallerAudioDropped, LegEvent

MAX_AUDIO_FRAMES = 2_000 // FRAME_MS
"""Caller audio that waits for the call: 2 s; beyond it the oldest is dropped and counted."""


class LegEvents:
    """Events in order, for one reader. Only audio is bounded: all other events are few.

    A file waits for room (`put`): nothing of it is lost. A live device cannot wait (`push`): the
    oldest audio is dropped, and the reader is told (CallerAudioDropped) before what comes after it.
    """

    def __init__(self, max_audio_frames: int = MAX_AUDIO_FRAMES) -> None:
        self._dropped_ms = 0  # not told yet
        self._max_audio_frames = max_audio_frames
        self._events: deque[LegEvent] = deque()
        self._audio_frames = 0
        self._changed = asyncio.Event()
        self._has_ended = False
        self._error: BaseException | None = None

    def push(self, event: LegEvent) -> None:
        """Add an event at once; beyond the bound the oldest audio goes."""
        if self._has_ended:
            return
        if isinstance(event, CallerAudio):
            if self._audio_frames >= self._max_audio_frames:
                self._drop_oldest_audio()
            self._audio_frames += 1
        self._events.append(event)
        self._changed.set()

    async def put(self, event: LegEvent) -> None:
        """Add an event as soon as there is room."""
        while self._audio_frames >= self._max_audio_frames and not self._has_ended:
            self._changed.clear()
            await self._changed.wait()
        self.push(event)

    def end(self, error: BaseException | None = None) -> None:
        """No more events come; the reader gets what is queued, then `error` or the end."""
        self._has_ended = True
        self._error = self._error or error
        self._changed.set()

    def __aiter__(self) -> LegEvents:
        return self

    async def __anext__(self) -> LegEvent:
        while not self._events:
            if self._error is not None:
                raise self._error
            if self._has_ended:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        if self._dropped_ms:
            dropped_ms, self._dropped_ms = self._dropped_ms, 0
            return CallerAudioDropped(dropped_ms)
        event = self._events.popleft()
        if isinstance(event, CallerAudio):
            self._audio_frames -= 1
            self._changed.set()
        return event

    def _drop_oldest_audio(self) -> None:
        oldest = next(event for event in self._events if isinstance(event, CallerAudio))
        self._events.remove(oldest)
        self._audio_frames -= 1
        self._dropped_ms += oldest.chunk.duration_ms
