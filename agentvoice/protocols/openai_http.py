"""OpenAI's HTTP API as far as the classic mode needs it, sans I/O.

POST /chat/completions (streamed as server-sent events), POST /audio/transcriptions (multipart) and
POST /audio/speech (raw PCM), under a base address that ends in /v1. Source: OpenAI's API reference;
Ollama, llama.cpp's server and vLLM speak the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from agentvoice.errors import (
    AgentVoiceError,
    AuthenticationRejected,
    EngineError,
    EngineUnavailable,
    QuotaExceeded,
    RemoteProtocolError,
    TransportError,
)

SPEECH_RATE_HZ = 24_000
"""What `response_format: pcm` means: 24 kHz mono PCM16, little endian, no header."""

MAX_EVENT_BYTES = 1024 * 1024
MAX_ERROR_CHARS = 300
SSE_DONE = "[DONE]"
FORBIDDEN_IN_FIELD = ('"', "\r", "\n")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A POST: `path` goes behind the base address."""

    path: str
    content_type: str
    body: bytes


# --- chat completions -----------------------------------------------------------------------


def encode_chat(
    model: str, messages: Sequence[tuple[str, str]], *, max_tokens: int, temperature: float
) -> HttpRequest:
    """Return a streamed chat completion; `messages` are (role, content)."""
    body = {
        "model": model,
        "messages": [{"role": role, "content": content} for role, content in messages],
        "max_tokens": max_tokens,
        "temperature": temperature,
        "stream": True,
    }
    return HttpRequest("/chat/completions", "application/json", msgspec.json.encode(body))


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)


class _ApiError(msgspec.Struct):
    message: str = ""
    type: str | None = None
    code: str | int | None = None


class _ChatChunk(msgspec.Struct):
    choices: list[_Choice] = []
    error: _ApiError | str | None = None


_chunk_decoder = msgspec.json.Decoder(_ChatChunk)


class ChatStream:
    """Takes the bytes of a streamed chat completion, gives its text (server-sent events, WHATWG HTML 9.2)."""

    def __init__(self) -> None:
        self._buffer = b""
        self._data: list[str] = []
        self.is_done = False
        """Whether the peer said that the completion is complete."""

    def feed(self, data: bytes) -> list[str]:
        """Return the pieces of text that `data` completes.

        Raises RemoteProtocolError for what is no chat completion, EngineError for an error event.
        """
        self._buffer += data
        texts: list[str] = []
        *lines, self._buffer = self._buffer.replace(b"\r\n", b"\n").split(b"\n")
        if len(self._buffer) > MAX_EVENT_BYTES:
            raise RemoteProtocolError(f"chat completion: got a line above {MAX_EVENT_BYTES} bytes")
        for line in lines:
            if line:
                self._take_line(line)
            else:
                texts += self._end_event()
        return texts

    def _take_line(self, line: bytes) -> None:
        field, _, value = line.decode("utf-8", "replace").partition(":")
        if field == "data":
            self._data.append(value.removeprefix(" "))

    def _end_event(self) -> list[str]:
        data, self._data = "\n".join(self._data), []
        if not data or self.is_done:
            return []
        if data == SSE_DONE:
            self.is_done = True
            return []
        try:
            chunk = _chunk_decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise RemoteProtocolError(f"chat completion: {error}") from error
        if chunk.error is not None:
            raise EngineError(f"chat completion: {_message_of(chunk.error)}")
        return [choice.delta.content for choice in chunk.choices[:1] if choice.delta.content]


# --- transcriptions -------------------------------------------------------------------------


def encode_transcription(model: str, wav: bytes, boundary: str) -> HttpRequest:
    """Return the transcription of a WAV file as a form (RFC 7578).

    `boundary` is random text that the sound does not contain.
    """
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{_form_value(value)}\r\n'
        for name, value in (("model", model), ("response_format", "json"))
    ]
    head = (
        "".join(parts) + f"--{boundary}\r\n"
        'Content-Disposition: form-data; name="file"; filename="speech.wav"\r\n'
        "Content-Type: audio/wav\r\n\r\n"
    )
    body = head.encode() + wav + f"\r\n--{boundary}--\r\n".encode()
    return HttpRequest("/audio/transcriptions", f"multipart/form-data; boundary={boundary}", body)


def _form_value(value: str) -> str:
    return "".join(char for char in value if char not in FORBIDDEN_IN_FIELD)


class _Transcription(msgspec.Struct):
    text: str


_transcription_decoder = msgspec.json.Decoder(_Transcription)


def decode_transcription(body: bytes) -> str:
    """Return what was said; raises RemoteProtocolError."""
    try:
        return _transcription_decoder.decode(body).text.strip()
    except msgspec.MsgspecError as error:
        raise RemoteProtocolError(f"transcription: {error}") from error


# --- speech ---------------------------------------------------------------------------------


def encode_speech(model: str, text: str, voice: str) -> HttpRequest:
    """Return the speaking of `text` as raw PCM."""
    body = {"model": model, "input": text, "voice": voice, "response_format": "pcm"}
    return HttpRequest("/audio/speech", "application/json", msgspec.json.encode(body))


FOREIGN_SOUNDS: Mapping[bytes, str] = {b"RIFF": "WAV", b"ID3": "MP3", b"\xff\xfb": "MP3", b"OggS": "Ogg"}


class SpeechStream:
    """Takes the bytes of a spoken answer, gives whole samples."""

    def __init__(self) -> None:
        self._half_sample = b""
        self._is_begun = False

    def feed(self, data: bytes) -> bytes:
        """Return the samples that `data` completes; raises RemoteProtocolError for other formats."""
        data = self._half_sample + data
        if not self._is_begun and data:
            self._is_begun = True
            for magic, name in FOREIGN_SOUNDS.items():
                if data.startswith(magic):
                    raise RemoteProtocolError(f"speech: got {name}, want raw PCM (response_format pcm)")
        whole = len(data) - len(data) % 2
        self._half_sample = data[whole:]
        return data[:whole]


# --- errors ---------------------------------------------------------------------------------


class _ErrorBody(msgspec.Struct):
    error: _ApiError | str | None = None


_error_decoder = msgspec.json.Decoder(_ErrorBody)


def decode_failure(what: str, status: int, body: bytes) -> AgentVoiceError:
    """Return our error for an answer that is not 200; `what` names the stage and its address."""
    try:
        error = _error_decoder.decode(body).error
    except msgspec.MsgspecError:
        error = None
    message = _message_of(error) if error else body.decode("utf-8", "replace")
    text = f"{what}: answered {status}: {' '.join(message.split())[:MAX_ERROR_CHARS] or 'no reason given'}"
    code = error.code if isinstance(error, _ApiError) else None
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return AuthenticationRejected(text)
    if status == HTTPStatus.PAYMENT_REQUIRED or code == "insufficient_quota":
        return QuotaExceeded(text)
    if status == HTTPStatus.NOT_FOUND:
        return EngineUnavailable(text)
    if status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS) or status >= 500:
        return TransportError(text)
    return EngineError(text)


def _message_of(error: _ApiError | str) -> str:
    return error if isinstance(error, str) else error.message or error.type or "no reason given"
