"""How fast the clients of the call socket may send: on TCP in real time, its owner as they like."""

from __future__ import annotations

import json
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from agentvoice.core.call import EndReason
from agentvoice.core.caller_pace import (
    EXCESS_RATE,
    EXCESS_S,
    PRESSES_AT_ONCE,
    PRESSES_PER_S,
    REPORTS_AT_ONCE,
    REPORTS_PER_S,
    SOUND_AHEAD_S,
    SOUND_RATE,
    TYPED_AT_ONCE,
    TYPED_PER_S,
)
from agentvoice.core.metrics import AUDIO_DROPPED, FROM_LEG
from agentvoice.core.speech import AppendAudio
from agentvoice.web.app import build_control_app
from agentvoice.web.call_socket import TOO_FAST
from tests.fakes.speech_session import sound
from tests.services.conftest import House
from tests.web.api_scene import Scene
from tests.web.street import last_frame

Socket = aiohttp.ClientWebSocketResponse[bool]
START = {"type": "start", "agent": "ada"}


async def live(house: House, socket: Socket) -> str:
    """A page's call, begun on a socket."""
    await socket.send_json(START)
    started = json.loads((await socket.receive()).data)
    await house.until(lambda: house.engine.sessions)
    call: str = started["call"]
    return call


async def test_a_flood_of_control_frames_ends_the_call(call_scene: Scene):
    """The client is told, its call ends as one that it hung up on, and is not held for more of the same."""
    house = call_scene.house
    socket = await call_scene.client.ws_connect("/call")
    call = await live(house, socket)
    for _ in range(round(PRESSES_AT_ONCE) + 1):
        await socket.send_json({"type": "interrupt"})
    ended = await last_frame(socket)
    assert (ended["type"], ended["reason"], socket.close_code) == ("ended", "caller", TOO_FAST)
    assert house.call(call).end_reason is EndReason.CALLER
    assert house.manager.live_calls == ()


async def test_sound_beyond_the_pace_reaches_no_engine(call_scene: Scene):
    """It is counted with the sound that callers lose, and the call goes on."""
    house = call_scene.house
    socket = await call_scene.client.ws_connect("/call")
    call = await live(house, socket)
    for _ in range(33):
        await socket.send_bytes(sound(1_000).samples)
    await house.until(lambda: house.metrics.sum_of(AUDIO_DROPPED, FROM_LEG) == 3)
    assert len(house.session.told_of(AppendAudio)) == 30
    assert house.manager.live_calls == (call,)
    await socket.close()


@pytest.mark.parametrize("frame", [sound(1_000).samples, '{"type":"interrupt"}'], ids=["sound", "control"])
async def test_the_owner_sends_what_they_like(tmp_path: Path, frame: bytes | str):
    """The terminal's recordings go as fast as they are read."""
    house = House(tmp_path)
    async with TestClient(TestServer(build_control_app(house.manager, str))) as client:
        socket = await client.ws_connect("/call")
        call = await live(house, socket)
        for _ in range(200):
            await (socket.send_str(frame) if isinstance(frame, str) else socket.send_bytes(frame))
        await socket.send_bytes(sound(20).samples)
        await house.until(lambda: AppendAudio(sound(20)) in house.session.told_of(AppendAudio))
        assert len(house.session.told_of(AppendAudio)) == (201 if isinstance(frame, bytes) else 1)
        assert house.manager.live_calls == (call,)
        await socket.close()
        await house.close()


def test_the_reference_states_the_pace():
    """The table has the numbers of the code."""
    page = (Path(__file__).parents[2] / "docs/reference/call-socket.md").read_text()
    for row in (
        f"| sound | {SOUND_AHEAD_S:g} s | {SOUND_RATE:g} s |",
        f"| sound that was dropped | {EXCESS_S:g} s | {EXCESS_RATE:g} s |",
        f"| `played`, `cleared`, `playout`, `dropped` | {REPORTS_AT_ONCE:,g} | {REPORTS_PER_S:g} |",
        f"| all other frames, pings, and frames that break the format | {PRESSES_AT_ONCE:g} | {PRESSES_PER_S:g} |",
        f"| characters of `text` | {TYPED_AT_ONCE:,.0f} | {TYPED_PER_S:,.0f} |",
    ):
        assert row in page
