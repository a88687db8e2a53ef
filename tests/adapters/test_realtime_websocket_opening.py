"""What goes wrong before a session is open: handshakes, keys, certificates, addresses."""

import json

import pytest

from agentvoice.adapters.realtime_websocket import RealtimeEngine, check_url
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config import OpenAIEngineSettings
from agentvoice.errors import (
    AuthenticationRejected,
    ConfigError,
    ConnectFailed,
    EngineUnavailable,
    QuotaExceeded,
    TimedOut,
)
from tests.fakes.certificates import make_certificate
from tests.fakes.realtime_agents import config_of
from tests.fakes.realtime_server import ScriptedServer

SHORT = {"ping_interval_s": 0.1, "ping_timeout_s": 0.1, "close_timeout_s": 0.1, "connect_timeout_s": 5.0}


def engine_to(url, **settings):
    return RealtimeEngine(
        OpenAIEngineSettings(**{"url": url, "api_key": ""} | SHORT | settings), SystemClock()
    )


async def only_open(link):
    await link.open_session()


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


async def test_an_untrusted_certificate_is_refused(tmp_path):
    """TLS is verified: a self-signed server is not spoken to, and no retry is offered."""
    context = make_certificate(tmp_path).serving()
    async with ScriptedServer(only_open, ssl=context) as server:
        with pytest.raises(EngineUnavailable, match="certificate is not trusted"):
            await engine_to(server.url).open(config_of())
        assert server.links == []


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


async def test_a_check_shakes_hands_and_says_nothing():
    """It proves that the server is there and takes the key; no session is configured."""

    async def greeted(link):
        """Say nothing and wait for the client to go."""

    async with ScriptedServer(greeted) as server:
        await engine_to(server.url).check()
        await server.links[0].closed.wait()
    assert server.links[0].received == []
    assert server.links[0].path.endswith("?model=gpt-realtime-2.1")


async def test_a_check_tells_what_open_would_tell():
    """A refused key is found before anybody calls."""
    body = json.dumps({"error": {"code": "invalid_api_key", "message": "no"}}).encode()
    async with ScriptedServer(only_open, status=401, body=body) as server:
        with pytest.raises(AuthenticationRejected, match="invalid_api_key"):
            await engine_to(server.url).check()


async def test_sessions_know_their_limit():
    """The provider's cap is a capability of the engine and of its sessions; the operator may set it."""
    async with ScriptedServer(only_open) as server:
        engine = engine_to(server.url, session_minutes=15)
        session = await engine.open(config_of())
        assert engine.capabilities.max_session_s == session.capabilities.max_session_s == 900
        await engine.close()
