"""Text to speech in the worker process: Hibari, one model voice and others made from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import soxr

from agentvoice.adapters.local_speech.voices import find_voice

RATE_HZ = 24_000
FULL_SCALE = 32_767

NOISE_SEED = 0
"""The same text always sounds the same."""
BUNDLED_VOICE = "heart"
"""The one voice whose weights come with the package; others would be downloaded."""
PIECE_BYTES = RATE_HZ // 5 * 2
"""Sound leaves in pieces of 200 ms, so that one frame never holds up the pipe."""


class Hibari:
    """The model; one sentence at a time, from one thread."""

    def __init__(self) -> None:
        from hibari import Hibari as Model

        self._model: Any = Model(voice=BUNDLED_VOICE, threads=1)
        for _ in self.speak("Ready.", ""):  # loads the dictionaries and warms the model up
            pass

    def speak(self, text: str, voice: str) -> Iterator[bytes]:
        """Yield 24 kHz mono PCM16; each sentence is made when it is asked for.

        Raises UsageError for an unknown voice.
        """
        pitch = find_voice(voice).pitch
        for samples in self._model.stream(text, speed=1 / pitch, seed=NOISE_SEED):
            if pitch != 1.0:
                samples = soxr.resample(samples, RATE_HZ * pitch, RATE_HZ, quality="HQ")
            pcm16: bytes = (np.clip(samples, -1.0, 1.0) * FULL_SCALE).astype("<i2").tobytes()
            for start in range(0, len(pcm16), PIECE_BYTES):
                yield pcm16[start : start + PIECE_BYTES]
