"""demo/hello.wav is what the demo needs: short, honest about itself, and understood word by word."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soxr

from agentvoice.adapters.pauses import FRAME_SAMPLES, SpeechMap
from agentvoice.adapters.wav_input import WavInput, read_wav

DEMO = Path(__file__).parents[1] / "demo"
RECORDING = DEMO / "hello.wav"

MAX_BYTES = 1_500_000
MAX_SPEECH_S = 15.0
FRAMES_PER_S = 50
TURNS = (
    "hello ada what is the capital of france",
    "could you hand me over to max please",
    "hello max how many days are there in a week",
    "thank you goodbye",
)


@pytest.fixture
async def recording() -> WavInput:
    return await read_wav(RECORDING)


@pytest.fixture
def speech(recording: WavInput) -> SpeechMap:
    return recording.speech


def turns_of(recording: WavInput, speech: SpeechMap) -> list[bytes]:
    """The recording cut behind each pause, as the WAV leg hears its turns."""
    borders = [0, *(2 * FRAME_SAMPLES * (frame + 1) for frame in sorted(speech.pauses))]
    return [recording.samples[start:end] for start, end in pairwise(borders)]


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower().replace("good-bye", "goodbye"))


def test_it_needs_no_conversion(recording: WavInput):
    """It is 24 kHz mono PCM16, small, and read without a warning."""
    assert (recording.format.rate_hz, recording.format.channels, recording.format.sample_bytes) == (
        24_000,
        1,
        2,
    )
    assert recording.warnings == ()
    assert RECORDING.stat().st_size <= MAX_BYTES


def test_its_turns_are_apart(recording: WavInput, speech: SpeechMap):
    """It has four turns with a second of silence or more after each, and at most 15 s of speech."""
    assert sum(speech.is_speech) / FRAMES_PER_S <= MAX_SPEECH_S
    assert len(speech.pauses) == len(TURNS)
    for pause in speech.pauses:
        last_word = pause + 1 - 35  # the pause is complete 700 ms after the last word
        assert not any(speech.is_speech[last_word : last_word + FRAMES_PER_S])
        assert len(speech.is_speech) >= last_word + FRAMES_PER_S


def test_it_does_not_clip(recording: WavInput):
    """It keeps 6 dB of headroom and is loud enough to be heard."""
    peak = np.abs(np.frombuffer(recording.samples, "<i2").astype(np.int32)).max() / 32_768
    assert 0.3 <= peak <= 0.51


def test_it_says_what_it_is():
    """The file's own metadata and its README say that it is synthesised, and by what."""
    file = RECORDING.read_bytes()
    assert file.count(b"LIST") == 1
    for said in (file[file.index(b"LIST") + 8 :].decode(), (DEMO / "README.md").read_text()):
        assert "not a recording of a person" in said
        assert "hibari-tts" in said
        assert "Apache-2.0" in said


def test_every_word_is_recognised(recording: WavInput, speech: SpeechMap):
    """Moonshine Tiny, which the local engine uses, writes down each turn without an error."""
    moonshine = pytest.importorskip("moonshine_voice", reason="the extra `local` is not installed")
    from moonshine_voice.transcriber import Transcriber

    model = Path(moonshine.__file__).parent / "assets" / "tiny-en"
    options = {"vad_threshold": "0.0", "identify_speakers": "false"}
    with Transcriber(model, moonshine.ModelArch.TINY, options=options) as transcriber:
        heard = []
        for turn in turns_of(recording, speech):
            at_16k = soxr.resample(np.frombuffer(turn, "<i2") / np.float32(32_768), 24_000, 16_000)
            lines = transcriber.transcribe_without_streaming(at_16k.tolist(), 16_000).lines
            heard.append(words(" ".join(line.text for line in lines)))
    assert heard == [words(turn) for turn in TURNS]
