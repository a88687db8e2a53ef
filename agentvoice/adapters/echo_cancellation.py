"""Echo cancellation of WebRTC's audio processing, by the package livekit (extra `aec`).

It is asked for 10 ms at a time. Its filter needs a second or so of the agent's speech to learn the
room; until then a little echo may pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentvoice.core.audio import CALL_FORMAT
from agentvoice.errors import AudioDeviceError

if TYPE_CHECKING:
    from livekit.rtc import AudioFrame

FRAME_MS = 10
"""What WebRTC's audio processing takes at once."""
MAX_DELAY_MS = 500
"""Longer delays are refused by it; its own estimate does the rest."""

_FRAME_BYTES = CALL_FORMAT.bytes_of(FRAME_MS)


class EchoCanceller:
    """Takes the agent's sound out of the microphone's (core.echo.EchoControl); the caller may interrupt."""

    is_closed = False

    def __init__(self) -> None:
        """Load the library; raises AudioDeviceError where it is not installed."""
        try:
            from livekit.rtc import AudioFrame, AudioProcessingModule
        except ImportError as error:
            raise AudioDeviceError(
                "sound.echo: got cancel, but the package livekit is missing;"
                " install it (pip install 'agentvoice[aec]') or set gate or off"
            ) from error
        self._frame_type = AudioFrame
        self._processing = AudioProcessingModule(echo_cancellation=True, high_pass_filter=True)

    def begin(self, delay_ms: int) -> None:
        """Tell the filter where to look for the echo."""
        self._processing.set_stream_delay_ms(min(delay_ms, MAX_DELAY_MS))

    def clean(self, heard: bytes, spoken: bytes) -> bytes:
        """Return `heard` without the echo of what was spoken; whole frames of 10 ms only."""
        spoken = spoken.ljust(len(heard), b"\0")
        cleaned = bytearray()
        for start in range(0, len(heard), _FRAME_BYTES):
            frame = slice(start, start + _FRAME_BYTES)
            self._processing.process_reverse_stream(self._frame(spoken[frame]))
            captured = self._frame(heard[frame])
            self._processing.process_stream(captured)
            cleaned += captured.data.cast("b")
        return bytes(cleaned)

    def _frame(self, samples: bytes) -> AudioFrame:
        count = len(samples) // CALL_FORMAT.sample_bytes
        return self._frame_type(samples, CALL_FORMAT.rate_hz, 1, count)
