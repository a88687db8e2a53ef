"""How late an event loop is, and what made it late.

`LoopLag` has an appointment with the loop every 5 ms. Appointments that were missed while the loop
stood still count too, each with its own lateness: a stop of 50 ms is ten late samples, not one.
Run as a program it samples a loop that does nothing else, until its standard input ends: the
lateness that the machine itself costs at that time.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

INTERVAL_S = 0.005
STALL_MS = 5.0


class LoopLag:
    """Samples the running loop from `start` to `stop`; `late_ms` are the samples."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []
        self._loop = asyncio.get_running_loop()
        self._due_s = 0.0
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Make the first appointment."""
        self._due_s = self._loop.time() + INTERVAL_S
        self._handle = self._loop.call_at(self._due_s, self._sample)

    def _sample(self) -> None:
        now_s = self._loop.time()
        while self._due_s <= now_s:
            self.late_ms.append((now_s - self._due_s) * 1_000)
            self._due_s += INTERVAL_S
        self._handle = self._loop.call_at(self._due_s, self._sample)

    def stop(self) -> None:
        """Take no more samples."""
        if self._handle is not None:
            self._handle.cancel()


@contextmanager
def sampled_lag() -> Iterator[LoopLag]:
    """Sample the running loop while the block runs."""
    lag = LoopLag()
    lag.start()
    try:
        yield lag
    finally:
        lag.stop()


@dataclass(frozen=True, slots=True)
class Stall:
    """The loop stood still: for how long, how much of it on the CPU, and in what."""

    took_ms: float
    cpu_ms: float
    cause: str


@contextmanager
def watched_callbacks(longer_than_ms: float = STALL_MS) -> Iterator[list[Stall]]:
    """Collect the loop's callbacks, and the garbage collections, that took longer; costs about 1 µs each."""
    stalls: list[Stall] = []
    run_callback = asyncio.Handle._run
    collection_began_s = 0.0
    loop_thread = threading.get_ident()

    def run_timed(handle: asyncio.Handle) -> None:
        began_s, cpu_began_s = time.perf_counter(), time.thread_time()
        run_callback(handle)
        took_ms = (time.perf_counter() - began_s) * 1_000
        if took_ms > longer_than_ms:
            stalls.append(Stall(took_ms, (time.thread_time() - cpu_began_s) * 1_000, _name(handle)))

    def collected(phase: str, found: dict[str, int]) -> None:
        nonlocal collection_began_s
        if phase == "start":
            collection_began_s = time.perf_counter()
        took_ms = (time.perf_counter() - collection_began_s) * 1_000
        if phase == "stop" and took_ms > longer_than_ms:
            where = "loop" if threading.get_ident() == loop_thread else "other thread"
            cause = f"garbage collection, generation {found['generation']} ({where})"
            stalls.append(Stall(took_ms, took_ms, cause))

    gc.callbacks.append(collected)
    asyncio.Handle._run = run_timed  # type: ignore[method-assign, assignment] # the one place all callbacks pass
    try:
        yield stalls
    finally:
        asyncio.Handle._run = run_callback  # type: ignore[method-assign] # as it was
        gc.callbacks.remove(collected)


def _name(handle: asyncio.Handle) -> str:
    callback = handle._callback  # type: ignore[attr-defined] # asyncio shows it in debug mode only
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        stack = owner.get_stack(limit=1)
        where = f"{stack[0].f_code.co_filename}:{stack[0].f_lineno}" if stack else "its end"
        return f"task {owner.get_name()!r} until {'/'.join(where.split('/')[-3:])}"
    return getattr(callback, "__qualname__", repr(callback))


@asynccontextmanager
async def sampled_bare_loop() -> AsyncIterator[list[float]]:
    """Sample a loop of another process that does nothing else; the samples are there after the block."""
    late_ms: list[float] = []
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()  # it runs
    try:
        yield late_ms
    finally:
        answer, _ = await process.communicate(b"")
        late_ms += json.loads(answer)


async def _sample_until_input_ends() -> list[float]:
    with sampled_lag() as lag:
        print("runs", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    return lag.late_ms


if __name__ == "__main__":
    print(json.dumps([round(late, 3) for late in asyncio.run(_sample_until_input_ends())]))
