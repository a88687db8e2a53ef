"""What becomes of an agent's own sound in the microphone.

Sound goes by blocks: what was heard, and what was given to the speaker in the same stretch of time.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from agentvoice.core.audio import CALL_FORMAT


class EchoMode(StrEnum):
    """The ways, as the settings name them."""

    GATE = "gate"
    CANCEL = "cancel"
    OFF = "off"


class EchoControl(Protocol):
    """Cleans the caller's sound of the agent's."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing of the caller passes now."""
        ...

    def begin(self, delay_ms: int) -> None:
        """The devices run; sound given out comes in again after `delay_ms`, and the way through the room."""
        ...

    def clean(self, heard: bytes, spoken: bytes) -> bytes:
        """Return what passes of `heard`, as long as it; `spoken` may be shorter, the rest is silence."""
        ...


class FullDuplex:
    """Headphones: no echo, all passes."""

    is_closed = False

    def begin(self, delay_ms: int) -> None:
        """Nothing to know."""

    def clean(self, heard: bytes, spoken: bytes) -> bytes:
        """Return what was heard."""
        return heard


class HalfDuplexGate:
    """While the agent is heard, and for a tail after it, the caller is silence.

    Silence and not nothing: engines judge pauses by the sound that comes. Time is counted in sound.
    """

    def __init__(self, tail_ms: int) -> None:
        self._tail_bytes = CALL_FORMAT.bytes_of(tail_ms)
        self._closed_bytes = 0  # what the gate stays closed for after this block

    @property
    def is_closed(self) -> bool:
        """Whether the caller is silenced now."""
        return self._closed_bytes > 0

    def begin(self, delay_ms: int) -> None:
        """The tail is longer by the way through the devices."""
        self._tail_bytes += CALL_FORMAT.bytes_of(delay_ms)

    def clean(self, heard: bytes, spoken: bytes) -> bytes:
        """Return `heard`, or silence of its length."""
        if spoken:
            self._closed_bytes = self._tail_bytes + len(heard)
        if not self._closed_bytes:
            return heard
        self._closed_bytes = max(0, self._closed_bytes - len(heard))
        return bytes(len(heard))
