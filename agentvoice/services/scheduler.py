"""What is done again and again while the process runs. APScheduler only wakes the code.

No job is stored: the database says what is due (deliveries, crashed calls), so a job that is
missed costs nothing and several processes may run the same ones.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

log = structlog.get_logger(__name__)

MOST_RUNS_AT_ONCE = 1_000
"""Of a job that overlaps: more than there are relays that can each keep one busy."""

JITTER_SHARE = 0.1
"""Wake-ups are spread by this share of their interval, so that processes do not march in step."""


class Scheduler:
    """Wakes jobs; one run of a job at a time unless it overlaps, and what was missed is done once."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(job_defaults={"coalesce": True, "misfire_grace_time": None})
        self._running: set[asyncio.Task[Any]] = set()
        # Jobs tell of their faults themselves; to the executor each one that a stop cancels is a fault.
        logging.getLogger("apscheduler.executors").setLevel(logging.CRITICAL)

    def every(
        self, interval_s: float, name: str, job: Callable[[], Awaitable[object]], *, overlaps: bool = False
    ) -> None:
        """Run `job` every `interval_s` seconds; an error is logged and the job is woken again.

        `overlaps`: also while it runs, so that what takes long holds up nothing that is found later.
        """

        async def run() -> None:
            task = asyncio.current_task()
            assert task is not None  # a coroutine runs in a task
            self._running.add(task)
            try:
                await job()
            except Exception:  # whatever fails, the next wake-up may find it mended
                log.exception("job_failed", job=name)
            finally:
                self._running.discard(task)

        self._scheduler.add_job(
            run,
            "interval",
            seconds=interval_s,
            jitter=interval_s * JITTER_SHARE,
            id=name,
            name=name,
            max_instances=MOST_RUNS_AT_ONCE if overlaps else 1,
        )

    def start(self) -> None:
        """Begin to wake jobs; needs a running loop."""
        self._scheduler.start()

    async def stop(self) -> None:
        """Wake no more jobs, cancel those that run, and wait for their ends."""
        if self._scheduler.running:
            # It cancels them, once: they may have something to write down.
            self._scheduler.shutdown(wait=False)
        await asyncio.gather(*self._running, return_exceptions=True)
