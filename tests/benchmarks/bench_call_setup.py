"""Our share of setting a call up: over the control socket, with an engine that takes no time."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from statistics import median

import aiohttp
from aiohttp import web

from agentvoice.adapters.system_clock import SystemClock
from agentvoice.daemon import Runtime, open_runtime
from agentvoice.protocols import callpage
from agentvoice.web.app import build_control_app
from tests.benchmarks.figures import Row, spread
from tests.benchmarks.house import data_folder
from tests.fakes.speech_session import FakeEngine

SETUPS = 50
SETUP_GOAL_MS = 6.0
SETUP_CPU_GOAL_MS = 3.0

SETTLE_S = 0.03
"""An ended call is stored and looked at by the publisher: that is not set-up."""

Connect = Callable[[], Awaitable[tuple[float, float]]]


def run() -> list[Row]:
    """Measure in a runtime whose local engine is scripted."""
    with data_folder() as settings:

        async def measure() -> list[Row]:
            async with open_runtime(settings, SystemClock()) as runtime:
                await runtime.start()
                runtime.engines["local"] = FakeEngine()
                return await measure_setup(runtime)

        return asyncio.run(measure())


async def measure_setup(runtime: Runtime) -> list[Row]:
    """Open call sockets one after the other, and bare ones in between."""
    async with AsyncExitStack() as stack:
        # A socket's path has a limit of 108 bytes, which the checkout's own folder may use up.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bare = web.Application()
        bare.router.add_get("/call", _answer_one)
        calls_http = await _serve(build_control_app(runtime.calls, runtime.missing), folder / "calls", stack)
        bare_http = await _serve(bare, folder / "bare", stack)
        ways: dict[str, Connect] = {"call": partial(_call, calls_http), "bare": partial(_call, bare_http)}
        wall_ms: dict[str, list[float]] = {way: [] for way in ways}
        cpu_ms: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(SETUPS):
            for way, connect in ways.items():
                wall, cpu = await connect()
                wall_ms[way].append(wall)
                cpu_ms[way].append(cpu)
                await _settle(runtime)
    return [
        _share("call set-up, socket opened to call stored, p50", wall_ms, SETUP_GOAL_MS),
        _share("CPU of it, the writer's thread included, p50", cpu_ms, SETUP_CPU_GOAL_MS),
    ]


def _share(what: str, taken_ms: dict[str, list[float]], goal_ms: float) -> Row:
    share_ms = median(taken_ms["call"]) - median(taken_ms["bare"])
    parts = f"whole {spread(taken_ms['call'])}\nless a bare socket that answers: {spread(taken_ms['bare'])}"
    return Row(what, share_ms, "ms", goal_ms, parts=parts)


async def _serve(app: web.Application, path: Path, stack: AsyncExitStack) -> aiohttp.ClientSession:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.UnixSite(runner, str(path)).start()
    return await stack.enter_async_context(
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(path)))
    )


async def _answer_one(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    await socket.receive()
    await socket.send_str(callpage.encode_frame(callpage.Started(call="none")))
    await socket.receive()
    return socket


async def _call(http: aiohttp.ClientSession) -> tuple[float, float]:
    """Open a call socket, wait for the call, hang up; return the wall and CPU time until it stood (ms)."""
    began_s, cpu_began_s = time.perf_counter(), time.process_time()
    async with http.ws_connect("http://daemon/call") as socket:
        await socket.send_str(callpage.encode_frame(callpage.Start(agent="ada", project="demo")))
        message = await socket.receive()
        taken = (time.perf_counter() - began_s) * 1_000, (time.process_time() - cpu_began_s) * 1_000
        frame = callpage.decode_daemon_frame(message.data)
        if not isinstance(frame, callpage.Started):
            raise RuntimeError(f"the call was not started: {message.data}")
    return taken


async def _settle(runtime: Runtime) -> None:
    """Wait until the last call is over and what it left to do is done."""
    while True:
        await runtime.clock.sleep_until(runtime.clock.monotonic_s() + SETTLE_S)
        if not runtime.calls.live_calls:
            return
