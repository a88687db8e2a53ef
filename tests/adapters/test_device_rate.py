"""A device at another rate hears and plays the same call."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from agentvoice.adapters.device_rate import FILL_MS, RateConverter, block_samples, delay_of
from agentvoice.adapters.resample import StreamResampler
from agentvoice.core.audio import CALL_FORMAT

CALL_HZ = CALL_FORMAT.rate_hz
UNKNOWN = SimpleNamespace(currentTime=0.0, outputBufferDacTime=0.0)
"""The times of a system that tells none."""


def tone(rate_hz: int, frequency_hz: float, seconds: float = 1.0) -> np.ndarray:
    """A sine at half of full scale."""
    return 16_000 * np.sin(2 * np.pi * frequency_hz * np.arange(int(rate_hz * seconds)) / rate_hz)


def pitch_and_level(sound: bytes, rate_hz: int) -> tuple[float, float]:
    """The strongest frequency in the middle of a sound, and its level (RMS)."""
    samples = np.frombuffer(sound, "<i2").astype(float)
    middle = samples[len(samples) // 4 : len(samples) * 3 // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    return float(np.argmax(spectrum) * rate_hz / len(middle)), float(np.sqrt(np.mean(middle**2)))


@pytest.mark.parametrize("rate_hz", [48_000, 44_100, 24_000, 16_000])
def test_both_sides_keep_their_pitch_and_level(rate_hz: int):
    """A tone in the microphone, another one in the speaker, each at the rate of its listener."""
    heard: list[bytes] = []
    played = tone(CALL_HZ, 600).astype("<i2").tobytes()

    def call(block: bytes, speaker: bytearray, ahead_samples: int) -> None:
        assert (len(block), len(speaker)) == (960, 960)
        at = len(heard) * 960
        heard.append(bytes(block))
        speaker[:] = played[at : at + 960].ljust(960, b"\0")

    converter = RateConverter(call, rate_hz)
    size = block_samples(rate_hz)
    microphone = tone(rate_hz, 400).astype("<i2").tobytes()
    speaker = b""
    for at in range(0, len(microphone), size * 2):
        block = bytearray(size * 2)
        converter(microphone[at : at + size * 2], block, size, UNKNOWN, None)
        speaker += bytes(block)
    assert len(speaker) == len(microphone)  # as much sound goes out as comes in
    assert len(heard) >= 47  # of 50 blocks; the filter holds back 37 ms
    pitch, level = pitch_and_level(b"".join(heard), CALL_HZ)
    assert pitch == pytest.approx(400, abs=3)
    assert level == pytest.approx(16_000 / 2**0.5, rel=0.02)
    pitch, level = pitch_and_level(speaker, rate_hz)
    assert pitch == pytest.approx(600, abs=3)
    assert level == pytest.approx(16_000 / 2**0.5, rel=0.02)


@pytest.mark.parametrize("rate_hz", [48_000, 44_100, 32_000, 16_000])
def test_the_speaker_s_sound_has_no_gap_from_the_first_sample_on(rate_hz: int):
    """It is what the filter alone makes of it; the silence before it is as long as stated."""
    played, asked = tone(CALL_HZ, 600, 8.0).astype("<i2").tobytes(), 0

    def call(block: bytes, speaker: bytearray, ahead_samples: int) -> None:
        nonlocal asked
        speaker[:] = played[asked : asked + 960]
        asked += 960

    converter, size, tape = RateConverter(call, rate_hz), block_samples(rate_hz) * 2, b""
    for _ in range(350):
        block = bytearray(size)
        converter(bytes(size), block, size // 2, UNKNOWN, None)
        tape += bytes(block)
    fill = bytes(rate_hz * FILL_MS // 1_000 * 2)
    assert tape == (fill + StreamResampler(CALL_HZ, rate_hz).push(played))[: len(tape)]


def test_a_block_of_the_call_is_20_ms_at_every_rate():
    """44.1 kHz too has whole samples in it."""
    assert [block_samples(rate) for rate in (24_000, 48_000, 44_100, 16_000)] == [480, 960, 882, 320]


def test_the_delay_counts_the_filters_where_there_are_some():
    """Both queues of the device, and what is held back by conversion."""
    assert delay_of((0.04, 0.06), CALL_HZ) == 100
    assert delay_of((0.04, 0.06), 48_000) == 100 + FILL_MS


CLICK_EVERY = 9_000
"""Samples of the call: 375 ms."""
CLOSE_MS = 1.0


@pytest.mark.parametrize("rate_hz", [48_000, 44_100, 32_000, 24_000, 16_000])
@pytest.mark.parametrize("told_s", [0.02, 0.175, 0.0])
def test_the_call_is_told_what_has_left_the_loudspeaker(rate_hz: int, told_s: float):
    """By the clicks that come out of a loudspeaker whose delay is told, or is the usual one, to a millisecond."""
    delay_s = told_s or 0.05
    size = block_samples(rate_hz)
    clicks = np.zeros(3 * CALL_HZ, "<i2")
    clicks[CLICK_EVERY::CLICK_EVERY] = 20_000
    sound, asked = clicks.tobytes(), 0
    left_samples: list[int] = []  # of the call, at the beginning of each block of the device
    tape = b""

    def call(block: bytes, speaker: bytearray, ahead_samples: int) -> None:
        nonlocal asked
        assert ahead_samples >= delay_s * CALL_HZ
        left_samples.append(asked - ahead_samples)
        speaker[:] = sound[asked * 2 : asked * 2 + 960].ljust(960, b"\0")
        asked += 480

    converter = RateConverter(call, rate_hz)
    converter.usual_output_delay_s = 0.05
    begins_s: list[float] = []
    for number in range(150):
        block, before, now_s = bytearray(size * 2), len(left_samples), number * size / rate_hz
        times = SimpleNamespace(currentTime=9.0 + now_s, outputBufferDacTime=9.0 + now_s + told_s)
        converter(bytes(size * 2), block, size, times if told_s else UNKNOWN, None)
        tape += bytes(block)
        begins_s += [now_s] * (len(left_samples) - before)
    played = np.abs(np.frombuffer(tape, "<i2").astype(int))
    for click in range(CLICK_EVERY, len(clicks) - CALL_HZ // 2, CLICK_EVERY):
        begin = click * rate_hz // CALL_HZ  # the filters hold back less than 0.2 s
        heard_s = (begin + np.argmax(played[begin : begin + rate_hz // 5])) / rate_hz + delay_s
        believed = float(np.interp(heard_s, begins_s, left_samples))
        assert believed == pytest.approx(click, abs=CLOSE_MS * CALL_HZ / 1_000)


def test_a_delay_that_no_device_has_is_not_believed():
    """A clock that jumped, or garbage: the usual delay is taken."""
    told: list[int] = []
    converter = RateConverter(lambda heard, spoken, ahead_samples: told.append(ahead_samples), CALL_HZ)
    converter.usual_output_delay_s = 0.05
    for delay_s in (0.1, -0.1, 3_600.0, 0.0):
        times = SimpleNamespace(currentTime=50.0, outputBufferDacTime=50.0 + delay_s)
        converter(bytes(960), bytearray(960), 480, times, None)
    assert told == [2_400, 1_200, 1_200, 1_200]
