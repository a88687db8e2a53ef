"""Closing what belongs to the outside: within a limit, and never in the way of what comes after."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from agentvoice.core.ports import Clock
from agentvoice.errors import TimedOut

log = structlog.get_logger(__name__)

CLOSE_LIMIT_S = 4.0
"""A session and a leg are closed one after the other, within call_manager.ENDING_LIMIT_S."""


async def close_within_limit(clock: Clock, what: str, close: Callable[[], Awaitable[object]]) -> None:
    """Close `what`; that it fails or hangs is logged, and given up on: it is not needed any more."""
    try:
        async with clock.deadline(CLOSE_LIMIT_S):
            await close()
    except TimedOut:
        log.warning("close_timed_out", what=what, limit_s=CLOSE_LIMIT_S)
    except Exception as error:  # whatever a device or socket raises
        log.warning("close_failed", what=what, error=repr(error))
