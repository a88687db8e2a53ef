"""Stages behind OpenAI-compatible HTTP endpoints: the classic mode with servers of one's own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import aiohttp

from agentvoice.adapters.local_speech.stages import STT_RATE_HZ, ChatMessage
from agentvoice.config import read_secret
from agentvoice.core.agent import StageSettings
from agentvoice.core.ports import Clock
from agentvoice.errors import ConnectFailed, ConnectionLost, RemoteProtocolError
from agentvoice.protocols.openai_http import (
    ChatStream,
    HttpRequest,
    SpeechStream,
    decode_failure,
    decode_transcription,
    encode_chat,
    encode_speech,
    encode_transcription,
)
from agentvoice.protocols.wav import encode_wav

DEFAULT_VOICE = "alloy"
"""OpenAI's first voice; compatible servers know it."""
BOUNDARY_BYTES = 16
MAX_ERROR_BYTES = 16 * 1024
MAX_WHOLE_BODY_BYTES = 1024 * 1024
"""A transcription of the longest turn has some kilobytes."""


class Endpoint:
    """One stage's address. All of them share one pool of connections."""

    def __init__(
        self, http: HttpStages, stage_name: str, stage: StageSettings, timeout_s: float, clock: Clock
    ) -> None:
        """Raises ConfigError when the key's reference leads nowhere."""
        self._http = http
        self._base = stage.url.rstrip("/")
        self._name = f"{stage_name} at {self._base}"
        self._timeout_s = timeout_s
        self.clock = clock
        self.model = stage.model
        self._headers: dict[str, str] = {}
        if stage.api_key:
            key = read_secret(f"local.{stage_name}.api_key", stage.api_key)
            self._headers["Authorization"] = f"Bearer {key}"

    async def body(self, request: HttpRequest) -> AsyncGenerator[bytes, None]:
        """Send the request and yield the answer's bytes as they come; closing it hangs up.

        Raises TimedOut when the next bytes take longer than the limit, ConnectFailed, ConnectionLost,
        and what `decode_failure` makes of an answer that is not 200.
        """
        async with self._answer(request) as answer:
            chunks = answer.content.iter_any()
            while True:
                async with self.clock.deadline(self._timeout_s):
                    try:
                        chunk = await anext(chunks, b"")
                    except (aiohttp.ClientError, OSError) as error:
                        raise ConnectionLost(f"{self._name}: {str(error) or type(error).__name__}") from error
                if not chunk:
                    return
                yield chunk

    async def whole_body(self, request: HttpRequest) -> bytes:
        """Send the request and return the whole answer; same errors as `body`, RemoteProtocolError too."""
        whole = bytearray()
        async with aclosing(self.body(request)) as chunks:
            async for chunk in chunks:
                whole += chunk
                if len(whole) > MAX_WHOLE_BODY_BYTES:
                    raise RemoteProtocolError(
                        f"{self._name}: answered more than {MAX_WHOLE_BODY_BYTES} bytes"
                    )
        return bytes(whole)

    @asynccontextmanager
    async def _answer(self, request: HttpRequest) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {**self._headers, "Content-Type": request.content_type}
        async with self.clock.deadline(self._timeout_s):
            try:
                answer = await self._http.connections().post(
                    self._base + request.path, data=request.body, headers=headers, allow_redirects=False
                )
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise ConnectFailed(f"{self._name}: {str(error) or type(error).__name__}") from error
        try:
            if answer.status != 200:
                raise decode_failure(self._name, answer.status, await self._error_body(answer))
            yield answer
        finally:
            answer.close()

    async def _error_body(self, answer: aiohttp.ClientResponse) -> bytes:
        async with self.clock.deadline(self._timeout_s):
            try:
                return await answer.content.read(MAX_ERROR_BYTES)
            except (aiohttp.ClientError, OSError):
                return b""


class HttpStages:
    """Makes stages from settings, and holds their connections."""

    def __init__(self, timeout_s: float, clock: Clock) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    def connections(self) -> aiohttp.ClientSession:
        """Return the pool, made when it is first needed; limits are the caller's, by the clock."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
        return self._session

    def stt(self, stage: StageSettings) -> HttpSpeechToText:
        """Return the STT endpoint; raises ConfigError."""
        return HttpSpeechToText(Endpoint(self, "stt", stage, self._timeout_s, self._clock))

    def llm(self, stage: StageSettings) -> HttpLanguageModel:
        """Return the LLM endpoint; raises ConfigError."""
        return HttpLanguageModel(Endpoint(self, "llm", stage, self._timeout_s, self._clock))

    def tts(self, stage: StageSettings) -> HttpTextToSpeech:
        """Return the TTS endpoint; raises ConfigError."""
        return HttpTextToSpeech(Endpoint(self, "tts", stage, self._timeout_s, self._clock))

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class HttpSpeechToText:
    """POST /audio/transcriptions."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def transcribe(self, pcm16_16k: bytes) -> str:
        """See SpeechToText."""
        wav = encode_wav(pcm16_16k, STT_RATE_HZ)
        boundary = self._endpoint.clock.random_bytes(BOUNDARY_BYTES).hex()
        request = encode_transcription(self._endpoint.model, wav, boundary)
        return decode_transcription(await self._endpoint.whole_body(request))


class HttpLanguageModel:
    """POST /chat/completions, streamed."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def reply(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, temperature: float
    ) -> AsyncGenerator[str, None]:
        """See LanguageModel; raises ConnectionLost when the stream ends before it is complete."""
        if not max_tokens:  # only warms a prefix cache, which is the server's own affair
            return
        pairs = [(message.role, message.content) for message in messages]
        request = encode_chat(self._endpoint.model, pairs, max_tokens=max_tokens, temperature=temperature)
        stream = ChatStream()
        async with aclosing(self._endpoint.body(request)) as chunks:
            async for chunk in chunks:
                for text in stream.feed(chunk):
                    yield text
                if stream.is_done:
                    return
        raise ConnectionLost("llm: the reply broke off before its end")


class HttpTextToSpeech:
    """POST /audio/speech, as raw PCM."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def speak(self, text: str, voice: str) -> AsyncGenerator[bytes, None]:
        """See TextToSpeech."""
        request = encode_speech(self._endpoint.model, text, voice or DEFAULT_VOICE)
        stream = SpeechStream()
        async with aclosing(self._endpoint.body(request)) as chunks:
            async for chunk in chunks:
                samples = stream.feed(chunk)
                if samples:
                    yield samples
