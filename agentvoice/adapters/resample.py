"""Change the sample rate of sound as it streams, without clicks at the borders of the pieces."""

from __future__ import annotations

import numpy as np
import soxr

SAMPLE_BYTES = 2
FULL_SCALE = 32_767

QUALITY = "HQ"
"""Of libsoxr's qualities only QQ and HQ may be used live: MQ and VHQ hold back twice as much sound.
HQ holds back about 37 ms at 24 kHz; QQ holds back nothing, but lets aliases through."""


class StreamResampler:
    """Resamples one stream of mono PCM16 (little endian) from `from_hz` to `to_hz`.

    It keeps its filter's state between pieces, so each stream needs its own; pieces may be of any
    size, even ending inside a sample. After `flush` it begins a new stream.
    """

    def __init__(self, from_hz: float, to_hz: float) -> None:
        self._from_hz = from_hz
        self._to_hz = to_hz
        self._half_sample = b""
        self._stream = self._new_stream()

    def _new_stream(self) -> soxr.ResampleStream | None:
        if self._from_hz == self._to_hz:
            return None
        return soxr.ResampleStream(self._from_hz, self._to_hz, 1, dtype="float32", quality=QUALITY)

    def push(self, pcm16: bytes) -> bytes:
        """Return the sound that is ready after this piece; some of it is held back."""
        pcm16 = self._half_sample + pcm16
        whole = len(pcm16) - len(pcm16) % SAMPLE_BYTES
        self._half_sample = pcm16[whole:]
        return self._resample(pcm16[:whole], is_last=False)

    def flush(self) -> bytes:
        """Return what was held back, and begin a new stream; half a sample at the end is dropped."""
        rest = self._resample(b"", is_last=True)
        self._half_sample = b""
        self._stream = self._new_stream()
        return rest

    def _resample(self, pcm16: bytes, *, is_last: bool) -> bytes:
        if self._stream is None:
            return pcm16
        # As float: for 16 bit output libsoxr dithers, and silence would not stay silent.
        samples = np.frombuffer(pcm16, dtype="<i2").astype(np.float32)
        resampled = self._stream.resample_chunk(samples, last=is_last)
        pcm16_out: bytes = np.clip(np.rint(resampled), -FULL_SCALE, FULL_SCALE).astype("<i2").tobytes()
        return pcm16_out
