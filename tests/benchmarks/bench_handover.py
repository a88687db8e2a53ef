"""Our share of a handover with a change of voice: from the request to the new agent's first sound sent on.

The provider is a server on loopback that answers at once, so what is measured is agentvoice, the
frames' way and the server's own work. The demo's two agents are handed to and fro, with a warm
session and without one.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from dataclasses import replace
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from agentvoice.adapters.realtime_websocket import RealtimeEngine
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config import CallSettings, OpenAIEngineSettings, Settings
from agentvoice.config.prices import read_prices
from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.leg import HungUp
from agentvoice.daemon import Runtime, open_runtime
from agentvoice.services.call_manager import CallManager, CallRequest
from agentvoice.services.session_opening import Engines
from agentvoice.storage import agents
from tests.benchmarks.figures import Row, percentile, spread
from tests.benchmarks.house import data_folder
from tests.fakes.caller_leg import FakeLeg

HANDOVERS = 40
GOAL_MS = 50.0
ANSWER_MS = 100
SETTLE_S = 0.02
"""Between two handovers: what the last one left to do is no part of the next."""


class Listener(FakeLeg):
    """Hears everything at once, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.first_sound: asyncio.Future[float] | None = None

    def play(self, chunk: AudioChunk) -> None:
        super().play(chunk)
        self.hear_all()
        if self.first_sound is not None and not self.first_sound.done():
            self.first_sound.set_result(time.perf_counter())


class Provider:
    """Answers every `response.create` at once."""

    def __init__(self) -> None:
        self._opened = asyncio.Semaphore(0)
        self._count = 0
        self._sound = base64.b64encode(bytes(CALL_FORMAT.bytes_of(ANSWER_MS))).decode()

    async def session_opened(self) -> None:
        """Wait until one more session is configured for the first time."""
        await self._opened.acquire()

    async def serve(self, connection: ServerConnection) -> None:
        await self._say(connection, "session.created", session={"id": "s", "type": "realtime"})
        is_new = True
        async for frame in connection:
            event = json.loads(frame)
            if event["type"] == "session.update":
                await self._say(connection, "session.updated", session=event["session"])
                if is_new:
                    is_new = False
                    self._opened.release()
            elif event["type"] == "response.create":
                await self._answer(connection)

    async def _say(self, connection: ServerConnection, kind: str, **fields: Any) -> None:
        await connection.send(json.dumps({"type": kind, "event_id": "e", **fields}))

    async def _answer(self, connection: ServerConnection) -> None:
        self._count += 1
        response, item = f"r{self._count}", f"i{self._count}"
        whole = {"id": item, "type": "message", "role": "assistant", "status": "completed", "content": []}
        place = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        await self._say(connection, "response.created", response={"id": response})
        await self._say(connection, "response.output_item.added", response_id=response, item=whole)
        await self._say(connection, "response.output_audio_transcript.delta", **place, delta="Here.")
        await self._say(connection, "response.output_audio.delta", **place, delta=self._sound)
        await self._say(connection, "response.output_item.done", response_id=response, item=whole)
        await self._say(
            connection, "response.done", response={"id": response, "status": "completed", "output": [whole]}
        )


def run() -> list[Row]:
    """Measure with a warm session, and without."""
    with data_folder() as settings:
        warm_ms = asyncio.run(_measure(settings, warm=True))
        cold_ms = asyncio.run(_measure(settings, warm=False))
    return [
        Row(
            "other voice, warm session, p50",
            percentile(warm_ms, 50),
            "ms",
            GOAL_MS,
            parts=f"{spread(warm_ms)} ms over {len(warm_ms)} handovers",
        ),
        Row(
            "other voice, a session opened for it, p50",
            percentile(cold_ms, 50),
            "ms",
            parts=f"{spread(cold_ms)} ms; a real provider adds its connection's round trips",
        ),
    ]


async def _measure(settings: Settings, *, warm: bool) -> list[float]:
    provider = Provider()
    async with (
        serve(provider.serve, "127.0.0.1", 0, compression=None) as server,
        open_runtime(settings, SystemClock()) as runtime,
    ):
        port = next(iter(server.sockets)).getsockname()[1]
        _speak_by(runtime)
        engine = RealtimeEngine(OpenAIEngineSettings(url=f"ws://127.0.0.1:{port}", api_key=""), runtime.clock)
        calls = CallSettings(warm_sessions=1 if warm else 0)
        manager = _manager(runtime, engine, calls)
        try:
            return await _hand_to_and_fro(manager, provider, warm=warm)
        finally:
            await engine.close()


def _speak_by(runtime: Runtime) -> None:
    """Make the demo's agents speak by the OpenAI engine, each with a voice of its own."""
    with runtime.database.writing() as session:
        for slug, voice in (("ada", "marin"), ("max", "cedar")):
            profile = agents.get_agent(session, slug).profile
            voiced = replace(
                profile, engines=("openai",), openai=replace(profile.openai, voice=voice), greeting="Here."
            )
            agents.update_agent(session, voiced, runtime.clock.utc_ms())


def _manager(runtime: Runtime, engine: RealtimeEngine, calls: CallSettings) -> CallManager:
    async def ended(call_id: str) -> None:
        """Nothing is published here."""

    return CallManager(
        runtime.database,
        runtime.writer,
        Engines({"openai": engine}, runtime.clock, 0.0),
        runtime.clock,
        calls,
        "demo",
        ended,
        runtime.owner_id,
        runtime.http_tools,
        read_prices(),
    )


async def _hand_to_and_fro(manager: CallManager, provider: Provider, *, warm: bool) -> list[float]:
    leg, clock, taken_ms = Listener(), SystemClock(), list[float]()
    loop = asyncio.get_running_loop()
    leg.first_sound = loop.create_future()
    call = asyncio.ensure_future(manager.run(CallRequest("ada"), leg))
    await leg.first_sound
    (call_id,) = manager.live_calls
    await provider.session_opened()
    for number in range(HANDOVERS):
        if warm:
            await provider.session_opened()
        await clock.sleep_until(clock.monotonic_s() + SETTLE_S)
        leg.first_sound = loop.create_future()
        asked_s = time.perf_counter()
        await manager.switch(call_id, ("max", "ada")[number % 2])
        taken_ms.append((await leg.first_sound - asked_s) * 1_000)
        if not warm:
            await provider.session_opened()
    leg.do(HungUp())
    await call
    return taken_ms
