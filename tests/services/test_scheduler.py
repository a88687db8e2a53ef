from __future__ import annotations

import asyncio

import pytest

from agentvoice.services.scheduler import Scheduler

SHORT_S = 0.01


async def test_a_job_that_fails_is_woken_again():
    """An error of one run does not end the job, nor any other job."""
    runs: list[str] = []
    enough = asyncio.Event()

    async def broken() -> None:
        runs.append("broken")
        if runs.count("broken") >= 2 and "sound" in runs:
            enough.set()
        raise RuntimeError("it broke")

    async def sound() -> None:
        runs.append("sound")

    scheduler = Scheduler()
    scheduler.every(SHORT_S, "broken", broken)
    scheduler.every(SHORT_S, "sound", sound)
    scheduler.start()
    async with asyncio.timeout(30):
        await enough.wait()
    await scheduler.stop()


async def test_a_job_never_runs_twice_at_once():
    """A slow run is not overtaken by the next wake-up."""
    running = 0
    overlaps: list[int] = []
    rounds = 0
    enough = asyncio.Event()

    async def slow() -> None:
        nonlocal running, rounds
        running += 1
        overlaps.append(running)
        for _ in range(200):
            await asyncio.sleep(0)
        running -= 1
        rounds += 1
        if rounds == 3:
            enough.set()

    scheduler = Scheduler()
    scheduler.every(SHORT_S, "slow", slow)
    scheduler.start()
    async with asyncio.timeout(30):
        await enough.wait()
    await scheduler.stop()
    assert set(overlaps) == {1}


async def test_a_stop_waits_for_what_a_job_writes_down(caplog: pytest.LogCaptureFixture):
    """A job that is cancelled ends before the stop does, and nobody calls it a fault."""
    begun, written = asyncio.Event(), list[str]()

    async def job() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.to_thread(written.append, "how far it got")
            raise

    scheduler = Scheduler()
    scheduler.every(SHORT_S, "job", job)
    scheduler.start()
    async with asyncio.timeout(30):
        await begun.wait()
    await scheduler.stop()
    assert written == ["how far it got"]
    assert caplog.records == []


async def test_stopping_twice_is_no_error():
    """Stop may be called before start and again."""
    scheduler = Scheduler()
    await scheduler.stop()
    scheduler.start()
    await scheduler.stop()
    await scheduler.stop()


async def test_a_job_that_overlaps_is_woken_while_it_runs():
    """A run that is stuck with one relay does not keep the next from finding what is due for others."""
    runs = 0
    third = asyncio.Event()

    async def stuck() -> None:
        nonlocal runs
        runs += 1
        if runs == 3:
            third.set()
        await third.wait()

    scheduler = Scheduler()
    scheduler.every(SHORT_S, "stuck", stuck, overlaps=True)
    scheduler.start()
    async with asyncio.timeout(30):
        await third.wait()
    await scheduler.stop()
