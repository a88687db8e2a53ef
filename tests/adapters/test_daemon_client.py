"""The CLI's end of the control socket, against a daemon that follows a script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from agentvoice.adapters import daemon_client
from agentvoice.adapters.daemon_client import DaemonClient
from agentvoice.core.leg import CallerAudio, CallerText, CallStatus, HungUp, LegEvent, StatusChanged
from agentvoice.errors import (
    AgentVoiceError,
    AudioDeviceError,
    CallError,
    ConnectionLost,
    NotFound,
    Refused,
    RemoteProtocolError,
    TimedOut,
    UsageError,
)
from agentvoice.protocols import callpage
from agentvoice.protocols.callpage import Ended, Start, encode_frame
from tests.fakes.caller_leg import FakeLeg
from tests.fakes.speech_session import sound

Script = Callable[[web.WebSocketResponse], Awaitable[None]]

START = Start(agent="ada", project="home", engine="local", transport="wav")
ENDED = Ended(call="0190" * 8, reason="caller")
LIMIT_S = 20.0


class Daemon:
    """Plays `script` with each call; answers every other request with `status` and `body`."""

    def __init__(self, path: Path) -> None:
        self.client = DaemonClient(path)
        self.script: Script | None = None
        self.status, self.body = 200, b"{}"
        self.posted: list[tuple[str, bytes]] = []
        self.answers = asyncio.Event()
        self.answers.set()

    async def call(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert self.script is not None
        await self.script(socket)
        await socket.close()
        return socket

    async def other(self, request: web.Request) -> web.Response:
        self.posted.append((request.path, await request.read()))
        await self.answers.wait()
        return web.Response(status=self.status, body=self.body)

    async def run(
        self, script: Script, leg: FakeLeg, started: Callable[[str], None] = lambda call: None
    ) -> Ended:
        """A call of this leg, answered by the script."""
        self.script = script
        async with asyncio.timeout(LIMIT_S):
            return await self.client.run_call(START, leg, started)


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    built = Daemon(tmp_path / "socket")
    app = web.Application()
    app.router.add_get("/call", built.call)
    app.router.add_route("*", "/{path:.*}", built.other)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "socket")).start()
    yield built
    await runner.cleanup()


async def test_the_first_frame_says_who_calls_whom(daemon: Daemon):
    """Agent, project, engine and transport are named; the call's id and its end come back."""
    frames: list[str] = []
    started: list[str] = []

    async def script(socket: web.WebSocketResponse) -> None:
        frames.append(await socket.receive_str())
        await socket.send_str(encode_frame(callpage.Started(call=ENDED.call)))
        await socket.send_str(encode_frame(ENDED))

    leg = FakeLeg()
    assert await daemon.run(script, leg, started.append) == ENDED
    assert callpage.decode_client_frame(frames[0]) == START
    assert started == [ENDED.call]
    assert leg.is_closed


async def test_what_the_caller_does_is_sent_in_order(daemon: Daemon):
    """Sound as binary frames, the rest as control frames; a leg that ends has hung up."""
    got: list[object] = []

    async def script(socket: web.WebSocketResponse) -> None:
        async for message in socket:
            data = message.data
            got.append(data if isinstance(data, bytes) else callpage.decode_client_frame(data))
            if isinstance(got[-1], callpage.HangUp):
                await socket.send_str(encode_frame(ENDED))
                return

    leg = FakeLeg()
    leg.do(CallerAudio(sound(20)), CallerText("Hello"))
    leg.vanish()
    await daemon.run(script, leg)
    assert got == [START, sound(20).samples, callpage.Text(text="Hello"), callpage.HangUp()]


async def test_the_leg_gets_sound_orders_and_updates_in_order(daemon: Daemon):
    """Sound after an order to clear is played, sound before it is dropped."""

    async def script(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(sound(100).samples)
        await socket.send_str(encode_frame(callpage.Clear()))
        await socket.send_bytes(sound(20).samples)
        await socket.send_str(encode_frame(callpage.Status(status=CallStatus.SPEAKING)))
        await socket.send_str(encode_frame(ENDED))

    leg = FakeLeg()
    await daemon.run(script, leg)
    assert (leg.clears, leg.queued_samples) == (1, 20 * 24)
    assert leg.shown == [StatusChanged(CallStatus.SPEAKING)]


@pytest.mark.parametrize(
    ("exit_code", "error"), [(1, CallError), (2, UsageError), (3, NotFound), (4, Refused), (9, CallError)]
)
async def test_a_refusal_keeps_its_exit_code(daemon: Daemon, exit_code: int, error: type[AgentVoiceError]):
    """Over the call socket and over HTTP alike, the command ends as if it had looked itself."""
    refused = callpage.Refused(message="agent 'eve': no such agent", exit_code=exit_code)

    async def script(socket: web.WebSocketResponse) -> None:
        await socket.send_str(encode_frame(refused))

    leg = FakeLeg()
    with pytest.raises(error, match="no such agent"):
        await daemon.run(script, leg)
    assert leg.is_closed
    daemon.status, daemon.body = 400, b'{"error":"call x: no such call","exit_code":%d}' % exit_code
    with pytest.raises(error, match="no such call"):
        await daemon.client.end("x")


async def test_a_daemon_that_goes_away_is_a_lost_connection(daemon: Daemon):
    """A socket closed before the end of the call is an error, and the leg is closed."""

    async def script(socket: web.WebSocketResponse) -> None:
        await socket.send_str(encode_frame(callpage.Started(call=ENDED.call)))

    leg = FakeLeg()
    with pytest.raises(ConnectionLost, match="before the call had ended"):
        await daemon.run(script, leg)
    assert leg.is_closed


@pytest.mark.parametrize("frame", ["junk", '{"type":"dance"}', b"\0"])
async def test_frames_that_break_the_format_end_the_call(daemon: Daemon, frame: str | bytes):
    """Daemon and CLI of different versions: one clear error, the leg closed."""

    async def script(socket: web.WebSocketResponse) -> None:
        await (socket.send_str(frame) if isinstance(frame, str) else socket.send_bytes(frame))

    leg = FakeLeg()
    with pytest.raises(RemoteProtocolError, match="call socket"):
        await daemon.run(script, leg)
    assert leg.is_closed


async def test_a_call_may_last_longer_than_an_answer(daemon: Daemon, monkeypatch: pytest.MonkeyPatch):
    """The limit of answers is not one of calls."""
    monkeypatch.setattr(daemon_client, "ANSWER_TIMEOUT_S", 0.05)  # the real one takes 40 s
    loop = asyncio.get_running_loop()

    async def script(socket: web.WebSocketResponse) -> None:
        later = loop.create_future()
        loop.call_later(0.3, later.set_result, None)
        await later
        await socket.send_str(encode_frame(ENDED))

    assert await daemon.run(script, FakeLeg()) == ENDED


async def test_a_daemon_that_does_not_answer_is_told(daemon: Daemon, monkeypatch: pytest.MonkeyPatch):
    """A request ends at its limit as one that failed; who does not answer does not count as up."""
    monkeypatch.setattr(daemon_client, "ANSWER_TIMEOUT_S", 0.05)
    daemon.answers = asyncio.Event()
    with pytest.raises(TimedOut, match=r"daemon: no answer after 0.05 s"):
        await daemon.client.end("x")
    assert not await daemon.client.is_up()
    daemon.answers.set()


async def test_what_operators_ask_is_posted(daemon: Daemon):
    """Call and agent are in path and body."""
    await daemon.client.switch("0190", "max")
    await daemon.client.end("0190")
    assert daemon.posted == [
        ("/api/v1/calls/0190/switch", b'{"agent":"max"}'),
        ("/api/v1/calls/0190/end", b"{}"),
    ]


async def test_an_answer_that_is_no_json_is_shown(daemon: Daemon):
    """Whatever stands behind the socket, its words reach the operator."""
    daemon.status, daemon.body = 502, b"<h1>Bad gateway</h1>"
    with pytest.raises(CallError, match="Bad gateway"):
        await daemon.client.end("x")


@pytest.mark.parametrize(("status", "is_up"), [(200, True), (404, False), (503, False)])
async def test_only_a_healthy_answer_is_a_daemon(daemon: Daemon, status: int, is_up: bool):
    """Something else that listens on the socket is not taken for one."""
    daemon.status = status
    assert await daemon.client.is_up() is is_up


async def test_a_hung_up_leg_says_so_once(daemon: Daemon):
    """A leg's own HungUp and its end are both sent; the daemon takes the first."""
    frames: list[object] = []

    async def script(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        frames.append(callpage.decode_client_frame(await socket.receive_str()))
        await socket.send_str(encode_frame(ENDED))

    leg = FakeLeg()
    leg.do(HungUp())
    await daemon.run(script, leg)
    assert frames == [callpage.HangUp()]


class BrokenLeg(FakeLeg):
    """A device that fails after its first event."""

    async def events(self) -> AsyncIterator[LegEvent]:
        yield CallerText("Hello")
        raise AudioDeviceError("microphone 'default': unplugged")


async def test_a_leg_that_fails_hangs_up_and_says_why(daemon: Daemon):
    """The daemon would keep the call open for hours, and the command would wait for its end."""
    got: list[object] = []

    async def script(socket: web.WebSocketResponse) -> None:
        async for message in socket:
            got.append(callpage.decode_client_frame(message.data))
            if isinstance(got[-1], callpage.HangUp):
                await socket.send_str(encode_frame(ENDED))
                return

    with pytest.raises(AudioDeviceError, match="unplugged"):
        await daemon.run(script, BrokenLeg())
    assert got == [START, callpage.Text(text="Hello"), callpage.HangUp()]
