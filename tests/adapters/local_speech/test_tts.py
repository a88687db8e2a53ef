"""Text to speech: intelligible in every voice, voices apart from each other, clean sound."""

from __future__ import annotations

import numpy as np
import pytest

from agentvoice.adapters.local_speech.tts import PIECE_BYTES, RATE_HZ, Hibari
from agentvoice.adapters.local_speech.voices import VOICES
from agentvoice.adapters.resample import StreamResampler
from agentvoice.errors import UsageError
from tests.measure.pitch import median_pitch_hz
from tests.measure.word_errors import word_error_rate

SENTENCES = (
    "Good morning, this is Ada, how can I help you today?",
    "I will hand you over to Max, who knows more about the weather.",
    "The library opens at nine and closes at six in the evening.",
    "Please remember to bring your passport and a warm coat.",
)
MAX_WORD_ERROR_RATE = 0.10


def spoken(hibari: Hibari, text: str, voice: str) -> bytes:
    return b"".join(hibari.speak(text, voice))


@pytest.mark.parametrize("voice", VOICES)
def test_each_voice_is_understood(hibari, moonshine, voice):
    """What a voice says is heard by the STT with at most 10 % of the words wrong."""
    pairs = []
    for sentence in SENTENCES:
        resampler = StreamResampler(RATE_HZ, 16_000)
        sound = resampler.push(spoken(hibari, sentence, voice)) + resampler.flush()
        pairs.append((sentence, moonshine.transcribe(sound)))
    assert word_error_rate(pairs) <= MAX_WORD_ERROR_RATE


def test_voices_lie_apart_by_their_pitch(hibari):
    """Measured in the sound, each voice is higher than the model's own by its factor, within 4 %."""
    own = median_pitch_hz(spoken(hibari, SENTENCES[0], "hibari"), RATE_HZ)
    for voice in VOICES.values():
        measured = median_pitch_hz(spoken(hibari, SENTENCES[0], voice.name), RATE_HZ) / own
        assert measured == pytest.approx(voice.pitch, rel=0.04), voice.name


def test_the_pace_of_all_voices_is_the_same(hibari):
    """Changing the pitch changes the length by less than 12 %."""
    own = len(spoken(hibari, SENTENCES[1], "hibari"))
    for voice in VOICES:
        assert len(spoken(hibari, SENTENCES[1], voice)) == pytest.approx(own, rel=0.12), voice


@pytest.mark.parametrize("voice", VOICES)
def test_speech_is_loud_enough_and_never_clipped(hibari, voice):
    """Peaks lie between a tenth of full scale and just below it."""
    samples = np.frombuffer(spoken(hibari, " ".join(SENTENCES), voice), "<i2")
    assert 3_277 < np.max(np.abs(samples.astype(int))) < 32_767


def test_no_voice_rumbles_or_carries_an_offset(hibari):
    """The mean of the sound is below -50 dB of full scale."""
    for voice in VOICES:
        samples = np.frombuffer(spoken(hibari, SENTENCES[0], voice), "<i2").astype(float)
        assert abs(float(np.mean(samples))) < 100


def test_sound_leaves_in_pieces_of_200_ms(hibari):
    """All pieces but the last of a sentence have the same size, and none is empty."""
    sizes = [len(piece) for piece in hibari.speak(SENTENCES[0], "")]
    assert set(sizes[:-1]) == {PIECE_BYTES}
    assert 0 < sizes[-1] <= PIECE_BYTES
    assert PIECE_BYTES == RATE_HZ * 2 // 5


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_nothing_to_say_is_no_sound(hibari, text):
    """Empty text gives no pieces, and no error."""
    assert spoken(hibari, text, "") == b""


def test_the_same_text_sounds_the_same(hibari):
    """The model's noise has a fixed seed."""
    assert spoken(hibari, SENTENCES[0], "") == spoken(hibari, SENTENCES[0], "hibari")


def test_an_unknown_voice_is_named(hibari):
    """The error names the voice and those there are."""
    with pytest.raises(UsageError, match=r"'nobody'.*hibari, hibari-low"):
        spoken(hibari, "Hello.", "nobody")
