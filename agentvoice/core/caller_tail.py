"""What the caller said that no session has made into words yet.

A session that is lost takes the sound it was given with it. What had become text is replayed as
items; this tail keeps the rest, so that a sentence that began before the loss is whole in the next
session. While the caller is silent only the last second stays: a session tells that speech began
some time after it did.
"""

from __future__ import annotations

from collections import deque

from agentvoice.core.audio import AudioChunk
from agentvoice.core.speech import (
    ItemDone,
    ItemFailed,
    ItemRemoved,
    ResponseEnded,
    ResponseStatus,
    SpeechEvent,
    SpeechStarted,
    TurnCommitted,
)

ONSET_MS = 1_000
"""Sound kept while nobody speaks: the onset of speech that the session has not told of yet."""

TAIL_BOUND_MS = 30_000
"""Sound of speech kept at most; of a longer monologue the newest."""


class CallerTail:
    """The sound that one session was given and owes words for. `bound_ms` 0 keeps nothing."""

    def __init__(self, bound_ms: int = TAIL_BOUND_MS) -> None:
        self.has_manual_turns = False
        """Whether no session says when speech begins: then all since the last turn is kept."""
        self._bound_ms = bound_ms
        self._chunks: deque[AudioChunk] = deque()
        self._ms = 0
        self._is_speaking = False
        self._turn_ref = ""
        self._turn_ms = 0
        """Of the tail, what belongs to the committed turn that waits for its words."""

    @property
    def turn_ref(self) -> str:
        """The committed turn whose words are missing, "" if none."""
        return self._turn_ref

    def appended(self, chunk: AudioChunk) -> None:
        """The session was given this sound."""
        self._chunks.append(chunk)
        self._ms += chunk.duration_ms
        self._trim()

    def told(self, event: SpeechEvent) -> None:
        """Take in what the session tells of the caller's turns and its replies."""
        match event:
            case SpeechStarted():
                self._is_speaking = True
            case TurnCommitted(ref=ref):
                self._is_speaking = False
                self._turn_ref, self._turn_ms = ref, self._ms
            case ItemDone(ref=ref) | ItemFailed(ref=ref) | ItemRemoved(ref=ref) if ref == self._turn_ref:
                self._settle_turn()
            case ResponseEnded(status=ResponseStatus.COMPLETED) if self._turn_ref:
                self._settle_turn()  # it was answered: saying it again would have it answered twice

    def _settle_turn(self) -> None:
        """The turn's words are there, or not wanted any more: its sound is not needed."""
        while self._turn_ms > 0 and self._chunks:
            self._drop_oldest()
        self._turn_ref, self._turn_ms = "", 0

    def _trim(self) -> None:
        is_needed = self._is_speaking or self._turn_ref or self.has_manual_turns
        bound_ms = self._bound_ms if is_needed else min(ONSET_MS, self._bound_ms)
        while self._ms > bound_ms:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        dropped_ms = self._chunks.popleft().duration_ms
        self._ms -= dropped_ms
        self._turn_ms = max(0, self._turn_ms - dropped_ms)

    def take(self) -> tuple[AudioChunk, ...]:
        """Remove and return the sound: its session is gone. Nothing is open after it."""
        chunks = tuple(self._chunks)
        self._chunks.clear()
        self._ms = self._turn_ms = 0
        self._turn_ref, self._is_speaking = "", False
        return chunks
