"""Resampling keeps the sound: its length, level and spectrum, with no seams between the pieces."""

from __future__ import annotations

import numpy as np
import pytest

from agentvoice.adapters.resample import StreamResampler

RATES = [(24_000, 16_000), (16_000, 24_000), (48_000, 24_000), (8_000, 24_000), (44_100, 24_000)]


def tone(rate_hz: int, frequency_hz: float, seconds: float = 1.0) -> np.ndarray:
    """A sine at half of full scale."""
    return 16_000 * np.sin(2 * np.pi * frequency_hz * np.arange(int(rate_hz * seconds)) / rate_hz)


def pcm16(samples: np.ndarray) -> bytes:
    return np.round(samples).astype("<i2").tobytes()


def in_pieces(resampler: StreamResampler, sound: bytes, size: int) -> bytes:
    out = [resampler.push(sound[at : at + size]) for at in range(0, len(sound), size)]
    return b"".join(out) + resampler.flush()


def signal_to_noise_db(wanted: np.ndarray, got: np.ndarray) -> float:
    noise = float(np.mean((wanted - got) ** 2))
    return float(10 * np.log10(float(np.mean(wanted**2)) / max(noise, 1e-12)))


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
@pytest.mark.parametrize("frequency_hz", [200, 1_000, 3_000])
def test_a_tone_comes_out_as_the_same_tone(from_hz, to_hz, frequency_hz):
    """Against the tone computed at the target rate the noise is below -60 dB, edges apart."""
    sound = in_pieces(StreamResampler(from_hz, to_hz), pcm16(tone(from_hz, frequency_hz)), from_hz // 50 * 2)
    got = np.frombuffer(sound, "<i2").astype(float)
    wanted = tone(to_hz, frequency_hz)
    assert abs(len(got) - len(wanted)) <= 1
    inner = slice(to_hz // 10, to_hz * 9 // 10)
    assert signal_to_noise_db(wanted[inner], got[inner]) > 60


@pytest.mark.parametrize("size", [1, 7, 640, 4_096])
def test_pieces_make_no_seams(size):
    """However the stream is cut, even inside a sample, the result is the same."""
    sound = pcm16(np.random.default_rng(7).standard_normal(4_800) * 3_000)
    whole = in_pieces(StreamResampler(24_000, 16_000), sound, len(sound))
    assert in_pieces(StreamResampler(24_000, 16_000), sound, size) == whole


def test_a_loud_sound_is_clipped_and_does_not_wrap():
    """Where the filter overshoots full scale the sound stays at full scale, with its sign."""
    square = np.where(tone(24_000, 100) >= 0, 32_767, -32_768)
    got = np.frombuffer(in_pieces(StreamResampler(24_000, 16_000), pcm16(square), 960), "<i2").astype(int)
    assert np.mean(np.sign(got) == np.sign(tone(16_000, 100)[: len(got)])) > 0.97


def test_what_is_above_the_new_half_rate_is_removed():
    """A 10 kHz tone cannot exist at 16 kHz: it must vanish, not come back as an alias at 6 kHz."""
    sound = in_pieces(StreamResampler(24_000, 16_000), pcm16(tone(24_000, 10_000)), 960)
    inner = np.frombuffer(sound, "<i2").astype(float)[1_600:-1_600]
    assert np.sqrt(np.mean(inner**2)) < 16_000 / 1_000


def test_live_sound_is_held_back_for_less_than_40_ms():
    """What was pushed but has not come out never exceeds 40 ms from 24 to 16 kHz."""
    resampler = StreamResampler(24_000, 16_000)
    frame = pcm16(tone(24_000, 440, 0.02))
    out_bytes = 0
    for number in range(1, 101):
        out_bytes += len(resampler.push(frame))
        assert number * 20 - out_bytes / 32 < 40


def test_flush_begins_a_new_stream():
    """After flush nothing of the old sound is heard in the new one."""
    resampler = StreamResampler(24_000, 16_000)
    in_pieces(resampler, pcm16(tone(24_000, 440)), 960)
    assert set(in_pieces(resampler, bytes(9_600), 960)) == {0}


def test_equal_rates_pass_the_bytes_through():
    """Nothing is computed, and nothing held back, when the rate stays."""
    assert StreamResampler(24_000, 24_000).push(b"\x01\x02\x03\x04") == b"\x01\x02\x03\x04"
