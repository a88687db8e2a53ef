"""What waits to be sent: commands in order, and the caller's sound between them, bounded.

A slow connection must not make the provider hear the caller seconds late: sound beyond the limit
is dropped, oldest first, and counted. Commands are never dropped; so many of them unsent means
that nobody reads at the other end.
"""

from __future__ import annotations

from collections import deque

from agentvoice.core.audio import AudioChunk

MAX_COMMANDS = 1_000


class SendQueue:
    """Frames and sound, first in first out; `max_audio_ms` is the sound that may wait."""

    def __init__(self, max_audio_ms: int) -> None:
        self.dropped_audio_ms = 0
        self._max_audio_ms = max_audio_ms
        self._entries: deque[str | AudioChunk] = deque()
        self._audio_ms = 0
        self._commands = 0

    @property
    def is_stalled(self) -> bool:
        """Whether so many commands wait that the connection must be dead."""
        return self._commands > MAX_COMMANDS

    def put_command(self, frame: str) -> None:
        """Add a frame."""
        self._entries.append(frame)
        self._commands += 1

    def put_audio(self, chunk: AudioChunk) -> None:
        """Add sound; drops the oldest beyond the limit, but never the chunk just added."""
        self._entries.append(chunk)
        self._audio_ms += chunk.duration_ms
        while self._audio_ms > self._max_audio_ms and self._audio_ms > chunk.duration_ms:
            self._drop_oldest_audio()

    def _drop_oldest_audio(self) -> None:
        index, chunk = next(
            (index, entry) for index, entry in enumerate(self._entries) if isinstance(entry, AudioChunk)
        )
        del self._entries[index]
        self._audio_ms -= chunk.duration_ms
        self.dropped_audio_ms += chunk.duration_ms

    def take(self) -> str | AudioChunk | None:
        """Remove and return what is sent next, None when nothing waits."""
        if not self._entries:
            return None
        entry = self._entries.popleft()
        if isinstance(entry, AudioChunk):
            self._audio_ms -= entry.duration_ms
        else:
            self._commands -= 1
        return entry

    def clear(self) -> None:
        """Forget everything that waits."""
        self._entries.clear()
        self._audio_ms = self._commands = 0
