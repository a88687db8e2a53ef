"""The machine's clock behind core.ports.Clock: the single place where system time is read."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from agentvoice.errors import TimedOut


class SystemClock:
    """Real time and real randomness."""

    def utc_ms(self) -> int:
        """Return Unix time in ms."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Return seconds that never go back (the event loop's own time base)."""
        return time.monotonic()

    async def sleep_until(self, monotonic_s: float) -> None:
        """Wait until `monotonic_s()` has reached the given time; always lets other tasks run once."""
        await asyncio.sleep(max(0.0, monotonic_s - time.monotonic()))
        left_s = monotonic_s - time.monotonic()
        if left_s > 0:  # the loop may run a timer one clock tick early
            await asyncio.sleep(left_s + 0.000_1)

    def deadline(self, timeout_s: float) -> AbstractAsyncContextManager[object]:
        """Return a context that raises TimedOut when it lasts longer than `timeout_s`."""
        return _deadline(timeout_s)

    def random_bytes(self, count: int) -> bytes:
        """Return bytes of the kernel's random source."""
        return os.urandom(count)


@asynccontextmanager
async def _deadline(timeout_s: float) -> AsyncIterator[None]:
    scope = asyncio.timeout(timeout_s)
    try:
        async with scope:
            yield
    except TimeoutError as error:
        # A TimeoutError of the body's own (a socket's, say) is not this deadline's.
        if not scope.expired():
            raise
        raise TimedOut(f"no end after {timeout_s:g} s") from error
