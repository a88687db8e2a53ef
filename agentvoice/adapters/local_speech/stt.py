"""Speech to text in the worker process: Moonshine tiny (English), whole utterances."""

from __future__ import annotations

from typing import Any

import numpy as np

from agentvoice.adapters.local_speech.stages import STT_RATE_HZ

FULL_SCALE = 32_768

MIN_SAMPLES = STT_RATE_HZ // 2
"""Shorter utterances are padded with silence: the model's first layers need about 0.1 s of sound, and
it is surer of a word that is not cut off."""
SILENCE_PEAK = 0.003
"""Below -50 dB of full scale nothing was said; asked anyway, the model makes up words ("You")."""


class Moonshine:
    """The model; one utterance at a time, from one thread."""

    def __init__(self) -> None:
        from moonshine_voice.moonshine_api import ModelArch
        from moonshine_voice.transcriber import Transcriber
        from moonshine_voice.utils import get_model_path

        # The utterance was cut by our own detector: the model's is off (threshold 0), and nobody is identified.
        self._transcriber: Any = Transcriber(
            get_model_path("tiny-en"),
            ModelArch.TINY,
            options={"vad_threshold": 0.0, "identify_speakers": "false", "return_audio_data": "false"},
        )

    def transcribe(self, pcm16_16k: bytes) -> str:
        """Return what was said in 16 kHz mono PCM16, "" for silence."""
        samples = np.frombuffer(pcm16_16k, dtype="<i2").astype(np.float32)
        samples /= FULL_SCALE
        if samples.size == 0 or float(np.max(np.abs(samples))) < SILENCE_PEAK:
            return ""
        if samples.size < MIN_SAMPLES:
            samples = np.pad(samples, (0, MIN_SAMPLES - samples.size))
        transcript = self._transcriber.transcribe_without_streaming(samples, STT_RATE_HZ)
        return " ".join(line.text.strip() for line in transcript.lines if line.text.strip())
