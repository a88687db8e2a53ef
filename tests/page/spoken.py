"""Recordings as Chromium's fake microphone wants them: WAV, 48 kHz, 16 bit, mono."""

from __future__ import annotations

import wave
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from agentvoice.adapters.resample import StreamResampler
from tests.fakes.human_speech import telephone_prompts

MICROPHONE_HZ = 48_000


def silence(seconds: float) -> bytes:
    """Nothing, as the microphone's samples."""
    return bytes(2 * round(MICROPHONE_HZ * seconds))


def person(seconds: float) -> bytes:
    """A person who speaks for so long without a pause that matters."""
    speech = b"".join(prompt.pcm16_16k for prompt in telephone_prompts(6))
    samples = np.frombuffer(speech, "<i2")
    spoken = samples[np.abs(samples) > 200]  # only what is loud: no pause could be taken for an end
    assert len(spoken) >= 16_000 * seconds
    return resampled(spoken[: round(16_000 * seconds)].tobytes(), 16_000)


def resampled(pcm16: bytes, rate_hz: int) -> bytes:
    """Samples of another rate as the microphone's."""
    resampler = StreamResampler(rate_hz, MICROPHONE_HZ)
    return resampler.push(pcm16) + resampler.flush()


def record(path: Path, parts: Iterable[bytes]) -> Path:
    """Write a recording; return its path."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(MICROPHONE_HZ)
        file.writeframes(b"".join(parts))
    return path
