"""What keeping items costs a live call: the loop's CPU, and the time until an item is committed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config.prices import read_prices
from agentvoice.core.budget import MS_PER_S, CallLimits
from agentvoice.core.pricing import MS_PER_MINUTE, NANO_PER_USD
from agentvoice.services.call_meter import CallMeter
from agentvoice.services.call_record import CallRecord
from agentvoice.services.spending import Spending
from agentvoice.storage.database import Database
from agentvoice.storage.writer import Operation, Writer
from tests.benchmarks.figures import Row, percentile, spread
from tests.benchmarks.house import call_of, data_folder, turn_of
from tests.benchmarks.loop_lag import sampled_lag

ITEMS_PER_S = 200
SECONDS = 10
COMMIT_GOAL_MS = 150
LOOP_CPU_GOAL_POINTS = 1


class TimedWriter(Writer):
    """Notes how long each operation waits for its commit."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, SystemClock())
        self.waits_ms: list[float] = []

    def submit(self, operation: Operation[Any], *, durable: bool = False) -> Future[Any]:
        """See Writer."""
        began_s = time.perf_counter()
        done = super().submit(operation, durable=durable)
        done.add_done_callback(lambda done: self.waits_ms.append((time.perf_counter() - began_s) * 1_000))
        return done


def run() -> list[Row]:
    """Give a call's record items at a steady pace, and compare with a loop that only makes them."""
    with data_folder() as settings:
        database = Database.open(settings.database_place)
        try:
            return asyncio.run(measure(database))
        finally:
            database.close()


async def measure(database: Database) -> list[Row]:
    """Return the figures of one database."""
    writer = TimedWriter(database)
    clock, call = SystemClock(), call_of(1)
    spending = Spending(database, clock)
    limits = CallLimits(NANO_PER_USD, MS_PER_MINUTE, 0, 80, MS_PER_S)
    meter = CallMeter(spending.open(call), spending, limits, read_prices(), 0, ("local",))
    record = CallRecord(call, writer, clock, meter)
    await record.begin()
    idle_percent, idle_late_ms = await pace(lambda position: turn_of(1, position))
    writer.waits_ms.clear()
    busy_percent, busy_late_ms = await pace(lambda position: record.item(turn_of(1, position)))
    await asyncio.to_thread(writer.close, 10.0)
    kept = len(writer.waits_ms)
    commit_parts = f"{kept} items at {ITEMS_PER_S} a second: {spread(writer.waits_ms, 2)} ms"
    cpu_parts = (
        f"loop thread {idle_percent:.1f} % when the items are only made, {busy_percent:.1f} % when they are kept\n"
        f"loop lag made: {spread(idle_late_ms)} ms\n"
        f"loop lag kept: {spread(busy_late_ms)} ms"
    )
    return [
        Row(
            "item to its commit, p99",
            percentile(writer.waits_ms, 99),
            "ms",
            COMMIT_GOAL_MS,
            parts=commit_parts,
        ),
        Row(
            "loop CPU for keeping them",
            busy_percent - idle_percent,
            "points",
            LOOP_CPU_GOAL_POINTS,
            parts=cpu_parts,
        ),
    ]


async def pace(step: Callable[[int], object]) -> tuple[float, list[float]]:
    """Call `step` ITEMS_PER_S times a second; return the thread's CPU (percent) and the loop's lag (ms)."""
    clock = SystemClock()
    began_s, began_cpu_s = clock.monotonic_s(), time.thread_time()
    with sampled_lag() as lag:
        for position in range(ITEMS_PER_S * SECONDS):
            step(position)
            await clock.sleep_until(began_s + (position + 1) / ITEMS_PER_S)
    taken_s = clock.monotonic_s() - began_s
    return (time.thread_time() - began_cpu_s) / taken_s * 100, lag.late_ms
