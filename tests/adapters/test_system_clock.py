"""The real clock, and the hand-driven one that stands in for it, keep the same promises."""

from __future__ import annotations

import asyncio

import pytest

from agentvoice.adapters.system_clock import SystemClock
from agentvoice.core.ports import Clock
from agentvoice.errors import TimedOut
from tests.fakes.clock import ManualClock


async def test_sleep_until_never_returns_early():
    """The time asked for has been reached when the sleep ends."""
    clock: Clock = SystemClock()
    until_s = clock.monotonic_s() + 0.01
    await clock.sleep_until(until_s)
    assert clock.monotonic_s() >= until_s


async def test_sleep_until_a_past_time_lets_other_tasks_run():
    """Even a sleep that is already over gives the loop a turn, so that no caller can starve it."""
    clock = SystemClock()
    ran: list[str] = []
    task = asyncio.ensure_future(_note(ran))
    await clock.sleep_until(0.0)
    assert ran == ["ran"]
    await task


async def _note(ran: list[str]) -> None:
    ran.append("ran")


async def test_deadline_raises_our_timed_out():
    """A body that lasts longer ends in errors.TimedOut, which names the limit."""
    clock = SystemClock()
    with pytest.raises(TimedOut, match=r"0\.005 s"):
        async with clock.deadline(0.005):
            await asyncio.Event().wait()


@pytest.mark.parametrize("clock", [SystemClock(), ManualClock()], ids=["system", "manual"])
async def test_deadline_leaves_a_foreign_timeout_alone(clock: Clock):
    """A TimeoutError that the body raised itself is not taken for the deadline."""
    with pytest.raises(TimeoutError, match="the socket's own"):
        async with clock.deadline(60):
            raise TimeoutError("the socket's own")


async def test_system_random_bytes_differ():
    """Two draws are not the same bytes."""
    clock = SystemClock()
    assert len(clock.random_bytes(16)) == 16
    assert clock.random_bytes(16) != clock.random_bytes(16)


async def test_utc_is_in_milliseconds():
    """Wall time counts Unix milliseconds (13 digits until the year 2286)."""
    assert len(str(SystemClock().utc_ms())) == 13


async def test_manual_clock_wakes_sleepers_in_order_of_their_time():
    """One advance over several timers wakes each at its own moment."""
    clock = ManualClock()
    start_s, start_ms = clock.monotonic_s(), clock.utc_ms()
    woken: list[tuple[str, int]] = []

    async def sleeper(name: str, after_s: float) -> None:
        await clock.sleep_until(start_s + after_s)
        woken.append((name, clock.utc_ms() - start_ms))

    tasks = [asyncio.ensure_future(sleeper("late", 2.0)), asyncio.ensure_future(sleeper("early", 0.5))]
    await clock.advance(1.0)
    assert woken == [("early", 500)]
    await clock.advance(1.0)
    assert woken == [("early", 500), ("late", 2_000)]
    await asyncio.gather(*tasks)


async def test_manual_deadline_expires_when_advanced_past_it():
    """A hand-driven deadline cancels its body exactly at its time."""
    clock = ManualClock()

    async def wait_for_ever() -> None:
        async with clock.deadline(3.0):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(wait_for_ever())
    await clock.advance(2.9)
    assert not task.done()
    await clock.advance(0.2)
    with pytest.raises(TimedOut):
        await task


async def test_manual_deadline_that_ended_in_time_stays_silent():
    """Advancing past a context that was left already cancels nobody."""
    clock = ManualClock()
    async with clock.deadline(1.0):
        pass
    await clock.advance(5.0)


async def test_manual_random_bytes_repeat():
    """Two clocks of one seed draw the same bytes."""
    assert ManualClock().random_bytes(10) == ManualClock().random_bytes(10)
