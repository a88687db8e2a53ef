"""Audio as it travels between caller legs and engines.

Every engine and leg today speaks 24 kHz mono PCM16 (little endian). The format travels with
the samples so that mu-law at 8 kHz can pass through untouched later.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

MS_PER_S = 1000


class AudioFormat(Enum):
    """Sample encodings: (name, sample rate in Hz, bytes per sample)."""

    PCM16_24K = ("pcm16", 24_000, 2)
    PCM16_16K = ("pcm16", 16_000, 2)
    MULAW_8K = ("mulaw", 8_000, 1)
    ALAW_8K = ("alaw", 8_000, 1)

    @property
    def rate_hz(self) -> int:
        """Samples per second."""
        return self.value[1]

    @property
    def sample_bytes(self) -> int:
        """Bytes per (mono) sample."""
        return self.value[2]

    def ms_of(self, size_bytes: int) -> int:
        """Whole milliseconds of sound in `size_bytes` bytes, rounded down."""
        return size_bytes * MS_PER_S // (self.rate_hz * self.sample_bytes)

    def bytes_of(self, duration_ms: int) -> int:
        """Bytes of `duration_ms` milliseconds of sound, whole samples only."""
        return duration_ms * self.rate_hz // MS_PER_S * self.sample_bytes


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """A piece of mono sound: `samples` is raw bytes in `format`."""

    format: AudioFormat
    samples: bytes

    @property
    def sample_count(self) -> int:
        """Number of samples in the chunk."""
        return len(self.samples) // self.format.sample_bytes

    @property
    def duration_ms(self) -> int:
        """Whole milliseconds of sound, rounded down."""
        return self.format.ms_of(len(self.samples))


CALL_FORMAT = AudioFormat.PCM16_24K
"""The format of every caller leg and engine."""

FRAME_MS = 20
"""Length of the frames that caller legs send: the size telephony and WebRTC use."""
