from __future__ import annotations

import asyncio

import pytest

from agentvoice.services.closing import CLOSE_LIMIT_S, close_within_limit
from tests.fakes.clock import ManualClock


async def test_what_hangs_is_given_up_on():
    """Closing lasts no longer than its limit."""
    clock = ManualClock()
    closing = asyncio.ensure_future(close_within_limit(clock, "leg", asyncio.Event().wait))
    await clock.advance(CLOSE_LIMIT_S - 0.1)
    assert not closing.done()
    await clock.advance(0.2)
    assert closing.done() and closing.exception() is None


async def test_what_fails_is_closed_all_the_same():
    """An error while closing stops nobody."""

    async def fail() -> None:
        raise OSError("gone already")

    await close_within_limit(ManualClock(), "leg", fail)


async def test_being_cancelled_is_not_swallowed():
    """Who closes can still be cancelled."""
    closing = asyncio.ensure_future(close_within_limit(ManualClock(), "leg", asyncio.Event().wait))
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
