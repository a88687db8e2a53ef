import asyncio
import datetime
import ipaddress
import json
import logging
import secrets
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agentvoice.adapters.realtime_websocket import CAPABILITIES, RealtimeEngine, check_url
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config import OpenAIEngineSettings
from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.speech import (
    AppendAudio,
    BillsBy,
    CommitInput,
    Respond,
    ResponseStarted,
    SendToolResult,
    SessionLost,
    SessionReady,
)
from agentvoice.errors import (
    AuthenticationRejected,
    ConfigError,
    ConnectFailed,
    EngineUnavailable,
    QuotaExceeded,
    TimedOut,
)
from tests.fakes.realtime_agents import config_of
from tests.fakes.realtime_server import ScriptedServer

SHORT = {"ping_interval_s": 0.1, "ping_timeout_s": 0.1, "close_timeout_s": 0.1, "connect_timeout_s": 5.0}


def engine_to(url, **settings):
    return RealtimeEngine(
        OpenAIEngineSettings(**{"url": url, "api_key": ""} | SHORT | settings), SystemClock()
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


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "invalid_api_key", AuthenticationRejected),
        (429, "insufficient_quota", QuotaExceeded),
        (429, "rate_limit_exceeded", ConnectFailed),
        (503, "", ConnectFailed),
        (404, "model_not_found", EngineUnavailable),
    ],
)
async def test_a_refused_handshake_is_our_error(status, code, kind):
    """The provider's status and error code become the error that the port promises."""
    body = json.dumps({"error": {"code": code, "message": "no"}}).encode()
    async with ScriptedServer(only_open, status=status, body=body) as server:
        with pytest.raises(kind, match=str(status)):
            await engine_to(server.url).open(config_of())


async def test_no_redirect_is_followed():
    """The key is meant for the server that the operator named, and for no other."""
    async with ScriptedServer(only_open) as other:
        async with ScriptedServer(only_open, status=302, headers={"Location": other.url}) as server:
            with pytest.raises(EngineUnavailable, match="302"):
                await engine_to(server.url).open(config_of())
        assert other.links == []


async def test_a_server_that_is_not_there():
    """Nobody listens on that port."""
    async with ScriptedServer(only_open) as server:
        url = server.url
    with pytest.raises(ConnectFailed, match=r"127\.0\.0\.1"):
        await engine_to(url).open(config_of())


async def test_a_silent_server_is_timed_out():
    """The handshake succeeds and then nothing comes."""

    async def silent(link):
        await link.expect("session.update")

    async with ScriptedServer(silent) as server:
        with pytest.raises(TimedOut, match=r"no session after 0\.3 s"):
            await engine_to(server.url, connect_timeout_s=0.3).open(config_of())
        await server.links[0].closed.wait()


async def test_a_missing_key_says_what_to_do():
    """The setting, the reference and what is missing are named."""
    engine = engine_to("ws://127.0.0.1:9", api_key="env:NO_SUCH_KEY")
    with pytest.raises(EngineUnavailable, match=r"engines\.openai\.api_key.*NO_SUCH_KEY"):
        await engine.open(config_of())


@pytest.mark.parametrize(
    ("code", "kind"), [("insufficient_quota", QuotaExceeded), ("session_limit", EngineUnavailable)]
)
async def test_a_session_that_is_refused_in_words_is_our_error(code, kind):
    """The server answers session.update with an error."""

    async def refuse(link):
        update = await link.expect("session.update")
        error = {"type": "invalid_request_error", "code": code, "message": "no"}
        await link.emit({"type": "error", "error": {**error, "event_id": update["event_id"]}})

    async with ScriptedServer(refuse) as server:
        with pytest.raises(kind, match=code):
            await engine_to(server.url).open(config_of())


async def test_a_retired_dialect_is_told():
    """A server that closes with its reason while we open: the reason is the error."""

    async def refuse(link):
        await link.connection.close(4000, "invalid_request_error.beta_api_shape_disabled")

    async with ScriptedServer(refuse) as server:
        with pytest.raises(EngineUnavailable, match="beta_api_shape_disabled"):
            await engine_to(server.url).open(config_of())


async def test_a_session_closed_while_it_opens_is_an_error():
    """A reader that finds the session closed by ourselves does not wait for ever."""
    async with ScriptedServer(only_open) as server:
        session = await engine_to(server.url).open(config_of())
        await session.close()
        with pytest.raises(ConnectFailed):
            await session.become_ready()


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
        session = await engine_to(server.url, ping_interval_s=60.0).open(config_of())
        chunk = AudioChunk(CALL_FORMAT, bytes(1024 * 1024))
        for _ in range(40):
            session.send(AppendAudio(chunk))
            await SystemClock().sleep_until(0.0)  # the sender gets its turn
        assert session.dropped_audio_ms > 20 * chunk.duration_ms
        for _ in range(1_001):
            session.send(CommitInput())
        assert isinstance((await rest_of(session))[-1], SessionLost)
        await session.close()
        server.links[0].connection.transport.abort()


async def test_an_untrusted_certificate_is_refused(tmp_path):
    """TLS is verified: a self-signed server is not spoken to, and no retry is offered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    async with ScriptedServer(only_open, ssl=context) as server:
        with pytest.raises(EngineUnavailable, match="certificate is not trusted"):
            await engine_to(server.url).open(config_of())
        assert server.links == []


def self_signed(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime(2026, 1, 1)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=36_500))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
    return path


@pytest.mark.parametrize(
    "url", ["wss://api.example/v1/realtime", "ws://127.0.0.1:80", "ws://localhost/x", "ws://[::1]:80/"]
)
def test_safe_urls_are_taken(url):
    """TLS anywhere, plain text on this machine."""
    check_url(url, allow_plain_ws=False)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("ws://api.example/v1/realtime", "want wss://.*allow_plain_ws"),
        ("ws://127.0.0.1.example/", "want wss://"),
        ("https://api.example/v1/realtime", "want wss://host/path"),
        ("wss:///v1", "want wss://host/path"),
        ("wss://me:word@api.example/", "got a user or password"),
    ],
)
def test_unsafe_urls_are_refused(url, complaint):
    """The error names the setting and what is wanted, and repeats no password."""
    with pytest.raises(ConfigError, match=complaint) as refused:
        engine_to(url)
    assert "engines.openai.url" in str(refused.value) and "word@" not in str(refused.value)


def test_plain_text_to_a_named_host_can_be_allowed():
    """The operator may say so by name."""
    check_url("ws://gpu.lan:8000/v1/realtime", allow_plain_ws=True)


def test_what_the_engine_can_change_is_said():
    """The facts that handover is planned by."""
    assert CAPABILITIES.voice_fixed_after_audio and CAPABILITIES.model_fixed
    assert CAPABILITIES.instructions_mutable and CAPABILITIES.bills_by is BillsBy.TOKENS
