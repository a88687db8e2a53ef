"""Barge-in: from the engine's word that the caller speaks to the order to drop the agent's sound."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from statistics import median

from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config import CallSettings
from agentvoice.core.audio import FRAME_MS, AudioChunk
from agentvoice.core.leg import CallerAudio
from agentvoice.core.speech import AudioDelta, ResponseEnded, ResponseStatus, SpeechStarted
from agentvoice.daemon import Runtime, open_runtime
from agentvoice.services.call_manager import CallRequest
from tests.benchmarks.figures import Row, percentile, spread
from tests.benchmarks.house import MANY_CALLS, data_folder
from tests.benchmarks.loop_lag import sampled_bare_loop, sampled_lag
from tests.fakes.caller_leg import FakeLeg
from tests.fakes.speech_session import FakeEngine, FakeSession, sound

CALLS = 100
BARGE_INS = 500
REPLY_MS = 4_000
LATE_MS = 100
WAIT_S = 0.002
"""Between two barge-ins: what the first one left behind is done by then."""
P50_GOAL_MS = 0.7
P99_GOAL_MS = 5.0


class ListeningLeg(FakeLeg):
    """Notes when it is given sound, and when it is told to drop it."""

    def __init__(self) -> None:
        super().__init__()
        self.has_sound = asyncio.Event()
        self.was_cleared = asyncio.Event()
        self.cleared_s = 0.0

    def play(self, chunk: AudioChunk) -> None:
        """See CallerLeg."""
        super().play(chunk)
        self.has_sound.set()

    def clear_output(self) -> None:
        """See CallerLeg."""
        self.cleared_s = time.perf_counter()
        super().clear_output()
        self.was_cleared.set()


def run() -> list[Row]:
    """Let the callers of 100 speaking calls interrupt in turns, while all of them send their sound."""
    with data_folder() as settings:
        roomy = replace(settings, calls=CallSettings(max_calls=CALLS, budgets=MANY_CALLS))

        async def measure() -> list[Row]:
            async with open_runtime(roomy, SystemClock()) as runtime:
                await runtime.start()
                engine = FakeEngine()
                runtime.engines["local"] = engine
                return await measure_barge_in(runtime, engine)

        return asyncio.run(measure())


async def measure_barge_in(runtime: Runtime, engine: FakeEngine) -> list[Row]:
    """Return the figures over all barge-ins."""
    calls: list[asyncio.Task[object]] = []
    legs: list[ListeningLeg] = []
    for number in range(CALLS):
        legs.append(ListeningLeg())
        calls.append(asyncio.create_task(runtime.calls.run(CallRequest("ada", "demo"), legs[-1])))
        while len(engine.sessions) <= number:  # one after the other, so that legs and sessions match
            await _pause(runtime)
    feeding = asyncio.create_task(_feed(runtime, legs))
    async with sampled_bare_loop() as bare_late_ms:
        with sampled_lag() as lag:
            waits_ms = [
                await _interrupt(runtime, legs[number % CALLS], engine.sessions[number % CALLS], f"r{number}")
                for number in range(BARGE_INS)
            ]
    feeding.cancel()
    for leg in legs:
        leg.vanish()
    await asyncio.gather(*calls)
    parts = (
        f"{BARGE_INS} barge-ins, {CALLS} callers sending {FRAME_MS} ms frames: {spread(waits_ms, 2)} ms\n"
        "no sound of an interrupted reply after it\n"
        f"loop lag meanwhile: {spread(lag.late_ms)}; a bare loop beside it: {spread(bare_late_ms)} ms"
    )
    return [
        Row("caller speaks to sound dropped, p50", median(waits_ms), "ms", P50_GOAL_MS, parts=parts),
        Row("caller speaks to sound dropped, p99", percentile(waits_ms, 99), "ms", P99_GOAL_MS),
    ]


async def _interrupt(runtime: Runtime, leg: ListeningLeg, session: FakeSession, response: str) -> float:
    """Let an agent speak and its caller interrupt; return how long the order to drop took (ms)."""
    leg.has_sound.clear()
    leg.was_cleared.clear()
    session.emit_reply(response, "That is a long story.", REPLY_MS, end=False)
    await leg.has_sound.wait()
    await _pause(runtime)
    late = AudioDelta(f"item-of-{response}", 0, sound(LATE_MS), response)
    began_s = time.perf_counter()
    session.emit(SpeechStarted(0), late, ResponseEnded(response, ResponseStatus.CANCELLED))
    await leg.was_cleared.wait()
    await _pause(runtime)
    if leg.queued_samples:
        raise RuntimeError(f"{leg.queued_samples} samples of {response} came after the caller interrupted it")
    return (leg.cleared_s - began_s) * 1_000


async def _feed(runtime: Runtime, legs: list[ListeningLeg]) -> None:
    """Send every caller's frames in real time, a few callers each millisecond as real ones would come."""
    due_s = runtime.clock.monotonic_s()
    frame = CallerAudio(sound(FRAME_MS))
    while True:
        for slot in range(FRAME_MS):
            for leg in legs[slot::FRAME_MS]:
                leg.do(frame)
            due_s += 0.001
            await runtime.clock.sleep_until(due_s)


async def _pause(runtime: Runtime) -> None:
    await runtime.clock.sleep_until(runtime.clock.monotonic_s() + WAIT_S)
