"""Scripted stages for the local engine: they answer by script, can wait, fail, and count their ends.

A step of a script is a text (or sound) to give, an asyncio.Event to wait for, or an exception.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence

import numpy as np

from agentvoice.adapters.local_speech.stages import ChatMessage, Stages
from agentvoice.core.agent import LocalSettings
from agentvoice.core.audio import CALL_FORMAT, AudioChunk

LOUD = 1_000
MS_PER_WORD = 60
CHUNKS_PER_SPEECH = 2

TextStep = str | asyncio.Event | Exception


def tone(
    duration_ms: int, amplitude: int = 8_000, rate_hz: int = 24_000, frequency_hz: float = 300.0
) -> bytes:
    """PCM16 that the LoudnessDetector takes for speech."""
    count = duration_ms * rate_hz // 1_000
    wave = np.sin(2 * np.pi * frequency_hz * np.arange(count) / rate_hz) * amplitude
    return wave.astype("<i2").tobytes()


def speech(duration_ms: int) -> AudioChunk:
    """Sound that is speech."""
    return AudioChunk(CALL_FORMAT, tone(duration_ms))


def silence(duration_ms: int) -> AudioChunk:
    """Sound that is none."""
    return AudioChunk(CALL_FORMAT, bytes(CALL_FORMAT.bytes_of(duration_ms)))


class LoudnessDetector:
    """Takes every loud frame for speech."""

    def __init__(self) -> None:
        self.failure: Exception | None = None

    def probability(self, frame: bytes) -> float:
        """0.95 for a loud frame, 0.02 for a quiet one."""
        if self.failure is not None:
            raise self.failure
        return 0.95 if np.abs(np.frombuffer(frame, "<i2").astype(int)).max() > LOUD else 0.02


class ScriptedStt:
    """Gives the next text for each utterance it is asked about, the last one again and again."""

    def __init__(self, *steps: TextStep | tuple[TextStep, ...]) -> None:
        self.steps = list(steps)
        self.heard: list[bytes] = []
        self.given_up = 0

    async def transcribe(self, pcm16_16k: bytes) -> str:
        """See SpeechToText."""
        self.heard.append(pcm16_16k)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        try:
            return await self._play(step if isinstance(step, tuple) else (step,))
        except asyncio.CancelledError:
            self.given_up += 1
            raise

    async def _play(self, steps: Iterable[TextStep]) -> str:
        text = ""
        for step in steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, asyncio.Event):
                await step.wait()
            else:
                text += step
        return text


class ScriptedLlm:
    """Plays the next script for each reply, the last one again and again; priming is only counted."""

    def __init__(self, *scripts: Sequence[TextStep]) -> None:
        self.scripts = [list(script) for script in scripts]
        self.asked: list[tuple[ChatMessage, ...]] = []
        self.max_tokens: list[int] = []
        self.primed: list[tuple[ChatMessage, ...]] = []
        self.active = 0
        self.most_active = 0
        self.given: list[str] = []
        self.priming_failure: Exception | None = None

    async def reply(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, temperature: float
    ) -> AsyncGenerator[str, None]:
        """See LanguageModel."""
        if max_tokens == 0:
            self.primed.append(tuple(messages))
            if self.priming_failure is not None:
                raise self.priming_failure
            return
        self.asked.append(tuple(messages))
        self.max_tokens.append(max_tokens)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        try:
            for step in script:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, asyncio.Event):
                    await step.wait()
                else:
                    self.given.append(step)
                    yield step
        finally:
            self.active -= 1


class ScriptedTts:
    """Speaks a tone of 60 ms per word in two chunks; `steps` come before a text's sound, or between."""

    def __init__(self) -> None:
        self.spoken: list[tuple[str, str]] = []
        self.before: dict[str, TextStep] = {}
        self.between: dict[str, TextStep] = {}
        self.active = 0

    async def speak(self, text: str, voice: str) -> AsyncGenerator[bytes, None]:
        """See TextToSpeech."""
        self.spoken.append((text, voice))
        self.active += 1
        try:
            await _step(self.before.get(text))
            sound = tone(MS_PER_WORD * len(text.split()), frequency_hz=440.0)
            half = len(sound) // CHUNKS_PER_SPEECH | 1  # an odd border: samples may be cut in two
            yield sound[:half]
            await _step(self.between.get(text))
            yield sound[half:]
        finally:
            self.active -= 1


async def _step(step: TextStep | None) -> None:
    if isinstance(step, Exception):
        raise step
    if isinstance(step, asyncio.Event):
        await step.wait()


class ScriptedModels:
    """What the engine gets its stages from."""

    def __init__(self, stt: ScriptedStt, llm: ScriptedLlm, tts: ScriptedTts | None = None) -> None:
        self.stt = stt
        self.llm = llm
        self.tts = tts or ScriptedTts()
        self.detector = LoudnessDetector()
        self.failure: Exception | None = None
        self.starts = 0
        self.is_closed = False
        self.asked_for: list[LocalSettings] = []

    async def start(self) -> None:
        """Count the starts."""
        self.starts += 1

    def stages_for(self, local: LocalSettings) -> Stages:
        """Give the scripted stages, or raise the scripted failure."""
        self.asked_for.append(local)
        if self.failure is not None:
            raise self.failure
        return Stages(self.stt, self.llm, self.tts)

    async def voice_activity(self) -> LoudnessDetector:
        """Give the one detector."""
        return self.detector

    async def close(self) -> None:
        """Note the end."""
        self.is_closed = True
