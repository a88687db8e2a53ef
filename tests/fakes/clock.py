"""A clock that tests move by hand; it implements core.ports.Clock."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from agentvoice.errors import TimedOut

START_UTC_MS = 1_800_000_000_000
START_MONOTONIC_S = 1_000.0
SETTLE_ROUNDS = 50
"""Turns of the event loop after each step, so that woken tasks run to their next wait."""


class ManualClock:
    """Time stands still until `advance` moves it; random bytes are the same in every run."""

    def __init__(self, utc_ms: int = START_UTC_MS, seed: int = 1) -> None:
        self._start_utc_ms = utc_ms
        self._now_s = START_MONOTONIC_S
        self._random = random.Random(seed)
        self._order = itertools.count()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []

    def utc_ms(self) -> int:
        """Return the hand-set Unix time in ms."""
        return self._start_utc_ms + round((self._now_s - START_MONOTONIC_S) * 1_000)

    def monotonic_s(self) -> float:
        """Return the hand-set monotonic time."""
        return self._now_s

    async def sleep_until(self, monotonic_s: float) -> None:
        """Wait until `advance` has reached the given time; a past time yields to the loop once."""
        if monotonic_s <= self._now_s:
            await _yield_to_loop()
            return
        woken = asyncio.get_running_loop().create_future()
        self._add_timer(monotonic_s, lambda: None if woken.done() else woken.set_result(None))
        await woken

    def deadline(self, timeout_s: float) -> AbstractAsyncContextManager[object]:
        """Return a context that raises TimedOut when time is advanced past it."""
        return self._deadline(timeout_s)

    def random_bytes(self, count: int) -> bytes:
        """Return the next bytes of a seeded generator."""
        return self._random.randbytes(count)

    @property
    def next_timer_s(self) -> float | None:
        """When the next sleeper or deadline is due (monotonic), None if nobody waits."""
        return self._timers[0][0] if self._timers else None

    async def advance(self, seconds: float) -> None:
        """Move time on, stopping at each timer on the way, and let woken tasks run after each."""
        await self.settle()
        target_s = self._now_s + seconds
        while self._timers and self._timers[0][0] <= target_s:
            due_s, _, wake = heapq.heappop(self._timers)
            self._now_s = max(self._now_s, due_s)
            wake()
            await self.settle()
        self._now_s = target_s
        await self.settle()

    async def settle(self) -> None:
        """Let ready tasks run, without moving time."""
        for _ in range(SETTLE_ROUNDS):
            await _yield_to_loop()

    def _add_timer(self, due_s: float, wake: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (due_s, next(self._order), wake))

    @asynccontextmanager
    async def _deadline(self, timeout_s: float) -> AsyncIterator[None]:
        scope = asyncio.timeout(None)  # asyncio's own scope does the cancelling, our timer starts it
        open_scope = True

        def expire() -> None:
            if open_scope:
                scope.reschedule(0)

        try:
            async with scope:
                self._add_timer(self._now_s + timeout_s, expire)
                try:
                    yield
                finally:
                    open_scope = False
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise TimedOut(f"no end after {timeout_s:g} s") from error


async def _yield_to_loop() -> None:
    loop = asyncio.get_running_loop()
    turned = loop.create_future()
    loop.call_soon(lambda: None if turned.done() else turned.set_result(None))
    await turned
