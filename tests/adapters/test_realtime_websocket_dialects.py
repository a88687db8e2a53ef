"""Both dialects over a real socket: headers, refusals, large frames, replies asked for again."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

from agentvoice.adapters.realtime_websocket import MAX_FRAME_BYTES, RealtimeEngine
from agentvoice.config import OpenAIEngineSettings
from agentvoice.core.speech import (
    AudioDelta,
    Respond,
    ResponseEnded,
    ResponseStarted,
    SessionError,
    SessionLost,
    SessionReady,
)
from agentvoice.errors import EngineUnavailable
from tests.fakes.clock import ManualClock
from tests.fakes.realtime_agents import config_of
from tests.fakes.realtime_server import Link, ScriptedServer

ANSWER = {"id": "item_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}


def engine_to(url: str, dialect: str = "ga", clock: ManualClock | None = None) -> RealtimeEngine:
    return RealtimeEngine(
        OpenAIEngineSettings(url=url, api_key="", dialect=dialect, close_timeout_s=0.1),
        clock or ManualClock(),
    )


async def speak(link: Link, sound: bytes) -> None:
    """Answer with one item of sound."""
    await link.emit({"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}})
    place = {"response_id": "resp_1", "output_index": 0}
    await link.emit({"type": "response.output_item.added", **place, "item": ANSWER})
    delta = base64.b64encode(sound).decode()
    part = {"item_id": "item_1", "content_index": 0}
    await link.emit({"type": "response.output_audio.delta", **place, **part, "delta": delta})
    await link.emit({"type": "response.done", "response": {"id": "resp_1", "status": "completed"}})


@pytest.mark.parametrize("dialect", ["ga", "beta"])
async def test_a_reply_is_had_in_each_dialect(dialect: str):
    """The same script serves both; beta alone sends its header, and its frames pass its judge."""

    async def script(link: Link) -> None:
        session = await link.open_session()
        assert ("type" in session) is (dialect == "ga")
        await link.expect("response.create")
        await speak(link, bytes(480))

    async with ScriptedServer(script) as server:
        engine = engine_to(server.url, dialect)
        session = await engine.open(config_of(output="audio"))
        assert server.links[0].headers.get("openai-beta") == ("realtime=v1" if dialect == "beta" else None)
        session.send(Respond())
        told = []
        async for event in session.events():
            told.append(event)
            if isinstance(event, ResponseEnded):
                break
        assert [type(event) for event in told if isinstance(event, AudioDelta | ResponseStarted)] == [
            ResponseStarted,
            AudioDelta,
        ]
        await engine.close()


async def test_a_server_that_has_only_ga_names_the_setting():
    """beta_api_shape_disabled is one clear error, before the close that follows it."""

    async def refuse(link: Link) -> None:
        error = {"type": "invalid_request_error", "code": "beta_api_shape_disabled", "message": "no beta"}
        await link.emit({"type": "error", "error": error})
        await link.connection.close(4000, "invalid_request_error.beta_api_shape_disabled")

    async with ScriptedServer(refuse) as server:
        with pytest.raises(EngineUnavailable, match=r'no beta; set engines\.openai\.dialect = "ga"'):
            await engine_to(server.url, "beta").open(config_of())


async def test_a_server_that_refuses_the_session_object_names_the_setting():
    """What only beta servers say of GA's session points to the dialect too."""

    async def refuse(link: Link) -> None:
        update = await link.expect("session.update")
        error = {"type": "invalid_request_error", "code": "unknown_parameter", "message": "session.type"}
        await link.emit({"type": "error", "error": {**error, "event_id": update["event_id"]}})

    async with ScriptedServer(refuse) as server:
        with pytest.raises(EngineUnavailable, match=r"session\.type; .* set engines\.openai\.dialect"):
            await engine_to(server.url).open(config_of())


async def test_a_huge_frame_is_taken_and_a_larger_one_is_named():
    """An event just inside the limit plays; one beyond it loses the session with one clear reason."""
    sound = bytes((MAX_FRAME_BYTES // 4 * 3) - 3_000)

    async def script(link: Link) -> None:
        await link.open_session()
        await link.expect("response.create")
        await speak(link, sound)
        await link.emit_raw(json.dumps({"type": "x" * MAX_FRAME_BYTES}))

    async with ScriptedServer(script) as server:
        session = await engine_to(server.url).open(config_of(output="audio"))
        session.send(Respond())
        async with asyncio.timeout(20):
            told = [event async for event in session.events()]
        [delta] = [event for event in told if isinstance(event, AudioDelta)]
        assert len(delta.chunk.samples) == len(sound)
        [lost] = [event for event in told if isinstance(event, SessionLost)]
        assert lost is told[-1] and lost.retryable
        assert f"a frame of more than {MAX_FRAME_BYTES} bytes" in lost.reason
        await session.close()


async def test_a_rate_limited_reply_is_asked_for_again_when_its_wait_is_over():
    """The clock, not the server, brings the second response.create; closing ends a wait."""
    limit = {"type": "requests", "code": "rate_limit_exceeded", "message": "Try again in 7s."}
    failed = {"status": "failed", "status_details": {"type": "failed", "error": limit}}

    async def script(link: Link) -> None:
        await link.open_session()
        for number in (1, 2):
            await link.expect("response.create")
            await link.emit({"type": "response.done", "response": {"id": f"resp_{number}", **failed}})

    clock = ManualClock()
    async with ScriptedServer(script) as server:
        session = await engine_to(server.url, clock=clock).open(config_of())
        session.send(Respond())
        events = session.events()

        async def until_ended() -> list[object]:
            told: list[object] = []
            async for event in events:
                told.append(event)
                if isinstance(event, ResponseEnded):
                    break
            return told

        told = await until_ended()
        assert told[0] == SessionReady("sess_1")
        assert [event.is_retried for event in told if isinstance(event, SessionError)] == [True]
        await clock.advance(6.9)
        assert not server.links[0].has_unread
        await clock.advance(0.2)
        async with asyncio.timeout(5):
            assert any(isinstance(event, SessionError) for event in await until_ended())
        await session.close()
        await clock.advance(60)
        assert [frame["type"] for frame in server.links[0].received].count("response.create") == 2
