"""Sound of the agent that waits to be played by a leg."""

from __future__ import annotations

from collections import deque


class Playout:
    """A queue of PCM16 samples; it counts what was taken out to be played, never silence."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._offset = 0  # bytes of the first chunk that are already taken
        self.played_samples = 0
        """Samples taken since the call began."""

    def push(self, samples: bytes) -> None:
        """Queue sound; nothing is ever dropped."""
        if samples:
            self._chunks.append(samples)

    def take(self, sample_count: int) -> bytes:
        """Return the next sound, at most `sample_count` samples of it."""
        wanted = sample_count * 2
        parts: list[bytes] = []
        while wanted and self._chunks:
            part = self._chunks[0][self._offset : self._offset + wanted]
            parts.append(part)
            wanted -= len(part)
            self._offset += len(part)
            if self._offset == len(self._chunks[0]):
                self._chunks.popleft()
                self._offset = 0
        taken = b"".join(parts)
        self.played_samples += len(taken) // 2
        return taken

    def take_all(self) -> bytes:
        """Return all the sound that waits."""
        return self.take(sum(map(len, self._chunks)))

    def clear(self) -> None:
        """Drop what was not taken."""
        self._chunks.clear()
        self._offset = 0
