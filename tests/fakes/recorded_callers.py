"""Callers as recorded files, made of tones and silence."""

from __future__ import annotations

from pathlib import Path

from agentvoice.adapters.pauses import map_speech
from agentvoice.adapters.wav_input import WavInput
from agentvoice.protocols.wav import WavFormat
from tests.fakes.wav_files import encode_samples, tones

RATE_HZ = 24_000


def sound(seconds: float) -> bytes:
    """Something as loud as speech, in the call's format."""
    return encode_samples(tones(RATE_HZ, seconds, 180, 700, 2_200), "s16")


def silence(seconds: float) -> bytes:
    """Nothing, in the call's format."""
    return bytes(round(RATE_HZ * seconds) * 2)


def recorded(*parts: bytes) -> WavInput:
    """The parts as one file that was read."""
    samples = b"".join(parts)
    format = WavFormat(RATE_HZ, 1, 2, is_float=False)
    return WavInput(Path("caller.wav"), samples, format, map_speech(samples))


TWO_TURNS = recorded(sound(1), silence(1), sound(0.5), silence(1))
