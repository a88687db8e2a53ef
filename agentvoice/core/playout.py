"""The one buffer between sound that arrives and the ear: every leg that plays sound holds one.

The first sound of an answer waits for the depth (core.jitter) from its arrival on; at the pace of
speech so much is buffered then. It is counted in time, not in buffered sound: one large piece says
nothing about when the next one comes. If the sound runs dry in the middle of an answer, silence is
played, and what comes then waits for the rest of the depth. Nothing is ever dropped but by `clear`.
"""

from __future__ import annotations

from collections import deque

from agentvoice.core.audio import CALL_FORMAT, FRAME_MS, MS_PER_S
from agentvoice.core.jitter import DepthRule, JitterDepth
from agentvoice.core.leg import PlayoutReported

_SAMPLE_BYTES = CALL_FORMAT.sample_bytes
_BYTES_PER_MS = CALL_FORMAT.rate_hz * _SAMPLE_BYTES / MS_PER_S


class PlayoutBuffer:
    """A queue of samples in CALL_FORMAT. It counts what was taken out to be played, never silence.

    Times are milliseconds of any clock that never goes back. `block_ms` is how much is taken at
    once: the end of a block is needed when its beginning is, so the wait is longer by one block.
    """

    def __init__(self, rule: DepthRule | None = None, block_ms: int = FRAME_MS) -> None:
        self.played_samples = 0
        """Samples taken since the call began."""
        self._rule = rule or JitterDepth()
        self._block_ms = block_ms
        self._chunks: deque[bytes] = deque()
        self._offset = 0  # bytes of the first chunk that are already taken
        self._starts_at_ms = 0.0  # before this nothing is given out
        self._is_dry = True
        self._is_answer_over = True
        self._has_played = False  # in the answer that is not reported yet
        self._underruns = 0  # in it

    def push(self, samples: bytes, now_ms: float) -> None:
        """Queue sound that arrives now; nothing is ever dropped."""
        if not samples:
            return
        self._chunks.append(samples)
        if self._is_dry and self._is_answer_over:
            self._rule.begin_answer()
        elif self._is_dry:
            self._underruns += 1
        self._rule.arrived(now_ms, len(samples) / _BYTES_PER_MS)
        if self._is_dry:
            self._starts_at_ms = now_ms + self._rule.wait_ms + self._block_ms
        self._is_dry = self._is_answer_over = False

    def take(self, sample_count: int, now_ms: float) -> bytes:
        """Return what is to be played next, at most `sample_count` samples; the rest is silence."""
        if now_ms < self._starts_at_ms:
            return b""
        taken = self._take(sample_count)
        self._has_played = self._has_played or bool(taken)
        if len(taken) < sample_count * _SAMPLE_BYTES:
            self._is_dry = True
        return taken

    def take_all(self) -> bytes:
        """Return all the sound that waits, for who hears it at once."""
        self._is_dry = True
        return self._take(sum(map(len, self._chunks)))

    def clear(self) -> None:
        """Drop what was not taken; what comes next begins an answer."""
        self._chunks.clear()
        self._offset = 0
        self._is_dry = self._is_answer_over = True

    def end_answer(self) -> PlayoutReported | None:
        """The call does something else than speaking; report on the answer if some of it was played."""
        self._is_answer_over = True
        if not self._has_played:
            return None
        report = PlayoutReported(self._rule.depth_ms, self._underruns)
        self._has_played = False
        self._underruns = 0
        return report

    def _take(self, sample_count: int) -> bytes:
        wanted = sample_count * _SAMPLE_BYTES
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
        self.played_samples += len(taken) // _SAMPLE_BYTES
        return taken
