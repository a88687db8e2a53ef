"""A device at a rate of its own: its blocks become blocks of the call, both ways.

Each side keeps a filter (adapters.resample) and what does not fill a block yet. The microphone sets
the pace: as often as it has a block of the call together, the speaker's next one is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agentvoice.adapters.pauses import FRAME_SAMPLES
from agentvoice.adapters.resample import StreamResampler
from agentvoice.core.audio import CALL_FORMAT, MS_PER_S

SoundCallback = Callable[[Any, Any, int, Any, Any], None]
"""PortAudio's: input buffer, output buffer, frame count, times, flags."""

_SAMPLE_BYTES = CALL_FORMAT.sample_bytes
_BLOCK_BYTES = FRAME_SAMPLES * _SAMPLE_BYTES
FILTER_DELAY_MS = 2 * 37
"""What the two filters hold back (adapters.resample)."""


def block_samples(rate_hz: int) -> int:
    """Return how many samples a block of the call has at `rate_hz`."""
    return FRAME_SAMPLES * rate_hz // CALL_FORMAT.rate_hz


class RateConverter:
    """A callback for a device at `rate_hz` around one that wants blocks of the call.

    Called in PortAudio's thread only.
    """

    def __init__(self, callback: SoundCallback, rate_hz: int) -> None:
        self._callback = callback
        self._from_device = StreamResampler(rate_hz, CALL_FORMAT.rate_hz)
        self._to_device = StreamResampler(CALL_FORMAT.rate_hz, rate_hz)
        self._heard = b""
        self._spoken = b""

    def __call__(self, heard: Any, spoken: Any, sample_count: int, times: Any, flags: Any) -> None:
        """Take a block of the device and fill one."""
        self._heard += self._from_device.push(bytes(heard))
        while len(self._heard) >= _BLOCK_BYTES:
            block, self._heard = self._heard[:_BLOCK_BYTES], self._heard[_BLOCK_BYTES:]
            answer = bytearray(_BLOCK_BYTES)
            self._callback(block, answer, FRAME_SAMPLES, times, flags)
            self._spoken += self._to_device.push(bytes(answer))
        size = sample_count * _SAMPLE_BYTES
        ready, self._spoken = self._spoken[:size], self._spoken[size:]
        spoken[:size] = ready.rjust(size, b"\0")  # short while the filters fill: the silence comes first


def delay_of(latency_s: tuple[float, float], rate_hz: int) -> int:
    """Return the ms from a block given out until its echo can come in: both queues and the filters."""
    own_ms = 0 if rate_hz == CALL_FORMAT.rate_hz else FILTER_DELAY_MS
    return round(sum(latency_s) * MS_PER_S) + own_ms
