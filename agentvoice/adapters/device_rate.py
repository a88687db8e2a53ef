"""A device at a rate of its own: its blocks become blocks of the call, both ways.

Each side keeps a filter (adapters.resample) and what does not fill a block yet. The microphone sets
the pace: as often as it has a block of the call together, the speaker's next one is asked for. At
the call's own rate the filters are none, and each block is one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agentvoice.adapters.pauses import FRAME_SAMPLES
from agentvoice.adapters.resample import StreamResampler
from agentvoice.core.audio import CALL_FORMAT, MS_PER_S

BlockCallback = Callable[[bytes, bytearray, int], None]
"""The call's: a block of the microphone, one to fill for the speaker, and how many samples of the call
leave the loudspeaker before the first of that one does."""

_CALL_HZ = CALL_FORMAT.rate_hz
_SAMPLE_BYTES = CALL_FORMAT.sample_bytes
_BLOCK_BYTES = FRAME_SAMPLES * _SAMPLE_BYTES
FILL_MS = 80
"""Silence before the speaker's first sound. Each filter holds back up to 38 ms, now more, now less: with
less in stock there would be gaps in the sound. So it is also how long both delay what goes through them."""

MAX_OUTPUT_DELAY_S = 2.0
"""Above what any device buffers, wireless ones too: who reports more than that does not know."""


def block_samples(rate_hz: int) -> int:
    """Return how many samples a block of the call has at `rate_hz`."""
    return FRAME_SAMPLES * rate_hz // _CALL_HZ


class RateConverter:
    """PortAudio's callback for a device at `rate_hz`, around one that wants blocks of the call.

    Called in PortAudio's thread only.
    """

    def __init__(self, callback: BlockCallback, rate_hz: int) -> None:
        self.usual_output_delay_s = 0.0
        """From a callback to the loudspeaker, where the callback's own times do not tell."""
        self._callback = callback
        self._rate_hz = rate_hz
        self._from_device = StreamResampler(rate_hz, _CALL_HZ)
        self._to_device = StreamResampler(_CALL_HZ, rate_hz)
        fill_samples = 0 if rate_hz == _CALL_HZ else rate_hz * FILL_MS // MS_PER_S
        self._heard = b""
        self._spoken = bytes(fill_samples * _SAMPLE_BYTES)
        self._asked_samples = 0  # of the call
        self._given_samples = -fill_samples  # of the device

    def __call__(self, heard: Any, spoken: Any, sample_count: int, times: Any, flags: Any) -> None:
        """Take a block of the device and fill one."""
        left_samples = self._samples_left_speaker(times)
        self._heard += self._from_device.push(bytes(heard))
        while len(self._heard) >= _BLOCK_BYTES:
            block, self._heard = self._heard[:_BLOCK_BYTES], self._heard[_BLOCK_BYTES:]
            answer = bytearray(_BLOCK_BYTES)
            self._callback(block, answer, self._asked_samples - left_samples)
            self._asked_samples += FRAME_SAMPLES
            self._spoken += self._to_device.push(bytes(answer))
        size = sample_count * _SAMPLE_BYTES
        ready, self._spoken = self._spoken[:size], self._spoken[size:]
        spoken[:size] = ready.rjust(size, b"\0")  # short at unusual rates alone
        self._given_samples += len(ready) // _SAMPLE_BYTES

    def _samples_left_speaker(self, times: Any) -> int:
        """Of the call; the filters delay nothing but hold back, so a place is the same at both rates."""
        delay_s: float = times.outputBufferDacTime - times.currentTime
        if not 0 < delay_s <= MAX_OUTPUT_DELAY_S:  # some systems tell no times
            delay_s = self.usual_output_delay_s
        return round((self._given_samples / self._rate_hz - delay_s) * _CALL_HZ)


def delay_of(latency_s: tuple[float, float], rate_hz: int) -> int:
    """Return the ms from a block given out until its echo can come in: both queues and the filters."""
    own_ms = 0 if rate_hz == _CALL_HZ else FILL_MS
    return round(sum(latency_s) * MS_PER_S) + own_ms
