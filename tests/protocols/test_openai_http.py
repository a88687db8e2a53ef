"""OpenAI's HTTP formats: requests as the reference has them, answers however they are cut."""

from __future__ import annotations

import json
from email.message import EmailMessage, Message
from email.parser import BytesParser

import pytest
from openai.types.audio import SpeechCreateParams
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from pydantic import TypeAdapter

from agentvoice.errors import (
    AuthenticationRejected,
    EngineError,
    EngineUnavailable,
    QuotaExceeded,
    RemoteProtocolError,
    TransportError,
)
from agentvoice.protocols.openai_http import (
    ChatStream,
    SpeechStream,
    decode_failure,
    decode_transcription,
    encode_chat,
    encode_speech,
    encode_transcription,
)


def chunk(content: str | None) -> str:
    """One event, checked against the vendor's own type."""
    body = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": None}],
    }
    ChatCompletionChunk.model_validate(body)
    return f"data: {json.dumps(body)}\n\n"


def test_a_chat_request_is_what_the_vendor_types_allow():
    """The body fits the vendor's streaming parameters, value by value."""
    request = encode_chat("gpt", [("system", "Be Ada."), ("user", "Hi")], max_tokens=40, temperature=0.5)
    body = json.loads(request.body)
    TypeAdapter(CompletionCreateParamsStreaming).validate_python(body)
    assert (request.path, request.content_type) == ("/chat/completions", "application/json")
    assert body["messages"] == [{"role": "system", "content": "Be Ada."}, {"role": "user", "content": "Hi"}]
    assert (body["stream"], body["max_tokens"], body["temperature"]) == (True, 40, 0.5)


def test_a_speech_request_is_what_the_vendor_types_allow():
    """Raw PCM is asked for."""
    body = json.loads(encode_speech("tts-1", "Hello.", "alloy").body)
    TypeAdapter(SpeechCreateParams).validate_python(body)
    assert body == {"model": "tts-1", "input": "Hello.", "voice": "alloy", "response_format": "pcm"}


def test_a_transcription_is_a_form_that_others_can_read():
    """Python's own MIME parser finds the fields and the untouched bytes of the file."""
    wav = bytes(range(256)) + b"\r\n--not the boundary\r\n"
    request = encode_transcription('whisper"\r\nX: 1', wav, "0123456789abcdef")
    parsed = BytesParser().parsebytes(f"Content-Type: {request.content_type}\r\n\r\n".encode() + request.body)
    parts = {
        part.get_param("name", header="content-disposition"): part
        for part in parsed.get_payload()
        if isinstance(part, Message)
    }
    assert set(parts) == {"model", "response_format", "file"}
    assert parts["model"].get_payload() == "whisperX: 1"
    assert parts["file"].get_content_type() == "audio/wav"
    assert request.body.split(b"audio/wav\r\n\r\n")[1].startswith(wav)
    assert not isinstance(parsed, EmailMessage)


@pytest.mark.parametrize("size", [1, 3, 7, 64, 10_000])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_stream_is_read_however_it_is_cut(size, line_end):
    """Comments, empty deltas, role-only deltas and usage are passed over; the text is whole."""
    usage = 'data: {"choices": [], "usage": {"total_tokens": 3}}\n\n'
    text = ": ping\n\n" + chunk(None) + chunk("Grüß ") + "event: message\n" + chunk("dich 🌊") + usage
    data = (text + "data: [DONE]\n\n" + chunk("late")).replace("\n", line_end).encode()
    stream, pieces = ChatStream(), []
    for at in range(0, len(data), size):
        pieces += stream.feed(data[at : at + size])
    assert "".join(pieces) == "Grüß dich 🌊"
    assert stream.is_done


def test_a_stream_without_its_end_is_not_done():
    """A broken connection can be told from a complete reply."""
    stream = ChatStream()
    assert stream.feed(chunk("Hel").encode()) == ["Hel"]
    assert not stream.is_done


@pytest.mark.parametrize(
    "data", [b"data: {\n\n", b"data: []\n\n", b'data: {"choices": 5}\n\n', b"x" * 2_000_000]
)
def test_what_is_no_completion_is_refused(data):
    """Broken JSON, wrong shapes and endless lines raise."""
    with pytest.raises(RemoteProtocolError, match="chat completion"):
        ChatStream().feed(data)


@pytest.mark.parametrize("error", ['"out of memory"', '{"message": "out of memory", "code": 500}'])
def test_an_error_inside_a_stream_is_told(error):
    """Servers report trouble after the headers as an event; both shapes are known."""
    with pytest.raises(EngineError, match="out of memory"):
        ChatStream().feed(f'data: {{"error": {error}}}\n\n'.encode())


def test_a_transcription_is_stripped():
    """Whisper begins its text with a blank."""
    assert decode_transcription(b'{"text": " Hello. ", "duration": 1}') == "Hello."


@pytest.mark.parametrize("body", [b"", b"Hello", b'{"words": []}', b'{"text": 5}'])
def test_what_is_no_transcription_is_refused(body):
    """The error says which stage."""
    with pytest.raises(RemoteProtocolError, match="transcription"):
        decode_transcription(body)


def test_speech_comes_in_whole_samples():
    """A piece that ends inside a sample keeps its half for the next."""
    stream = SpeechStream()
    assert [stream.feed(piece) for piece in (b"", b"\x01", b"\x02\x03", b"\x04\x05")] == [
        b"",
        b"",
        b"\x01\x02",
        b"\x03\x04",
    ]


@pytest.mark.parametrize("magic", [b"RIFF\x00\x00", b"ID3\x04", b"OggS"])
def test_a_foreign_sound_is_refused(magic):
    """A server that ignores the wanted format is named before it is heard as noise."""
    with pytest.raises(RemoteProtocolError, match="want raw PCM"):
        SpeechStream().feed(magic)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b'{"error": {"message": "bad key"}}', AuthenticationRejected),
        (403, b"", AuthenticationRejected),
        (402, b'{"error": "pay"}', QuotaExceeded),
        (429, b'{"error": {"message": "no money", "code": "insufficient_quota"}}', QuotaExceeded),
        (429, b'{"error": {"message": "slow down", "code": "rate_limit"}}', TransportError),
        (404, b'{"error": "model not found"}', EngineUnavailable),
        (408, b"", TransportError),
        (500, b"<html>\nbroken</html>", TransportError),
        (503, b'{"error": {"type": "overloaded"}}', TransportError),
        (400, b'{"error": {"message": "no such parameter"}}', EngineError),
        (302, b"", EngineError),
    ],
)
def test_each_status_becomes_one_of_our_errors(status, body, kind):
    """The kind says whether a retry helps; the message is one line with the server's own words."""
    error = decode_failure("llm at http://x/v1", status, body)
    assert type(error) is kind
    assert str(error).startswith(f"llm at http://x/v1: answered {status}: ")
    assert "\n" not in str(error)
