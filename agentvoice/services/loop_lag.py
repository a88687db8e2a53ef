"""How late the event loop is: what stands still there, every call hears."""

from __future__ import annotations

from agentvoice.core.metrics import LOOP_LAG
from agentvoice.core.ports import Clock, Metrics

INTERVAL_S = 0.5
"""Between two appointments: often enough to meet a loop that is busy, seldom enough to cost nothing."""


async def watch_loop_lag(clock: Clock, metrics: Metrics) -> None:
    """Keep an appointment with the loop again and again, and measure how late it was."""
    while True:
        due_s = clock.monotonic_s() + INTERVAL_S
        await clock.sleep_until(due_s)
        metrics.observe(LOOP_LAG, max(0.0, clock.monotonic_s() - due_s))
