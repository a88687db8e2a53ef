"""Stages over HTTP, against npm aimock: a server of OpenAI's API that nobody here wrote."""

from __future__ import annotations

import base64
import os
import secrets
import socket
from contextlib import aclosing
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from agentvoice.adapters.local_speech.http_stages import HttpStages
from agentvoice.adapters.local_speech.stages import ChatMessage
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.core.agent import StageSettings
from agentvoice.errors import (
    AuthenticationRejected,
    ConnectFailed,
    ConnectionLost,
    EngineError,
    QuotaExceeded,
    RemoteProtocolError,
    TimedOut,
    TransportError,
)
from tests.fakes.aimock import aimock

SOUND = bytes(range(256)) * 40
LONG_REPLY = "The capital of France is Paris, where the river Seine flows. " * 4
FIXTURES: list[dict[str, Any]] = [
    {
        "match": {"endpoint": "transcription", "model": "whisper-1"},
        "response": {"transcription": {"text": " Hello. "}},
    },
    {
        "match": {"endpoint": "speech", "userMessage": "Good morning."},
        "response": {"audio": base64.b64encode(SOUND).decode(), "format": "pcm"},
    },
    {
        "match": {"endpoint": "speech", "userMessage": "As a file."},
        "response": {"audio": base64.b64encode(b"RIFF" + SOUND).decode(), "format": "wav"},
    },
    {"match": {"userMessage": "capital"}, "response": {"content": LONG_REPLY}},
    {
        "match": {"userMessage": "no money"},
        "response": {
            "error": {"message": "You exceeded your quota", "type": "requests", "code": "insufficient_quota"},
            "status": 429,
        },
    },
    {
        "match": {"userMessage": "overloaded"},
        "response": {"error": {"message": "Try later", "type": "server_error"}, "status": 503},
    },
]


@pytest.fixture(scope="module")
def key() -> str:
    return secrets.token_hex(16)


@pytest.fixture
async def stages():
    http = HttpStages(timeout_s=10.0, clock=SystemClock())
    yield http
    await http.close()


@pytest.fixture
async def server(tmp_path, key):
    os.environ["STAGE_KEY"] = key
    async with aimock(tmp_path, FIXTURES, key) as url:
        yield f"{url}/v1/"


def stage(url: str, model: str = "gpt") -> StageSettings:
    return StageSettings(model=model, url=url, api_key="env:STAGE_KEY")


async def reply(llm, text: str) -> list[str]:
    messages = [ChatMessage("system", "You are Ada."), ChatMessage("user", text)]
    return [piece async for piece in llm.reply(messages, max_tokens=40, temperature=0.2)]


async def test_all_three_stages_work_over_http(server, stages):
    """Sound becomes text, text a streamed reply, a reply whole samples."""
    assert await stages.stt(stage(server, "whisper-1")).transcribe(bytes(32_000)) == "Hello."
    pieces = await reply(stages.llm(stage(server)), "What is the capital of France?")
    assert "".join(pieces) == LONG_REPLY
    assert len(pieces) > 10
    sound = [piece async for piece in stages.tts(stage(server, "tts-1")).speak("Good morning.", "")]
    assert b"".join(sound) == SOUND
    assert all(len(piece) % 2 == 0 for piece in sound)


async def test_the_server_gets_what_was_asked(server, stages, key):
    """Its own journal has model, messages, limits and a well-formed form; the key is in the header only."""
    await stages.stt(stage(server, "whisper-1")).transcribe(bytes(32_000))
    await reply(stages.llm(stage(server, "qwen")), "What is the capital?")
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as http:
        answer = await http.get(server.removesuffix("v1/") + "__aimock/journal")
        heard, chat = await answer.json()
    assert heard["path"] == "/v1/audio/transcriptions"
    assert heard["body"]["model"] == "whisper-1"
    assert chat["body"]["messages"][0] == {"role": "system", "content": "You are Ada."}
    assert (chat["body"]["model"], chat["body"]["max_tokens"], chat["body"]["stream"]) == ("qwen", 40, True)
    assert key not in str(chat["body"])


async def test_hanging_up_in_mid_reply_leaves_the_next_one_whole(server, stages):
    """A closed stream ends its own connection only."""
    llm = stages.llm(stage(server))
    messages = [ChatMessage("user", "What is the capital?")]
    async with aclosing(llm.reply(messages, max_tokens=40, temperature=0.2)) as pieces:
        assert await anext(pieces)
    assert "".join(await reply(llm, "What is the capital?")) == LONG_REPLY


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("no money", QuotaExceeded, "You exceeded your quota"),
        ("overloaded", TransportError, "503: Try later"),
        ("something without a fixture", EngineError, "No fixture matched"),
    ],
)
async def test_what_the_server_refuses_is_told_in_its_words(server, stages, text, error, words):
    """Quota, overload and unknown requests are told apart."""
    with pytest.raises(error, match=words):
        await reply(stages.llm(stage(server)), text)


async def test_a_wrong_key_is_rejected(server, stages):
    """The error says which stage and which address, not the key."""
    os.environ["STAGE_KEY"] = wrong = secrets.token_hex(16)
    with pytest.raises(AuthenticationRejected, match="llm at http://127") as caught:
        await reply(stages.llm(stage(server)), "What is the capital?")
    assert wrong not in str(caught.value)


async def test_sound_of_another_format_is_refused(server, stages):
    """A WAV file where raw samples were asked for is not played as noise."""
    with pytest.raises(RemoteProtocolError, match="got WAV"):
        [piece async for piece in stages.tts(stage(server)).speak("As a file.", "alloy")]


async def test_nobody_at_the_address_is_told(stages, unused_tcp_port):
    """The stage and its address are named."""
    settings = StageSettings(url=f"http://127.0.0.1:{unused_tcp_port}/v1")
    with pytest.raises(ConnectFailed, match=f"stt at http://127.0.0.1:{unused_tcp_port}/v1"):
        await stages.stt(settings).transcribe(b"")


async def test_reading_ahead_asks_no_server(stages):
    """Warming a prefix cache is the server's own affair."""
    llm = stages.llm(StageSettings(url="http://127.0.0.1:1/v1"))
    assert [
        piece async for piece in llm.reply([ChatMessage("user", "Hi")], max_tokens=0, temperature=0)
    ] == []


@pytest.fixture
async def broken_server():
    """One that begins a reply and breaks off, or sends people elsewhere."""

    async def chat(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(b'data: {"choices": [{"delta": {"content": "Hel"}}]}\n\n')
        if request.match_info["how"] == "cut":
            assert request.transport is not None
            request.transport.close()
        return answer

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("http://example.invalid/")

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:  # until the client hangs up
            await answer.write(bytes(65_536))

    app = web.Application()
    app.router.add_post("/endless/audio/transcriptions", endless)
    app.router.add_post("/{how:cut|end}/chat/completions", chat)
    app.router.add_post("/elsewhere/chat/completions", elsewhere)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize("how", ["cut", "end"])
async def test_a_reply_that_breaks_off_is_no_reply(broken_server, stages, how):
    """Neither a cut connection nor an early end counts as complete; what came was given."""
    llm = stages.llm(StageSettings(url=f"{broken_server}/{how}"))
    stream = llm.reply([ChatMessage("user", "Hi")], max_tokens=5, temperature=0)
    assert await anext(stream) == "Hel"
    with pytest.raises(ConnectionLost):
        await anext(stream)


async def test_redirects_are_not_followed(broken_server, stages):
    """What people say goes to the address they named, and nowhere else."""
    with pytest.raises(EngineError, match="answered 302"):
        await reply(stages.llm(StageSettings(url=f"{broken_server}/elsewhere")), "Hi")


async def test_an_endless_transcription_is_cut_off(broken_server, stages):
    """What is kept of an answer is bounded."""
    with pytest.raises(RemoteProtocolError, match="answered more than 1048576 bytes"):
        await stages.stt(StageSettings(url=f"{broken_server}/endless", model="whisper-1")).transcribe(b"\0\0")


async def test_a_server_that_does_not_answer_is_a_timeout():
    """The limit is the settings' own."""
    http = HttpStages(timeout_s=0.05, clock=SystemClock())
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel connects, nobody reads
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(TimedOut):
            await reply(http.llm(StageSettings(url=url)), "Hi")
    await http.close()
