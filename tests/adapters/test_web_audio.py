"""The daemon's end of a call socket, over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from agentvoice.adapters.web_audio import MAX_QUEUED_BYTES, SocketLeg
from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.caller_pace import CallerPace
from agentvoice.core.leg import (
    CallerAudio,
    CallerAudioDropped,
    CallerText,
    CallStatus,
    HungUp,
    LegEvent,
    OutputCleared,
    StatusChanged,
)
from agentvoice.protocols.callpage.frames import MAX_TEXT_CHARS
from tests.fakes.clock import ManualClock
from tests.fakes.speech_session import sound

LIMIT_S = 20.0


class Line:
    """A leg, and the client at the other end of its socket."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.pace: CallerPace | None = None
        self.leg: asyncio.Future[SocketLeg] = asyncio.get_running_loop().create_future()
        self.events: list[LegEvent] = []
        self.has_ended = asyncio.Event()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Collect what the leg tells, as a call would, until the caller hung up."""
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        assert request.transport is not None
        leg = SocketLeg(socket, "page", request.transport.abort, self.clock, self.pace)
        self.leg.set_result(leg)
        async for event in leg.events():
            self.events.append(event)
            if isinstance(event, HungUp):
                break
        await leg.close()
        self.has_ended.set()
        return socket


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    built = Line()
    app = web.Application()
    app.router.add_get("/call", built.serve)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "socket")).start()
    yield built
    await runner.cleanup()


@pytest.fixture
async def client(line: Line, tmp_path: Path) -> AsyncIterator[aiohttp.ClientWebSocketResponse[bool]]:
    connector = aiohttp.UnixConnector(path=str(tmp_path / "socket"))
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.ws_connect("http://daemon/call") as opened,
    ):
        yield opened


Client = aiohttp.ClientWebSocketResponse


async def received(client: Client, count: int) -> list[str | bytes]:
    """The next frames: a control frame as its type, sound as its bytes."""
    frames: list[str | bytes] = []
    async with asyncio.timeout(LIMIT_S):
        while len(frames) < count:
            data = (await client.receive()).data
            frames.append(data if isinstance(data, bytes) else str(json.loads(data)["type"]))
    return frames


async def ended(line: Line) -> list[LegEvent]:
    async with asyncio.timeout(LIMIT_S):
        await line.has_ended.wait()
    return line.events


async def test_what_the_caller_does_arrives_in_order(line: Line, client: Client):
    """Sound and control frames become events as they were sent; a socket that only closes is no hanging up."""
    await client.send_bytes(sound(20).samples)
    await client.send_str('{"type":"text","text":"Hello"}')
    await client.send_str('{"type":"cleared","samples":480}')
    await client.close()
    assert await ended(line) == [CallerAudio(sound(20)), CallerText("Hello"), OutputCleared(480)]
    assert (await line.leg).transport == "page"


async def test_sound_and_updates_are_sent_in_order(line: Line, client: Client):
    """A status stands where it was shown, between the sound before and after it."""
    leg = await line.leg
    one, two = (AudioChunk(CALL_FORMAT, bytes([number, 0]) * 480) for number in (1, 2))
    leg.play(one)
    leg.show(StatusChanged(CallStatus.SPEAKING))
    leg.play(two)
    assert await received(client, 3) == [one.samples, "status", two.samples]


async def test_clearing_drops_unsent_sound_and_keeps_the_rest(line: Line, client: Client):
    """Sound before the order is never sent after it; updates are; sound after it follows it."""
    leg = await line.leg
    old, new = (AudioChunk(CALL_FORMAT, bytes([number, 0]) * 480) for number in (1, 2))
    leg.play(old)
    leg.show(StatusChanged(CallStatus.HEARING))
    leg.clear_output()  # in the same turn of the loop: nothing was sent yet
    leg.play(new)
    assert await received(client, 3) == ["status", "clear", new.samples]


@pytest.mark.parametrize("frame", ["junk", b"\0", '{"type":"start","agent":"max"}', '{"type":"dance"}'])
async def test_a_frame_that_breaks_the_format_is_answered(line: Line, client: Client, frame: str | bytes):
    """The client is told, and the call goes on."""
    await (client.send_str(frame) if isinstance(frame, str) else client.send_bytes(frame))
    assert await received(client, 1) == ["refused"]
    await client.send_str('{"type":"text","text":"still here"}')
    await client.close()
    assert await ended(line) == [CallerText("still here")]


async def said(client: Client) -> list[str]:
    """What the client was refused, until its socket is closed."""
    async with asyncio.timeout(LIMIT_S):
        return [json.loads(message.data)["message"] async for message in client]


async def send(client: Client, frame: str | bytes) -> None:
    """Send a frame: text, sound, or a ping."""
    if isinstance(frame, bytes):
        await client.send_bytes(frame)
    else:
        await (client.ping() if frame == "ping" else client.send_str(frame))


@pytest.fixture
def paced(line: Line) -> Line:
    """A leg whose client's pace is limited."""
    line.pace = CallerPace()
    return line


async def test_sound_beyond_the_pace_is_dropped_and_told_once(paced: Line, client: Client):
    """The first 30 s are taken; what is lost is counted, and the call goes on."""
    for _ in range(32):
        await client.send_bytes(sound(1_000).samples)
    await client.send_str('{"type":"hang_up"}')
    lost = CallerAudioDropped(1_000)
    assert await ended(paced) == [CallerAudio(sound(1_000))] * 30 + [lost, lost, HungUp()]
    (told,) = await said(client)
    assert "what is beyond is dropped" in told
    assert not (await paced.leg).is_too_fast


async def test_sound_without_end_ends_the_call(paced: Line, client: Client):
    """A file sent as fast as it goes, or a flood: the client is told what is wanted, and has hung up."""
    for _ in range(92):
        await client.send_bytes(sound(1_000).samples)
    told = await ended(paced)
    assert (len(told), told[-1], (await paced.leg).is_too_fast) == (30 + 60 + 1, HungUp(), True)
    assert "want it in real time" in (await said(client))[-1]


@pytest.mark.parametrize(
    ("frame", "taken"),
    [
        ('{"type":"played","samples":1}', 3_000),
        ('{"type":"interrupt"}', 50),
        ('{"type":"text","text":"more"}', 50),
        ('{"type":"start","agent":"max"}', 50),
        ("junk", 50),
        (b"\0", 50),
        ("ping", 50),
    ],
)
async def test_too_many_control_frames_end_the_call(
    paced: Line, client: Client, frame: str | bytes, taken: int
):
    """One clear error, and nothing behind it is heard; as time goes there is room for more."""
    for _ in range(taken):
        await send(client, frame)
    await client.send_bytes(sound(20).samples)
    async with asyncio.timeout(LIMIT_S):
        while CallerAudio(sound(20)) not in paced.events:
            await paced.clock.settle()
    await paced.clock.advance(0.5)
    for _ in range(60):
        await send(client, frame)
    told = await ended(paced)
    assert (told[-1], (await paced.leg).is_too_fast) == (HungUp(), True)
    last = (await said(client))[-1]
    assert last.startswith("call socket: got more than")
    assert "want" in last


async def test_text_without_end_ends_the_call(paced: Line, client: Client):
    """A call keeps what is typed: ten long turns are taken, page after page is not."""
    page = json.dumps({"type": "text", "text": "x" * MAX_TEXT_CHARS})
    for _ in range(11):
        await client.send_str(page)
    assert [type(event) for event in await ended(paced)] == [*[CallerText] * 10, HungUp]
    assert "got more than 80,000 characters of `text` at once" in (await said(client))[-1]


async def test_a_ping_is_answered(paced: Line, client: Client, tmp_path: Path):
    """A client that looks whether we are there is told so, with what it sent."""
    connector = aiohttp.UnixConnector(path=str(tmp_path / "socket"))
    paced.leg = asyncio.get_running_loop().create_future()
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.ws_connect("http://daemon/call", autoping=False) as other,
    ):
        await other.ping(b"there?")
        answer = await other.receive(LIMIT_S)
        assert (answer.type, bytes(answer.data)) == (aiohttp.WSMsgType.PONG, b"there?")


async def test_a_leg_without_a_pace_takes_all(line: Line, client: Client):
    """The terminal sends recordings as fast as the engine takes them."""
    for _ in range(120):
        await client.send_bytes(sound(1_000).samples)
        await client.send_str('{"type":"interrupt"}')
    await client.send_str('{"type":"hang_up"}')
    assert len(await ended(line)) == 241


async def test_closing_sends_what_is_queued_and_can_be_repeated(line: Line, client: Client):
    """The last words go out; afterwards nothing is taken, and the socket is still open."""
    leg = await line.leg
    leg.play(sound(20))
    await leg.close()
    await leg.close()
    leg.play(sound(40))
    leg.show(StatusChanged(CallStatus.ENDED))
    assert await received(client, 1) == [sound(20).samples]
    await client.send_str('{"type":"hang_up"}')
    assert await ended(line) == [HungUp()]


async def test_a_client_that_vanishes_has_not_hung_up(line: Line, client: Client):
    """Its events end without HungUp; sound for nobody is no error, and closing ends."""
    leg = await line.leg
    connection = client._response.connection  # as a process that was killed: no closing handshake
    assert connection is not None
    assert connection.transport is not None
    connection.transport.abort()
    assert await ended(line) == []
    leg.play(sound(20))
    await leg.close()


async def test_a_stalled_client_is_hung_up_on(line: Line, tmp_path: Path):
    """A client that reads nothing costs a bounded queue, then its call ends; it is logged once."""
    loop = asyncio.get_running_loop()
    with sockets.socket(sockets.AF_UNIX) as raw:
        raw.setblocking(False)
        await loop.sock_connect(raw, str(tmp_path / "socket"))
        await loop.sock_sendall(raw, HANDSHAKE)
        leg = await line.leg
        with capture_logs() as logs:
            second = AudioChunk(CALL_FORMAT, bytes(48_000))
            async with asyncio.timeout(LIMIT_S):
                while not line.has_ended.is_set():
                    leg.play(second)
                    await asyncio.sleep(0)  # the writer sends until the client's buffers are full
            assert line.events == []
    assert [entry["event"] for entry in logs].count("call_socket_stalled") == 1
    assert leg._outgoing.qsize() * len(second.samples) <= MAX_QUEUED_BYTES


HANDSHAKE = (
    b"GET /call HTTP/1.1\r\nHost: daemon\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
