"""The engine `openai`: sessions of a Realtime server over WebSocket.

The bytes go by protocols.realtime; here are the socket, its limits and the mapping of its errors.
The API key is read when a session is opened, goes into one header and is kept nowhere.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import structlog
from websockets import CloseCode
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from agentvoice.adapters.mcp_tokens import with_mcp_tokens
from agentvoice.config import OpenAIEngineSettings, read_secret
from agentvoice.core.agent import ENGINE_OPENAI
from agentvoice.core.audio import MS_PER_S
from agentvoice.core.engine import BillsBy, EngineCapabilities, SessionConfig
from agentvoice.core.loopback import is_loopback
from agentvoice.core.metrics import AUDIO_DROPPED, FROM_SESSION, NO_METRICS
from agentvoice.core.openai_settings import OpenAISettings
from agentvoice.core.ports import Clock, Metrics
from agentvoice.core.speech import (
    Configure,
    SessionReady,
    SpeechCommand,
    SpeechEvent,
)
from agentvoice.errors import (
    AgentVoiceError,
    ConfigError,
    ConnectFailed,
    EngineUnavailable,
    TimedOut,
)
from agentvoice.protocols.realtime.beta import BETA
from agentvoice.protocols.realtime.failures import refused_by_status
from agentvoice.protocols.realtime.ga import GA
from agentvoice.protocols.realtime.protocol import RealtimeProtocol

MAX_FRAME_BYTES = 16 * 1024 * 1024
"""Of one server event; the largest are items retrieved with their sound."""

CAPABILITIES = EngineCapabilities(
    voice_fixed_after_audio=True,
    model_fixed=True,
    instructions_mutable=True,
    server_turn_taking=True,
    tools=True,
    bills_by=BillsBy.TOKENS,
    aligned_transcript=False,
)

DIALECTS = {dialect.name: dialect for dialect in (GA, BETA)}

_log = structlog.get_logger(__name__)

# At level DEBUG websockets writes whole handshakes, the key included: its logger never goes there.
_socket_log = logging.getLogger("agentvoice.realtime.socket")
_socket_log.setLevel(logging.INFO)


class RealtimeEngine:
    """Opens sessions; implements core.ports.SpeechEngine. Raises ConfigError for an unsafe URL."""

    name = ENGINE_OPENAI

    def __init__(self, settings: OpenAIEngineSettings, clock: Clock, metrics: Metrics = NO_METRICS) -> None:
        check_url(settings.url, allow_plain_ws=settings.allow_plain_ws)
        self.capabilities = replace(CAPABILITIES, max_session_s=settings.session_minutes * 60)
        self._settings = settings
        self._clock = clock
        self._dialect = DIALECTS[settings.dialect]
        self._sessions: set[RealtimeSession] = set()
        self._metrics = metrics

    async def open(self, config: SessionConfig) -> RealtimeSession:
        """Open a session that is this agent; see core.ports.SpeechEngine for what it raises."""
        timeout_s = self._settings.connect_timeout_s
        try:
            async with self._clock.deadline(timeout_s):
                session = await self._open(config)
        except TimedOut:
            raise TimedOut(f"{self._settings.url}: no session after {timeout_s:g} s") from None
        self._sessions.add(session)
        session.on_close = self._closed
        return session

    async def _open(self, config: SessionConfig) -> RealtimeSession:
        settings = self._settings
        socket = await self._connect(_session_url(settings.url, config.agent.openai.model))
        protocol = RealtimeProtocol(with_mcp_tokens(config), self._dialect, settings.send_queue_ms)
        session = RealtimeSession(socket, protocol, self.capabilities, self._clock)
        try:
            await session.become_ready()
        except BaseException:
            await session.close()
            raise
        return session

    async def _connect(self, url: str) -> ClientConnection:
        settings = self._settings
        key = _read_key(settings.api_key)
        is_local = is_loopback(urlsplit(url).hostname or "")
        try:
            return await _Connect(
                url,
                additional_headers={**self._dialect.headers, **_authorization(key)},
                compression=None,  # sound in base64 does not shrink enough to pay for the delay
                open_timeout=None,  # the clock's deadline is around all of it
                ping_interval=settings.ping_interval_s,
                ping_timeout=settings.ping_timeout_s,
                close_timeout=settings.close_timeout_s,
                max_size=MAX_FRAME_BYTES,
                proxy=None if is_local else True,
                logger=_socket_log,
            )
        except InvalidStatus as error:
            raise _refused(error) from None
        except ssl.SSLCertVerificationError as error:
            raise EngineUnavailable(
                f"{url}: its certificate is not trusted ({error.verify_message})"
            ) from None
        except (OSError, EOFError, InvalidHandshake) as error:
            raise ConnectFailed(f"{settings.url}: {str(error) or type(error).__name__}") from None

    async def check(self) -> None:
        """Find out by a handshake whether the server can be reached and takes the key.

        No session is configured, so nothing is spoken, sent or billed. Raises as `open` does.
        """
        url = _session_url(self._settings.url, OpenAISettings().model)
        try:
            async with self._clock.deadline(self._settings.connect_timeout_s):
                socket = await self._connect(url)
        except TimedOut:
            raise TimedOut(
                f"{self._settings.url}: no answer after {self._settings.connect_timeout_s:g} s"
            ) from None
        await socket.close()

    def _closed(self, session: RealtimeSession) -> None:
        if session in self._sessions:  # closed twice, it tells once
            self._sessions.discard(session)
            self._metrics.add(AUDIO_DROPPED, session.dropped_audio_ms / MS_PER_S, FROM_SESSION)

    async def close(self) -> None:
        """Close every session that is still open."""
        for session in tuple(self._sessions):
            await session.close()


class RealtimeSession:
    """One session; implements core.ports.SpeechSession. `events` has one reader."""

    def __init__(
        self,
        socket: ClientConnection,
        protocol: RealtimeProtocol,
        capabilities: EngineCapabilities,
        clock: Clock,
    ) -> None:
        self.capabilities = capabilities
        self.on_close: Callable[[RealtimeSession], None] = _forget
        self._socket = socket
        self._protocol = protocol
        self._clock = clock
        self._wait: asyncio.Task[None] | None = None
        self._backlog: list[SpeechEvent] = []
        self._has_frames = asyncio.Event()
        self._has_frames.set()  # the session's configuration waits already
        self._sender = asyncio.create_task(self._send_frames(), name="realtime sender")

    @property
    def dropped_audio_ms(self) -> int:
        """How much of the caller's sound was dropped because it could not be sent in time."""
        return self._protocol.dropped_audio_ms

    async def become_ready(self) -> None:
        """Wait until the server took the configuration; raises what ended the session instead."""
        async for event in self._receive():
            self._backlog.append(event)
            if isinstance(event, SessionReady):
                return
        raise self._protocol.failure or ConnectFailed("the session was closed while it was opened")

    def send(self, command: SpeechCommand) -> None:
        """Queue a command; never waits."""
        if isinstance(command, Configure):
            command = Configure(with_mcp_tokens(command.config))
        self._protocol.send(command)
        self._has_frames.set()
        if self._protocol.is_stalled:
            self._socket.transport.abort()  # the reader finds it broken and tells

    async def events(self) -> AsyncIterator[SpeechEvent]:
        """Yield what the session tells; ends after SessionLost or close."""
        while self._backlog:
            yield self._backlog.pop(0)
        async for event in self._receive():
            yield event

    async def close(self) -> None:
        """Close the session; nothing is sent or told after it."""
        self._protocol.close()
        tasks = {self._sender} | ({self._wait} if self._wait is not None else set())
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)  # unlike `await`, this tells their end from our own cancelling
        await self._socket.close()
        self.on_close(self)

    async def _receive(self) -> AsyncIterator[SpeechEvent]:
        while not self._protocol.is_closed:
            try:
                # Bytes, so that text that is no UTF-8 is junk to survive and not a broken socket.
                events = self._protocol.receive_message(await self._socket.recv(decode=False))
            except ConnectionClosed as closed:
                events = self._protocol.connection_lost(*_end_of(closed))
            self._has_frames.set()
            self._begin_wait(self._protocol.take_wait_s())
            for line in self._protocol.take_remarks():
                _log.info("realtime remark", remark=line)
            for event in events:
                yield event

    def _begin_wait(self, wait_s: float | None) -> None:
        """The protocol wants to be told when this time is over; a newer wait takes the place of an older."""
        if wait_s is None:
            return
        if self._wait is not None:
            self._wait.cancel()
        self._wait = asyncio.create_task(self._wait_over(wait_s), name="realtime wait")

    async def _wait_over(self, wait_s: float) -> None:
        await self._clock.sleep_until(self._clock.monotonic_s() + wait_s)
        self._protocol.wait_over()
        self._has_frames.set()

    async def _send_frames(self) -> None:
        with suppress(ConnectionClosed):  # the reader tells it
            while True:
                await self._has_frames.wait()
                self._has_frames.clear()
                # One by one: what waits while the socket is full may still be dropped.
                while (frame := self._protocol.next_frame()) is not None:
                    await self._socket.send(frame)


def _end_of(closed: ConnectionClosed) -> tuple[int | None, str]:
    """Return the server's close code and reason; None when it sent no close frame."""
    if closed.rcvd is not None:
        return closed.rcvd.code, closed.rcvd.reason
    is_too_big = closed.sent is not None and closed.sent.code == CloseCode.MESSAGE_TOO_BIG
    return None, f"it sent a frame of more than {MAX_FRAME_BYTES} bytes" if is_too_big else ""


def _forget(session: RealtimeSession) -> None:
    """Before the engine knows the session, nobody needs to hear of its end."""


class _Connect(connect):
    """A connection that follows no redirect: the key is meant for the URL that the operator named."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def _authorization(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def _read_key(reference: str) -> str:
    """Return the API key; a server on this machine may want none (empty reference)."""
    try:
        return read_secret("engines.openai.api_key", reference) if reference else ""
    except ConfigError as error:
        raise EngineUnavailable(str(error)) from None


def _refused(error: InvalidStatus) -> AgentVoiceError:
    response = error.response
    return refused_by_status(response.status_code, bytes(response.body or b""))


def _session_url(url: str, model: str) -> str:
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query), ("model", model)]
    return urlunsplit(parts._replace(query=urlencode(query)))


def check_url(url: str, *, allow_plain_ws: bool) -> None:
    """Raise ConfigError unless the key and the caller's voice may be sent to `url`."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.username or parts.password:  # not repeated: it would show the password
        raise ConfigError("engines.openai.url: got a user or password in it, want wss://host/path")
    if parts.scheme not in ("ws", "wss") or not host:
        raise ConfigError(f"engines.openai.url: got {url!r}, want wss://host/path")
    if parts.scheme == "ws" and not (allow_plain_ws or is_loopback(host)):
        raise ConfigError(
            f"engines.openai.url: got {url!r}, want wss:// (ws:// is for this machine only;"
            " engines.openai.allow_plain_ws = true allows it)"
        )
