from __future__ import annotations

import asyncio
import threading

import pytest

from agentvoice.adapters.loop_thread import LoopThread


async def test_work_runs_in_its_own_thread_and_loop():
    """What it gives, and what it raises, comes back here."""
    aside = LoopThread("aside")

    async def where() -> tuple[str, bool]:
        return threading.current_thread().name, asyncio.get_running_loop() is aside.loop

    async def fail() -> None:
        raise ValueError("no")

    assert await aside.run(where()) == ("aside", True)
    with pytest.raises(ValueError, match="no"):
        await aside.run(fail())
    await aside.stop()


async def test_stopping_ends_the_thread_whatever_runs():
    """Work that would never end is cancelled; stopping twice is harmless."""
    aside = LoopThread("aside")
    cancelled = threading.Event()
    begun = threading.Event()

    async def for_ever() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    asyncio.run_coroutine_threadsafe(for_ever(), aside.loop)
    await asyncio.to_thread(begun.wait)
    await aside.stop()
    await aside.stop()
    assert cancelled.is_set()
    assert "aside" not in {thread.name for thread in threading.enumerate()}
