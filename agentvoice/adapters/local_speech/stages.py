"""The three stages after the VAD, as the cascade sees them.

Each is either a model in the speech worker process or an OpenAI-compatible HTTP endpoint; the
cascade cannot tell. Closing (`aclose`) a stream stops the work behind it at once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

STT_RATE_HZ = 16_000
"""Sample rate of what STT gets and the VAD hears (mono PCM16)."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of the LLM's context; `role` is system, user or assistant."""

    role: str
    content: str


class SpeechToText(Protocol):
    """Turns an utterance into text."""

    async def transcribe(self, pcm16_16k: bytes) -> str:
        """Return what was said, "" for nothing; cancelling the call gives the work up.

        Raises WorkerDied, TimedOut or another EngineError/TransportError.
        """
        ...


class LanguageModel(Protocol):
    """Thinks of a reply."""

    def reply(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, temperature: float
    ) -> AsyncGenerator[str, None]:
        """Stream the reply's text as it is made; same errors as `transcribe`."""
        ...


class TextToSpeech(Protocol):
    """Speaks a sentence."""

    def speak(self, text: str, voice: str) -> AsyncGenerator[bytes, None]:
        """Stream 24 kHz mono PCM16; same errors as `transcribe`."""
        ...


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages one session uses."""

    stt: SpeechToText
    llm: LanguageModel
    tts: TextToSpeech
