"""One call of 200 turns for five relays: a dead, a slow, a limited, a refusing and a good one.

The daemon's jobs wake the queue as they do in the daemon. It ends when the limited relay, which takes
six events a minute, has been watched for three minutes.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection

from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config import Settings
from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import DeliveryState
from agentvoice.core.ports import Clock
from agentvoice.daemon import Runtime, open_runtime
from agentvoice.services.relay_queue import DELIVERIES_WAKE_S
from agentvoice.services.scheduler import Scheduler
from tests.benchmarks.figures import Row, percentile, spread
from tests.benchmarks.house import data_folder, store_finished_call
from tests.benchmarks.loop_lag import sampled_bare_loop, sampled_lag
from tests.fakes.relay_server import accept, refuse, relay_server

CLOCK = SystemClock()
TURNS = 200
SLOW_S = 0.5
LIMIT = 6
MINUTE_S = 60.0
WATCHED_S = 180.0
POLL_S = 0.05

GOOD_GOAL_S = 5
LAG_GOAL_MS = 20
ATTEMPTS_GOAL = LIMIT * 1.5


@dataclass
class Limited:
    """Takes six events in any minute; notes when what came."""

    taken: deque[float] = field(default_factory=deque)
    came: list[float] = field(default_factory=list)
    refused: int = 0

    async def answer(self, socket: ServerConnection, event: dict[str, Any]) -> None:
        """Answer an event."""
        now_s = time.monotonic()
        self.came.append(now_s)
        while self.taken and self.taken[0] <= now_s - MINUTE_S:
            self.taken.popleft()
        if len(self.taken) >= LIMIT:
            self.refused += 1
            await refuse("rate-limited: six a minute")(socket, event)
        else:
            self.taken.append(now_s)
            await accept(socket, event)

    def attempts_by_minute(self, began_s: float) -> list[int]:
        """Return how many events came in each minute."""
        counts = [0] * int(WATCHED_S // MINUTE_S)
        for at_s in self.came:
            counts[min(int((at_s - began_s) // MINUTE_S), len(counts) - 1)] += 1
        return counts


@dataclass
class Slow:
    """Answers half a second later, other events meanwhile."""

    clock: Clock
    answers: list[asyncio.Task[None]] = field(default_factory=list)
    """A task that nobody holds may be collected before it ends."""

    async def answer(self, socket: ServerConnection, event: dict[str, Any]) -> None:
        """Answer an event."""

        async def later() -> None:
            await self.clock.sleep_until(self.clock.monotonic_s() + SLOW_S)
            await accept(socket, event)

        self.answers.append(asyncio.get_running_loop().create_task(later()))


@dataclass
class Watched:
    """What was seen of the relays and of the loop."""

    prepared_s: float = 0.0
    has_all_s: dict[str, float] = field(default_factory=dict)
    tried: dict[str, int] = field(default_factory=dict)
    by_minute: list[int] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    bare_late_ms: list[float] = field(default_factory=list)


def run() -> list[Row]:
    """Publish one call as the daemon does."""
    with data_folder() as settings:
        return asyncio.run(measure(settings))


async def measure(settings: Settings) -> list[Row]:
    """Start the relays, publish a call, and watch."""
    clock, limited = SystemClock(), Limited()
    async with AsyncExitStack() as stack:
        async with relay_server() as dead:
            pass
        scripts = (Slow(clock).answer, limited.answer, refuse("blocked: no"), accept)
        servers = [await stack.enter_async_context(relay_server(script)) for script in scripts]
        names = ("dead", "slow", "limited", "refusing", "good")
        relays = {name: each.address for name, each in zip(names, (dead, *servers), strict=True)}
        runtime = await stack.enter_async_context(open_runtime(settings, clock))
        await runtime.start()
        return _rows(await publish(runtime, relays, limited), limited)


async def publish(runtime: Runtime, relays: dict[str, str], limited: Limited) -> Watched:
    """End a call, and let the daemon's jobs deliver it."""
    watched, clock = Watched(), runtime.clock
    call_id = store_finished_call(runtime.database, 1, TURNS, tuple(relays.values()))
    scheduler = Scheduler()
    scheduler.every(DELIVERIES_WAKE_S, "deliveries", runtime.publisher.deliver_due, overlaps=True)
    scheduler.every(runtime.settings.publish.sweep_interval_s, "probes", runtime.publisher.probe_waiting)
    async with sampled_bare_loop() as watched.bare_late_ms:
        with sampled_lag() as lag:
            began_s = clock.monotonic_s()
            await runtime.publisher.prepare(call_id)
            watched.prepared_s = clock.monotonic_s() - began_s
            scheduler.start()
            runtime.run_beside(runtime.publisher.deliver_due(), "the call has ended")
            for name in ("good", "slow"):
                await _until_it_has_all(runtime, call_id, relays[name])
                watched.has_all_s[name] = clock.monotonic_s() - began_s
            await clock.sleep_until(began_s + WATCHED_S)
    await scheduler.stop()
    watched.late_ms, watched.by_minute = lag.late_ms, limited.attempts_by_minute(began_s)
    publication = await runtime.publisher.publication(call_id)
    for name, relay in relays.items():
        watched.tried[name] = sum(each.attempts for each in publication.deliveries if each.relay == relay)
    if publication.state is not PublicationState.PUBLISHED:
        raise RuntimeError(f"the call is {publication.state.value}")
    return watched


def _rows(watched: Watched, limited: Limited) -> list[Row]:
    tried, has_all_s = watched.tried, watched.has_all_s
    times = (
        f"signed and stored after {watched.prepared_s:.2f} s; the slow relay had it after {has_all_s['slow']:.1f} s;"
        f" attempts at the dead one {tried['dead']}, at the refusing one {tried['refusing']}"
    )
    lags = (
        f"{spread(watched.late_ms)} ms; of a loop that does nothing else: {spread(watched.bare_late_ms)} ms"
    )
    counts = f"by minute: {watched.by_minute}; refused {limited.refused} of {len(limited.came)}"
    most = max(watched.by_minute)
    return [
        Row(f"call of {TURNS} turns at the good relay", has_all_s["good"], "s", GOOD_GOAL_S, parts=times),
        Row("attempts at the limited relay, most", most, "a minute", ATTEMPTS_GOAL, parts=counts),
        Row("loop lag, p99", percentile(watched.late_ms, 99), "ms", LAG_GOAL_MS, parts=lags),
        Row("loop lag, max", max(watched.late_ms), "ms", LAG_GOAL_MS),
    ]


async def _until_it_has_all(runtime: Runtime, call_id: str, relay: str) -> None:
    while True:
        publication = await runtime.publisher.publication(call_id)
        states = [each.state for each in publication.deliveries if each.relay == relay]
        if set(states) == {DeliveryState.ACCEPTED}:
            return
        await runtime.clock.sleep_until(runtime.clock.monotonic_s() + POLL_S)
