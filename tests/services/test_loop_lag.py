from __future__ import annotations

import asyncio

from agentvoice.core.metrics import LOOP_LAG
from agentvoice.services.loop_lag import INTERVAL_S, watch_loop_lag
from tests.fakes.clock import ManualClock
from tests.fakes.metrics import ToldMetrics


async def test_a_loop_that_stood_still_is_measured():
    """Each appointment tells how late it was kept."""
    clock, metrics = ManualClock(), ToldMetrics()
    watching = asyncio.create_task(watch_loop_lag(clock, metrics))
    await clock.advance(INTERVAL_S)
    assert metrics.seen_of(LOOP_LAG) == [0.0]
    clock._now_s += INTERVAL_S + 0.25  # time passes while no task runs
    await clock.advance(0.0)
    assert [round(late_s, 3) for late_s in metrics.seen_of(LOOP_LAG)] == [0.0, 0.25]
    watching.cancel()
