"""The two bounded queues of a session: the caller's sound in, events out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator

from agentvoice.core.audio import AudioChunk
from agentvoice.core.speech import ClearInput, CommitInput, SessionLost, SpeechEvent

MAX_INPUT_MS = 10_000
"""Sound that waits to be heard; beyond it the oldest is dropped and counted. A call that comes back
from a gap gives this much at once."""

PIECE_MS = 100
"""Sound is heard in pieces of this length; between them the loop's other tasks go on."""

ROOMY_EVENTS = 256
"""A reply waits with more sound while this many events are unread."""
MAX_EVENTS = 4_096
"""Nobody reads any more: the session is lost."""

Input = AudioChunk | CommitInput | ClearInput


class Inbox:
    """Sound and the commands that belong between two pieces of it."""

    def __init__(self) -> None:
        self.dropped_ms = 0
        """Sound that was dropped since the session began."""
        self._queue: deque[Input] = deque()
        self._queued_ms = 0
        self._fresh_dropped_ms = 0
        self._filled = asyncio.Event()

    def put(self, command: Input) -> None:
        """Queue; never waits. Too much sound drops the oldest; a second commit in a row is one."""
        match command:
            case AudioChunk():
                for piece in _pieces(command):
                    self._queue.append(piece)
                    self._queued_ms += piece.duration_ms
                self._drop_oldest()
            case ClearInput():
                self._queue.clear()  # what was to be forgotten need not be heard first
                self._queued_ms = 0
                self._queue.append(command)
            case CommitInput() if not (self._queue and isinstance(self._queue[-1], CommitInput)):
                self._queue.append(command)
        self._filled.set()

    def _drop_oldest(self) -> None:
        while self._queued_ms > MAX_INPUT_MS:
            at = next(at for at, item in enumerate(self._queue) if isinstance(item, AudioChunk))
            oldest = self._queue[at]
            assert isinstance(oldest, AudioChunk)  # found as such
            del self._queue[at]
            self._queued_ms -= oldest.duration_ms
            self._fresh_dropped_ms += oldest.duration_ms
            self.dropped_ms += oldest.duration_ms

    def take_dropped_ms(self) -> int:
        """Return what was dropped since the last call."""
        dropped, self._fresh_dropped_ms = self._fresh_dropped_ms, 0
        return dropped

    async def take(self) -> Input:
        """Return the next in line; wait for it."""
        while not self._queue:
            self._filled.clear()
            await self._filled.wait()
        item = self._queue.popleft()
        if isinstance(item, AudioChunk):
            self._queued_ms -= item.duration_ms
        return item


class Outbox:
    """Events that wait to be read."""

    def __init__(self) -> None:
        self._queue: deque[SpeechEvent] = deque()
        self._changed = asyncio.Event()
        self._roomy = asyncio.Event()
        self._roomy.set()
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will be told."""
        return self._is_closed

    def put(self, event: SpeechEvent) -> None:
        """Tell something; never waits. When nobody reads, the session is lost; after close nothing is told."""
        if self._is_closed:
            return
        self._queue.append(event)
        if len(self._queue) >= MAX_EVENTS:
            self._queue.clear()
            self._queue.append(SessionLost(f"{MAX_EVENTS} events were not read"))
            self._is_closed = True
        if len(self._queue) >= ROOMY_EVENTS:
            self._roomy.clear()
        self._changed.set()

    def end(self, lost: SessionLost) -> None:
        """Tell that the session is lost; it is the last event."""
        self.put(lost)
        self._is_closed = True

    async def room(self) -> None:
        """Wait until the reader has caught up."""
        await self._roomy.wait()

    async def take(self) -> SpeechEvent | None:
        """Return the next event; None when there will be none."""
        while not self._queue:
            if self._is_closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        event = self._queue.popleft()
        if len(self._queue) < ROOMY_EVENTS:
            self._roomy.set()
        return event

    def close(self) -> None:
        """Drop what was not read; the reader gets the end."""
        self._is_closed = True
        self._queue.clear()
        self._roomy.set()
        self._changed.set()


def _pieces(chunk: AudioChunk) -> Iterator[AudioChunk]:
    size = chunk.format.bytes_of(PIECE_MS)
    for begin in range(0, len(chunk.samples), size):
        yield AudioChunk(chunk.format, chunk.samples[begin : begin + size])
