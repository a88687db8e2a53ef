#!/usr/bin/env python3
"""Makes demo/hello.wav: a synthesised caller. Run it in the environment of `make setup`.

The voice is hibari-tts (Apache-2.0) raised in pitch, so that it sounds like neither agent: spoken
slower, then resampled to be shorter by the same factor.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import soxr
from hibari import Hibari
from numpy.typing import NDArray

from agentvoice.core.audio import CALL_FORMAT
from agentvoice.protocols.wav import encode_wav

OUTPUT = Path(__file__).parents[1] / "demo" / "hello.wav"

TURNS = (
    "Hello Ada. What is the capital of France?",
    "Could you hand me over to Max, please?",
    "Hello Max. How many days are there in a week?",
    "Thank you, goodbye.",
)
PITCH = 1.15
SEED = 1
LEVEL = 0.5  # peak of full scale: as loud as a good headset
FADE_MS = 5
AUDIBLE = 0.01  # of the sentence's peak
MARGIN_MS = 40
LEAD_MS, BREATH_MS, PAUSE_MS, TAIL_MS = 600, 180, 1_200, 1_000

INFO = {
    "INAM": "agentvoice demo: a caller talks to Ada and Max",
    "ICMT": "Synthesised speech, not a recording of a person. Voice: hibari-tts 0.2.1 (Apache-2.0), "
    f"pitch {PITCH}. Words: " + " / ".join(TURNS),
    "ICOP": "MIT, as agentvoice",
    "ISFT": "tools/make_demo_recording.py",
}

Sound = NDArray[np.float32]


def speak(voice: Hibari, text: str) -> Sound:
    """Return a turn at PITCH, 24 kHz, its sentences a breath apart."""
    parts: list[Sound] = []
    for sentence in voice.stream(text, speed=1 / PITCH, seed=SEED):
        raised = soxr.resample(sentence, CALL_FORMAT.rate_hz * PITCH, CALL_FORMAT.rate_hz)
        parts += [trim(raised.astype(np.float32)), silence(BREATH_MS)]
    return np.concatenate(parts[:-1])


def trim(sound: Sound) -> Sound:
    """Return the sentence without the silence around it, faded in and out so that it does not click."""
    audible = np.flatnonzero(np.abs(sound) > AUDIBLE * np.abs(sound).max())
    margin = CALL_FORMAT.rate_hz * MARGIN_MS // 1000
    sound = sound[max(0, audible[0] - margin) : audible[-1] + margin].copy()
    ramp = np.linspace(0, 1, CALL_FORMAT.rate_hz * FADE_MS // 1000, dtype=np.float32)
    sound[: len(ramp)] *= ramp
    sound[-len(ramp) :] *= ramp[::-1]
    return sound


def silence(duration_ms: int) -> Sound:
    """Return `duration_ms` of nothing."""
    return np.zeros(CALL_FORMAT.rate_hz * duration_ms // 1000, np.float32)


def main() -> int:
    """Write the file; say what it is."""
    voice = Hibari()
    parts = [silence(LEAD_MS)]
    for turn in TURNS:
        parts += [speak(voice, turn), silence(PAUSE_MS)]
    parts[-1] = silence(TAIL_MS)
    sound = np.concatenate(parts)
    pcm16 = np.rint(sound / np.abs(sound).max() * LEVEL * 32_767).astype("<i2")
    file = encode_wav(pcm16.tobytes(), CALL_FORMAT.rate_hz, info=INFO)
    OUTPUT.write_bytes(file)
    sys.stdout.write(f"{OUTPUT}: {len(pcm16) / CALL_FORMAT.rate_hz:.1f} s, {len(file)} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
