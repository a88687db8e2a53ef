import asyncio
import json
import logging
import secrets
from dataclasses import replace

import pytest

from agentvoice.adapters.realtime_websocket import CAPABILITIES, RealtimeEngine
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config import OpenAIEngineSettings
from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.engine import BillsBy
from agentvoice.core.metrics import AUDIO_DROPPED, FROM_SESSION, NO_METRICS
from agentvoice.core.speech import (
    AppendAudio,
    CommitInput,
    Configure,
    Respond,
    ResponseStarted,
    SendToolResult,
    SessionLost,
    SessionReady,
)
from agentvoice.core.tool import AgentTools, McpServer
from tests.fakes.metrics import ToldMetrics
from tests.fakes.realtime_agents import config_of
from tests.fakes.realtime_server import ScriptedServer

SHORT = {"ping_interval_s": 0.1, "ping_timeout_s": 0.1, "close_timeout_s": 0.1, "connect_timeout_s": 5.0}


def engine_to(url, metrics=NO_METRICS, **settings):
    return RealtimeEngine(
        OpenAIEngineSettings(**{"url": url, "api_key": ""} | SHORT | settings), SystemClock(), metrics
    )


async def only_open(link):
    await link.open_session()


async def rest_of(session):
    async with asyncio.timeout(5):
        return [event async for event in session.events()]


async def test_a_session_opens_as_the_agent(tmp_path):
    """The handshake carries model and key and no beta header; the first event says ready."""
    key = secrets.token_hex(16)
    (tmp_path / "key").write_text(key)
    async with ScriptedServer(only_open) as server:
        engine = engine_to(server.url + "?deployment=a", api_key=f"file:{tmp_path / 'key'}")
        session = await engine.open(config_of())
        assert await anext(session.events()) == SessionReady("sess_1")
        [link] = server.links
        assert link.path == "/v1/realtime?deployment=a&model=gpt-realtime-2.1"
        assert link.headers["authorization"] == f"Bearer {key}"
        assert "openai-beta" not in link.headers and "sec-websocket-extensions" not in link.headers
        await engine.close()


async def test_a_server_may_want_no_key():
    """An empty reference sends no Authorization header."""
    async with ScriptedServer(only_open) as server:
        engine = engine_to(server.url)
        await engine.open(config_of())
        assert "authorization" not in server.links[0].headers
        await engine.close()


async def test_the_key_never_shows(tmp_path, caplog):
    """Not in logs at their noisiest, not in the repr of what we hold."""
    key = secrets.token_hex(16)
    (tmp_path / "key").write_text(key)
    caplog.set_level(logging.DEBUG)
    async with ScriptedServer(only_open) as server:
        engine = engine_to(server.url, api_key=f"file:{tmp_path / 'key'}")
        session = await engine.open(config_of())
        assert key not in repr((vars(engine), session._protocol.__dict__))
        await engine.close()
    client_lines = [line for line in caplog.records if line.name != "websockets.server"]
    assert not any(key in line.getMessage() for line in client_lines)


async def test_events_and_frames_pass_both_ways():
    """A reply is asked for and told; split frames, junk and broken text do not end the session."""

    async def script(link):
        await link.open_session()
        await link.expect("response.create")
        await link.emit_raw(b"\xff\xfe")
        await link.connection.send(b"\xff\xfe", text=True)
        await link.emit_raw("{")
        created = json.dumps({"type": "response.created", "response": {"id": "resp_1"}})
        await link.connection.send(iter([created[:20], created[20:]]))

    async with ScriptedServer(script) as server:
        session = await engine_to(server.url).open(config_of())
        session.send(Respond())
        events = session.events()
        assert [await anext(events), await anext(events)] == [
            SessionReady("sess_1"),
            ResponseStarted("resp_1"),
        ]
        await session.close()


async def test_nothing_after_close():
    """Waiting commands, tool results and audio are not sent once the session is closed."""
    async with ScriptedServer(only_open) as server:
        session = await engine_to(server.url).open(config_of())
        session.send(CommitInput())
        await session.close()
        session.send(SendToolResult("call_1", "{}"))
        session.send(AppendAudio(AudioChunk(CALL_FORMAT, bytes(960))))
        await session.close()
        assert await rest_of(session) == [SessionReady("sess_1")]
        await server.links[0].closed.wait()
        assert [frame["type"] for frame in server.links[0].received] == ["session.update"]


@pytest.mark.parametrize(("code", "retryable"), [(1011, True), (1001, True), (1008, False)])
async def test_a_closed_session_is_lost_once(code, retryable):
    """The close code says whether a new session may work; the events end there."""

    async def hang_up(link):
        await link.open_session()
        await link.connection.close(code, "gone")

    async with ScriptedServer(hang_up) as server:
        session = await engine_to(server.url).open(config_of())
        _, lost = await rest_of(session)
        assert isinstance(lost, SessionLost) and lost.retryable is retryable and "gone" in lost.reason
        await session.close()


async def test_a_broken_connection_is_lost():
    """The socket breaks without a close frame."""

    async def break_off(link):
        await link.open_session()
        link.connection.transport.abort()

    async with ScriptedServer(break_off) as server:
        session = await engine_to(server.url).open(config_of())
        assert (await rest_of(session))[-1].retryable
        await session.close()


async def test_a_dead_peer_is_noticed():
    """A server that no longer answers pings is lost after interval, time-out and close time."""

    async def fall_silent(link):
        await link.open_session()
        link.connection.transport.pause_reading()

    loop = asyncio.get_running_loop()
    async with ScriptedServer(fall_silent) as server:
        session = await engine_to(server.url).open(config_of())
        begun_s = loop.time()
        assert (await rest_of(session))[-1].retryable
        assert loop.time() - begun_s < 2.0
        await session.close()
        server.links[0].connection.transport.abort()


def test_a_dead_peer_is_noticed_in_under_5_seconds_by_default():
    """The default settings add up to less than five seconds."""
    settings = OpenAIEngineSettings()
    assert settings.ping_interval_s + settings.ping_timeout_s + settings.close_timeout_s < 5


async def test_a_slow_server_loses_old_audio_and_then_the_session():
    """While it does not read, old sound is dropped and counted; too many commands end it."""

    async def read_nothing(link):
        await link.open_session()
        link.connection.transport.pause_reading()

    async with ScriptedServer(read_nothing) as server:
        told = ToldMetrics()
        session = await engine_to(server.url, told, ping_interval_s=60.0).open(config_of())
        chunk = AudioChunk(CALL_FORMAT, bytes(1024 * 1024))
        for _ in range(40):
            session.send(AppendAudio(chunk))
            await SystemClock().sleep_until(0.0)  # the sender gets its turn
        assert session.dropped_audio_ms > 20 * chunk.duration_ms
        for _ in range(1_001):
            session.send(CommitInput())
        assert isinstance((await rest_of(session))[-1], SessionLost)
        await session.close()
        await session.close()
        assert told.sum_of(AUDIO_DROPPED, FROM_SESSION) == session.dropped_audio_ms / 1_000
        server.links[0].connection.transport.abort()


async def test_mcp_servers_get_their_tokens_for_the_session(monkeypatch, caplog):
    """Read when it is opened and when another agent takes it; shown in no log and no repr."""
    caplog.set_level(logging.DEBUG)
    token = secrets.token_hex(16)
    monkeypatch.setenv("DOCS_TOKEN", token)
    base = config_of()
    docs = McpServer("docs", "https://mcp.example/sse", "env:DOCS_TOKEN", ("search",))
    config = replace(base, agent=replace(base.agent, tools=AgentTools(builtin=(), mcp=(docs,))))
    declared = []

    async def look(link):
        declared.append((await link.open_session())["tools"][-1])
        declared.append((await link.expect("session.update"))["session"]["tools"][-1])

    async with ScriptedServer(look) as server:
        session = await engine_to(server.url).open(config)
        session.send(Configure(config))
        async with asyncio.timeout(5):
            while len(declared) < 2:
                await SystemClock().sleep_until(0.0)
        shown = repr(session.__dict__) + repr(vars(session._protocol)) + caplog.text
        await session.close()
    assert [tool["authorization"] for tool in declared] == [token, token]
    assert declared[0]["server_url"] == docs.server_url
    assert token not in shown


def test_what_the_engine_can_change_is_said():
    """The facts that handover is planned by."""
    assert CAPABILITIES.voice_fixed_after_audio and CAPABILITIES.model_fixed
    assert CAPABILITIES.instructions_mutable and CAPABILITIES.bills_by is BillsBy.TOKENS
