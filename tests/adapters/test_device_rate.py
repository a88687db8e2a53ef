"""A device at another rate hears and plays the same call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agentvoice.adapters.device_rate import FILTER_DELAY_MS, RateConverter, block_samples, delay_of
from agentvoice.core.audio import CALL_FORMAT

CALL_HZ = CALL_FORMAT.rate_hz


def tone(rate_hz: int, frequency_hz: float, seconds: float = 1.0) -> np.ndarray:
    """A sine at half of full scale."""
    return 16_000 * np.sin(2 * np.pi * frequency_hz * np.arange(int(rate_hz * seconds)) / rate_hz)


def pitch_and_level(sound: bytes, rate_hz: int) -> tuple[float, float]:
    """The strongest frequency in the middle of a sound, and its level (RMS)."""
    samples = np.frombuffer(sound, "<i2").astype(float)
    middle = samples[len(samples) // 4 : len(samples) * 3 // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    return float(np.argmax(spectrum) * rate_hz / len(middle)), float(np.sqrt(np.mean(middle**2)))


@pytest.mark.parametrize("rate_hz", [48_000, 44_100, 16_000])
def test_both_sides_keep_their_pitch_and_level(rate_hz: int):
    """A tone in the microphone, another one in the speaker, each at the rate of its listener."""
    heard: list[bytes] = []
    played = tone(CALL_HZ, 600).astype("<i2").tobytes()

    def call(block: Any, speaker: Any, count: int, times: Any, flags: Any) -> None:
        assert (len(block), len(speaker), count) == (960, 960, 480)
        at = len(heard) * 960
        heard.append(bytes(block))
        speaker[:] = played[at : at + 960].ljust(960, b"\0")

    converter = RateConverter(call, rate_hz)
    size = block_samples(rate_hz)
    microphone = tone(rate_hz, 400).astype("<i2").tobytes()
    speaker = b""
    for at in range(0, len(microphone), size * 2):
        block = bytearray(size * 2)
        converter(microphone[at : at + size * 2], block, size, None, None)
        speaker += bytes(block)
    assert len(speaker) == len(microphone)  # as much sound goes out as comes in
    assert len(heard) >= 47  # of 50 blocks; the filter holds back 37 ms
    pitch, level = pitch_and_level(b"".join(heard), CALL_HZ)
    assert pitch == pytest.approx(400, abs=3)
    assert level == pytest.approx(16_000 / 2**0.5, rel=0.02)
    pitch, level = pitch_and_level(speaker, rate_hz)
    assert pitch == pytest.approx(600, abs=3)
    assert level == pytest.approx(16_000 / 2**0.5, rel=0.02)


def test_a_block_of_the_call_is_20_ms_at_every_rate():
    """44.1 kHz too has whole samples in it."""
    assert [block_samples(rate) for rate in (24_000, 48_000, 44_100, 16_000)] == [480, 960, 882, 320]


def test_the_delay_counts_the_filters_where_there_are_some():
    """Both queues of the device, and what is held back by conversion."""
    assert delay_of((0.04, 0.06), CALL_HZ) == 100
    assert delay_of((0.04, 0.06), 48_000) == 100 + FILTER_DELAY_MS
