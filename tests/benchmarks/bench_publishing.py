"""Threads: building, signing and storing one of 200 turns; a backlog that the embedded relay gets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

from agentvoice.adapters.system_clock import SystemClock
from agentvoice.daemon import Runtime, open_runtime
from agentvoice.storage import conversations
from tests.benchmarks.figures import Row, spread
from tests.benchmarks.house import data_folder, store_finished_call
from tests.benchmarks.loop_lag import Stall, sampled_lag, watched_callbacks

CLOCK = SystemClock()
TURNS = 200
CALLS = 50
PREPARE_GOAL_MS = 250
DELIVERIES_GOAL_PER_S = 1_000
MEMORY_GOAL_MB = 10
MEMORY_INTERVAL_S = 0.1
STALLS_SHOWN = 3

T = TypeVar("T")


def run() -> list[Row]:
    """Publish calls as the daemon does."""
    with data_folder() as settings:

        async def measure() -> list[Row]:
            async with open_runtime(settings, CLOCK) as runtime:
                await runtime.start()
                calls = [store_finished_call(runtime.database, number, TURNS) for number in range(CALLS)]
                return [*await measure_preparing(runtime, calls), *await measure_delivering(runtime)]

        return asyncio.run(measure())


async def measure_preparing(runtime: Runtime, calls: list[str]) -> list[Row]:
    """Make the threads, one after the other."""
    taken_ms: list[float] = []
    with sampled_lag() as lag, watched_callbacks() as stalls:
        for call in calls:
            taken_s, _ = await timed(runtime.publisher.prepare(call))
            taken_ms.append(taken_s * 1_000)
    signing_s = await _signing_s(runtime, calls[0])
    parts = [
        f"{len(calls)} threads: {spread(taken_ms, 0)} ms; reading, building and signing take {signing_s * 1e3:.0f} of it",
        f"loop lag meanwhile: {spread(lag.late_ms)} ms",
        *_causes(stalls),
    ]
    return [
        Row(
            f"thread of {TURNS} turns prepared, best",
            min(taken_ms),
            "ms",
            PREPARE_GOAL_MS,
            parts="\n".join(parts),
        )
    ]


async def _signing_s(runtime: Runtime, call_id: str) -> float:
    """Return what preparing takes without its writes: a signed thread that is thrown away."""
    with runtime.database.reading() as session:
        call = conversations.get_call(session, call_id)
    taken_s, _ = await timed(runtime.publisher._signing.sign_thread(call))
    return taken_s


async def measure_delivering(runtime: Runtime) -> list[Row]:
    """Send everything that waits to the embedded relay: ten thousand deliveries."""
    resident_mb: list[float] = []
    with sampled_lag() as lag, watched_callbacks() as stalls:
        watch = asyncio.create_task(_watch_memory(resident_mb))
        taken_s, attempts = await timed(runtime.publisher.deliver_due())
        watch.cancel()
    resident_mb.append(_resident_mb())
    start, middle, end = resident_mb[0], resident_mb[len(resident_mb) // 2], resident_mb[-1]
    parts = [
        f"{attempts} deliveries in {taken_s:.1f} s",
        f"resident memory {start:.0f} MB at the start, {middle:.0f} in the middle, {end:.0f} at the end",
        f"loop lag meanwhile: {spread(lag.late_ms)} ms",
        *_causes(stalls),
    ]
    return [
        Row(
            "deliveries to the embedded relay",
            attempts / taken_s,
            "per s",
            DELIVERIES_GOAL_PER_S,
            is_floor=True,
            parts="\n".join(parts),
        ),
        Row("memory from the middle to the end of it", end - middle, "MB", MEMORY_GOAL_MB),
    ]


async def _watch_memory(resident_mb: list[float]) -> None:
    while True:
        resident_mb.append(_resident_mb())
        await CLOCK.sleep_until(CLOCK.monotonic_s() + MEMORY_INTERVAL_S)


async def timed(work: Awaitable[T]) -> tuple[float, T]:
    """Return how long the work took (s), and its result."""
    began_s = time.perf_counter()
    result = await work
    return time.perf_counter() - began_s, result


def _causes(stalls: list[Stall]) -> list[str]:
    longest = sorted(stalls, key=lambda stall: -stall.took_ms)[:STALLS_SHOWN]
    return [
        f"stood still {stall.took_ms:.1f} ms (CPU {stall.cpu_ms:.1f}): {stall.cause}" for stall in longest
    ]


def _resident_mb() -> float:
    """Return the memory of our own; the embedded relay's store, mapped from its file, is the system's."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1_000
