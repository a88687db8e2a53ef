from __future__ import annotations

import numpy as np
import pytest

from agentvoice.adapters.pauses import FRAME_SAMPLES, PAUSE_MS, map_speech
from tests.fakes.wav_files import Signal, encode_samples, tones

RATE_HZ = 24_000
FRAMES_PER_S = 50
PAUSE_FRAMES = PAUSE_MS * FRAMES_PER_S // 1000


def speech(seconds: float, peak: float = 0.3) -> Signal:
    return tones(RATE_HZ, seconds, 180, 720, 2_100, peak=peak)


def silence(seconds: float) -> Signal:
    return np.zeros(round(RATE_HZ * seconds))


def noise(seconds: float, level_db: float) -> Signal:
    return np.random.default_rng(3).standard_normal(round(RATE_HZ * seconds)) * 10 ** (level_db / 20)


def pauses(*parts: Signal) -> list[int]:
    return sorted(map_speech(encode_samples(np.concatenate(parts), "s16")).pauses)


def test_a_pause_is_complete_700_ms_after_the_last_word():
    """Each pause is the frame at which 700 ms of silence have passed since speech."""
    found = pauses(silence(0.5), speech(1), silence(1), speech(0.5), silence(0.8))
    assert found == [75 + PAUSE_FRAMES - 1, 150 + PAUSE_FRAMES - 1]


def test_a_breath_is_no_pause():
    """680 ms of silence between words do not end the turn; 700 ms do."""
    assert pauses(speech(1), silence(0.68), speech(1)) == []
    assert len(pauses(speech(1), silence(0.70), speech(1))) == 1


def test_silence_has_no_speech_and_no_pauses():
    """A silent or faintly hissing file wants no replies at all."""
    for quiet in (silence(3), noise(3, -75)):
        mapped = map_speech(encode_samples(quiet, "s16"))
        assert not any(mapped.is_speech)
        assert not mapped.pauses


def test_an_empty_recording_has_no_frames():
    """Nothing in, nothing out."""
    assert map_speech(b"").is_speech == ()


@pytest.mark.parametrize("noise_db", [-70, -50, -40, -35])
def test_pauses_are_found_in_noise(noise_db: float):
    """A noisy line (up to 15 dB below the voice) still has its pauses."""
    voice = np.concatenate([silence(1), speech(2), silence(1.5), speech(2), silence(1)])
    assert len(pauses(voice + noise(7.5, noise_db))) == 2


@pytest.mark.parametrize("peak", [0.02, 0.1, 0.9])
def test_loudness_does_not_matter(peak: float):
    """A soft and a loud caller have the same pauses."""
    assert len(pauses(speech(1, peak), silence(1), speech(1, peak), silence(1))) == 2


def test_a_click_is_no_speech():
    """40 ms of sound in a silent stretch start no turn; 60 ms do."""
    assert pauses(speech(1), silence(1), speech(0.04), silence(1)) == [50 + PAUSE_FRAMES - 1]
    assert len(pauses(speech(1), silence(1), speech(0.06), silence(1))) == 2


def test_a_steady_voice_is_speech():
    """A recording without any pause is speech throughout, to its last part of a frame."""
    mapped = map_speech(encode_samples(speech(1)[: 50 * FRAME_SAMPLES - 100], "s16"))
    assert mapped.is_speech == (True,) * 50
