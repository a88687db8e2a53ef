"""Speech to text, against recordings of people that nobody here made."""

from __future__ import annotations

import numpy as np
import pytest

from agentvoice.adapters.local_speech.stt import Moonshine
from tests.fakes.human_speech import Recording, read_sentences, telephone_prompts
from tests.measure.word_errors import word_error_rate

MAX_WORD_ERROR_RATE = 0.08


def heard(moonshine: Moonshine, recordings: list[Recording]) -> list[tuple[str, str]]:
    return [(recording.text, moonshine.transcribe(recording.pcm16_16k)) for recording in recordings]


def test_telephone_prompts_are_understood(moonshine):
    """Over 49 prompts at 16 kHz at most 8 % of the words are wrong."""
    assert word_error_rate(heard(moonshine, telephone_prompts(49))) <= MAX_WORD_ERROR_RATE


def test_narrow_band_prompts_are_understood(moonshine):
    """Sound that once was 8 kHz, as from a telephone, is understood as well."""
    assert word_error_rate(heard(moonshine, telephone_prompts(10, narrow=True))) <= MAX_WORD_ERROR_RATE


def test_read_sentences_are_understood(moonshine):
    """Another speaker, reading a novel."""
    assert word_error_rate(heard(moonshine, read_sentences())) <= MAX_WORD_ERROR_RATE


@pytest.mark.parametrize("samples", [0, 1, 800, 16_000, 160_000])
def test_silence_has_no_words(moonshine, samples):
    """Nothing is made up where nothing was said, however long or short."""
    assert moonshine.transcribe(bytes(2 * samples)) == ""


@pytest.mark.parametrize("samples", [1, 160, 800, 1_600])
def test_scraps_of_sound_are_no_error(moonshine, samples):
    """Sound shorter than the model can take is still answered with text."""
    noise = np.random.default_rng(3).integers(-3_000, 3_000, samples).astype("<i2").tobytes()
    assert isinstance(moonshine.transcribe(noise), str)
