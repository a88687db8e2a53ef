from __future__ import annotations

import pytest

from agentvoice.core.audio import CALL_FORMAT, FRAME_MS, AudioChunk, AudioFormat


@pytest.mark.parametrize(
    ("format", "bytes_per_s"),
    [
        (AudioFormat.PCM16_24K, 48_000),
        (AudioFormat.PCM16_16K, 32_000),
        (AudioFormat.MULAW_8K, 8_000),
        (AudioFormat.ALAW_8K, 8_000),
    ],
)
def test_ms_right_for_every_format(format: AudioFormat, bytes_per_s: int):
    """Bytes become milliseconds exactly, and milliseconds bytes, in every format."""
    assert format.ms_of(bytes_per_s) == 1_000
    assert format.ms_of(bytes_per_s // 50) == 20
    assert format.bytes_of(20) == bytes_per_s // 50
    assert format.ms_of(bytes_per_s // 50 - 1) == 19


def test_bytes_are_whole_samples():
    """A duration that is no whole number of samples is rounded down to one."""
    assert AudioFormat.PCM16_24K.bytes_of(1) == 48
    assert all(AudioFormat.PCM16_16K.bytes_of(ms) % 2 == 0 for ms in range(50))


def test_a_chunk_knows_its_length():
    """A chunk counts samples and milliseconds from its bytes."""
    chunk = AudioChunk(CALL_FORMAT, b"\0\0" * 480)
    assert chunk.sample_count == 480
    assert chunk.duration_ms == FRAME_MS
