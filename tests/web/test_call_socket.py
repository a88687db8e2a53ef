"""Calls over the control socket: the CLI's client, the daemon's end, the manager between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from agentvoice.adapters.daemon_client import DaemonClient
from agentvoice.core.leg import (
    CallerAudio,
    CallerAudioDropped,
    CallerText,
    HungUp,
    InterruptPressed,
    Played,
    PlayoutReported,
    TurnTimed,
)
from agentvoice.core.metrics import AUDIO_DROPPED, FROM_LEG, PLAYOUT_DEPTH, UNDERRUNS
from agentvoice.core.speech import (
    AppendAudio,
    CreateItem,
    Respond,
    ResponseEnded,
    ResponseStatus,
    TruncateItem,
)
from agentvoice.errors import CallError, ConnectFailed, ConnectionLost, NotFound, UsageError
from agentvoice.protocols.callpage import Ended, Start
from agentvoice.web import call_socket
from agentvoice.web.app import build_control_app
from tests.fakes.caller_leg import FakeLeg
from tests.fakes.speech_session import sound
from tests.services.conftest import House


class Daemon:
    """A control socket in front of a house."""

    def __init__(self, house: House, path: Path) -> None:
        self.house = house
        self.path = path
        self.missing = ""
        self.client = DaemonClient(path)
        self._runner = web.AppRunner(
            build_control_app(house.manager, lambda: self.missing), handle_signals=False, shutdown_timeout=0.1
        )

    async def start(self) -> None:
        await self._runner.setup()
        await web.UnixSite(self._runner, str(self.path)).start()

    async def stop(self) -> None:
        await self._runner.cleanup()

    def call(self, leg: FakeLeg, start: Start | None = None) -> asyncio.Task[Ended]:
        """Begin a call with a leg at this end of the socket."""
        return asyncio.ensure_future(self.client.run_call(start or Start(agent="ada", transport="wav"), leg))

    async def until(self, condition: Callable[[], object]) -> None:
        """Let both ends of the socket run until something is so."""
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0)
                await self.house.clock.settle()


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    house = House(tmp_path)
    built = Daemon(house, tmp_path / "agentvoice.sock")
    await built.start()
    yield built
    await house.close()
    await built.stop()


async def live(daemon: Daemon, leg: FakeLeg) -> asyncio.Task[Ended]:
    """A call whose session has been asked to greet."""
    call = daemon.call(leg)
    await daemon.until(lambda: daemon.house.engine.sessions and daemon.house.session.told_of(Respond))
    return call


async def test_a_call_over_the_socket(daemon: Daemon):
    """Sound and items cross in both directions; the end is told with its reason."""
    leg = FakeLeg()
    call = await live(daemon, leg)
    session = daemon.house.session
    leg.do(CallerAudio(sound(20)))
    await daemon.until(lambda: session.told_of(AppendAudio))
    session.emit_reply("r1", "Hello, Ada here.", 200)
    await daemon.until(lambda: leg.queued_samples == 200 * 24)
    leg.hear_all()
    leg.do(CallerText("Goodbye"))
    await daemon.until(lambda: session.told_of(CreateItem))
    leg.do(HungUp())
    ended = await call
    assert (ended.reason, ended.error) == ("caller", "")
    texts = [item.text for item in daemon.house.items(ended.call)]
    assert texts == ["Hello, Ada here.", "Goodbye"]
    assert leg.is_closed


async def test_a_barge_in_over_the_socket_cuts_where_it_was_heard(daemon: Daemon):
    """The far end says what it played; the cut is exact across the socket."""
    leg = FakeLeg()
    call = await live(daemon, leg)
    session = daemon.house.session
    session.emit_reply("r1", "one two three four", 1_000, end=False)
    await daemon.until(lambda: leg.queued_samples == 1_000 * 24)
    leg._hear(500)
    leg.do(InterruptPressed())
    await daemon.until(lambda: session.told_of(TruncateItem))
    assert session.told_of(TruncateItem) == [TruncateItem("item-of-r1", 0, 500, "one two")]
    session.emit(ResponseEnded("r1", ResponseStatus.CANCELLED))
    leg.do(HungUp())
    await call


async def test_times_are_shown_at_the_far_end(daemon: Daemon):
    """Turn times cross the socket like every other update."""
    leg = FakeLeg()
    call = await live(daemon, leg)
    leg.do(CallerText("Hi"))
    await daemon.until(lambda: daemon.house.session.told_of(CreateItem))
    daemon.house.session.emit_reply("r1", "Hi", 20)
    await daemon.until(lambda: leg.shown_of(TurnTimed))
    leg.do(HungUp())
    await call


async def test_a_leg_that_vanishes_hangs_up(daemon: Daemon):
    """A leg that ends without a word ends its call in the daemon."""
    leg = FakeLeg()
    call = await live(daemon, leg)
    leg.vanish()
    assert (await call).reason == "caller"


async def test_a_client_that_dies_hangs_up(daemon: Daemon):
    """A broken connection ends the call; what was said is kept."""
    leg = FakeLeg()
    call = await live(daemon, leg)
    (call_id,) = daemon.house.manager.live_calls
    daemon.house.session.emit_turn("u1", "Remember")
    await daemon.until(lambda: any(item.text for item in leg.items.values()))
    call.cancel()
    await daemon.until(lambda: not daemon.house.manager.live_calls)
    assert [item.text for item in daemon.house.items(call_id)] == ["Remember"]


async def test_an_unknown_agent_is_refused_with_its_exit_code(daemon: Daemon):
    """The CLI answers as if it had looked itself."""
    with pytest.raises(NotFound, match="eve"):
        await daemon.call(FakeLeg(), Start(agent="eve"))


async def test_operators_reach_live_calls(daemon: Daemon):
    """Switch and end go over the same socket, refusals come back as ours."""
    leg = FakeLeg()
    call = await live(daemon, leg)
    (call_id,) = daemon.house.manager.live_calls
    await daemon.client.switch(call_id, "max")
    assert daemon.house.session.told[-1] == Respond("Max speaking.")
    with pytest.raises(CallError, match="cannot hand over to 'eve'"):
        await daemon.client.switch(call_id, "eve")
    with pytest.raises(NotFound, match="not live here"):
        await daemon.client.end("0" * 32)
    await daemon.client.end(call_id)
    assert (await call).reason == "operator"


async def test_a_daemon_that_goes_away_is_told(daemon: Daemon):
    """The CLI says that the daemon is gone instead of waiting for ever."""
    call = await live(daemon, FakeLeg())
    await daemon.stop()
    with pytest.raises(ConnectionLost, match="daemon"):
        await call
    assert not await daemon.client.is_up()
    with pytest.raises(ConnectFailed, match="daemon"):
        await daemon.client.end("0" * 32)


async def test_no_socket_is_no_daemon(tmp_path: Path):
    """A missing socket, or a file in its place, is no daemon."""
    assert not await DaemonClient(tmp_path / "none").is_up()
    (tmp_path / "file").write_text("")
    assert not await DaemonClient(tmp_path / "file").is_up()


async def raw(daemon: Daemon, *frames: str | bytes) -> list[str]:
    """Send raw frames and return what came back."""
    connector = aiohttp.UnixConnector(path=str(daemon.path))
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.ws_connect("http://daemon/call") as socket,
    ):
        for frame in frames:
            await (socket.send_str(frame) if isinstance(frame, str) else socket.send_bytes(frame))
        answers = []
        async for message in socket:
            answers.append(message.data)
            if '"type":"refused"' in message.data:
                break
        return answers


@pytest.mark.parametrize("frame", ["junk", '{"type":"hang_up"}', b"\0\0"])
async def test_the_first_frame_must_be_start(daemon: Daemon, frame: str | bytes):
    """Anything else is refused in one frame, and there is no call."""
    (answer,) = await raw(daemon, frame)
    assert '"refused"' in answer
    assert daemon.house.manager.live_calls == ()


async def test_a_client_that_goes_at_once_is_no_fault(daemon: Daemon, caplog: pytest.LogCaptureFixture):
    """Whoever closes before the answer leaves no traceback behind."""
    connector = aiohttp.UnixConnector(path=str(daemon.path))
    async with aiohttp.ClientSession(connector=connector) as http:
        socket = await http.ws_connect("http://daemon/call")
        await socket.close()
    await daemon.stop()
    assert [record.message for record in caplog.records if record.name == "aiohttp.server"] == []


async def test_a_client_that_says_nothing_is_told(daemon: Daemon, monkeypatch: pytest.MonkeyPatch):
    """A socket without a call is not kept: it is refused after the limit."""
    monkeypatch.setattr(call_socket, "START_TIMEOUT_S", 0.05)
    (answer,) = await raw(daemon)
    assert "got no `start` within 0.05 s" in answer


HARM = (
    b"",
    b"\0" * 46,  # whole samples, but less than a millisecond
    '{"a":' + "[" * 50_000,
    '{"type":"played","samples":-1}',
    '{"type":"cleared","samples":1000000000000000000000}',
)


@pytest.mark.parametrize("frame", ["junk", b"\0", '{"type":"start","agent":"max"}', *HARM])
async def test_junk_in_a_call_is_answered_and_survived(daemon: Daemon, frame: str | bytes):
    """A frame that breaks the format is named to the client; the call goes on."""
    answers = await raw(daemon, '{"type":"start","agent":"ada","transport":"text"}', frame)
    assert "call socket" in answers[-1]
    await daemon.until(lambda: not daemon.house.manager.live_calls)  # it ended with its socket


async def test_played_reports_cross_the_socket(daemon: Daemon):
    """What was heard at the far end finishes items here."""
    leg = FakeLeg()
    call = await live(daemon, leg)
    daemon.house.session.emit_reply("r1", "Done", 100)
    await daemon.until(lambda: leg.queued_samples)
    leg.queued_samples = 0
    leg.do(Played(100 * 24))
    await daemon.until(lambda: any(item.is_finished for item in leg.items.values()))
    leg.do(HungUp())
    await call


async def test_what_the_leg_reports_reaches_the_metrics(daemon: Daemon):
    """The buffer is at the client's end: its depth and underruns, and lost sound, cross the socket."""
    leg = FakeLeg()
    call = await live(daemon, leg)
    leg.do(PlayoutReported(60, 2), CallerAudioDropped(40))
    told = daemon.house.metrics
    await daemon.until(lambda: told.sum_of(AUDIO_DROPPED, FROM_LEG))
    assert (told.seen_of(PLAYOUT_DEPTH), told.sum_of(UNDERRUNS)) == ([0.06], 2)
    leg.do(HungUp())
    await call


async def test_a_body_that_is_wrong_is_a_usage_error(daemon: Daemon):
    """The API names the field."""
    connector = aiohttp.UnixConnector(path=str(daemon.path))
    async with aiohttp.ClientSession(connector=connector) as http:
        answer = await http.post("http://daemon/api/v1/calls/x/switch", data=b'{"agnt":"max"}')
        body = await answer.text()
    assert answer.status == 400
    assert "agnt" in body or "agent" in body
    assert UsageError.exit_code == 2
