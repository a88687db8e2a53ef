"""One call of 200 turns for five relays: a dead, a slow, a limited, a refusing and a good one.

The daemon's jobs wake the queue as they do in the daemon. It ends when the limited relay, which takes
six events a minute, has been watched for three minutes.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection

from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config import Settings
from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import DeliveryState
from agentvoice.daemon import Runtime, open_runtime
from agentvoice.services.relay_queue import DELIVERIES_WAKE_S
from agentvoice.services.scheduler import Scheduler
from tests.benchmarks.figures import Row, percentile, spread
from tests.benchmarks.house import data_folder, store_finished_call
from tests.benchmarks.loop_lag import sampled_lag
from tests.fakes.relay_server import accept, refuse, relay_server

CLOCK = SystemClock()
TURNS = 200
EVENTS = TURNS + 1
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


async def answer_slowly(socket: ServerConnection, event: dict[str, Any]) -> None:
    """Answer half a second later, other events meanwhile."""

    async def answer() -> None:
        await CLOCK.sleep_until(CLOCK.monotonic_s() + SLOW_S)
        await socket.send(json.dumps(["OK", event["id"], True, ""]))

    _slow_answers.append(asyncio.get_running_loop().create_task(answer()))


_slow_answers: list[asyncio.Task[None]] = []
"""A task that nobody holds may be collected before it ends."""


def run() -> list[Row]:
    """Publish one call as the daemon does."""
    with data_folder() as settings:
        return asyncio.run(measure(settings))


async def measure(settings: Settings) -> list[Row]:
    """Start the relays and the daemon's jobs, end a call, and watch."""
    limited = Limited()
    async with AsyncExitStack() as stack:
        async with relay_server() as dead:
            pass
        scripts = (answer_slowly, limited.answer, refuse("blocked: no"), accept)
        slow, six, refusing, good = [
            await stack.enter_async_context(relay_server(script)) for script in scripts
        ]
        runtime = await stack.enter_async_context(open_runtime(settings, CLOCK))
        await runtime.start()
        relays = tuple(each.address for each in (dead, slow, six, refusing, good))
        call_id = store_finished_call(runtime.database, 1, TURNS, relays)
        scheduler = Scheduler()
        scheduler.every(DELIVERIES_WAKE_S, "deliveries", runtime.publisher.deliver_due, overlaps=True)
        scheduler.every(settings.publish.sweep_interval_s, "probes", runtime.publisher.probe_waiting)
        with ExitStack() as watching:
            lag = watching.enter_context(sampled_lag())
            began_s = time.monotonic()
            await runtime.publisher.prepare(call_id)
            prepared_s = time.monotonic() - began_s
            scheduler.start()
            runtime.run_beside(runtime.publisher.deliver_due(), "the call has ended")
            took_s = {
                name: await _until_it_has_all(runtime, call_id, relay, began_s)
                for name, relay in (("good", good.address), ("slow", slow.address))
            }
            await CLOCK.sleep_until(began_s + WATCHED_S)
        scheduler.stop()
        publication = await runtime.publisher.publication(call_id)
    tried = {
        name: sum(each.attempts for each in publication.deliveries if each.relay == relay)
        for name, relay in (("dead", dead.address), ("refusing", refusing.address))
    }
    if publication.state is not PublicationState.PUBLISHED:
        raise RuntimeError(f"the call is {publication.state.value}")
    by_minute = limited.attempts_by_minute(began_s)
    return [
        Row(
            f"call of {TURNS} turns at the good relay",
            took_s["good"],
            "s",
            GOOD_GOAL_S,
            parts=(
                f"signed and stored after {prepared_s:.2f} s; the slow relay had it after {took_s['slow']:.1f} s;"
                f" attempts at the dead one {tried['dead']}, at the refusing one {tried['refusing']}"
            ),
        ),
        Row(
            "attempts a minute at the limited relay, most",
            max(by_minute),
            "",
            ATTEMPTS_GOAL,
            parts=f"by minute: {by_minute}; refused {limited.refused} of {len(limited.came)}",
        ),
        Row("loop lag, p99", percentile(lag.late_ms, 99), "ms", LAG_GOAL_MS, parts=spread(lag.late_ms)),
        Row("loop lag, max", max(lag.late_ms), "ms", LAG_GOAL_MS),
    ]


async def _until_it_has_all(runtime: Runtime, call_id: str, relay: str, began_s: float) -> float:
    while True:
        publication = await runtime.publisher.publication(call_id)
        accepted = [
            each
            for each in publication.deliveries
            if each.relay == relay and each.state is DeliveryState.ACCEPTED
        ]
        if len(accepted) == EVENTS:
            return time.monotonic() - began_s
        await CLOCK.sleep_until(CLOCK.monotonic_s() + POLL_S)
