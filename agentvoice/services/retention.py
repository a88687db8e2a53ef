"""Deleting ended calls that are older than the operator keeps them."""

from __future__ import annotations

import structlog

from agentvoice.core.ports import Clock
from agentvoice.core.retention import retention_cutoff
from agentvoice.storage.database import Database
from agentvoice.storage.retention import list_prunable, prune_rows
from agentvoice.storage.transactions import read, write

CALLS_PER_RUN = 500
"""More are left for the next run, so that a first run over years of calls ends."""

ROWS_PER_TRANSACTION = 200
"""A few milliseconds of the database's lock; live calls commit their items in between."""

PAUSE_S = 0.02
"""Between transactions, so that whoever waits for the lock gets it."""

log = structlog.get_logger(__name__)


class Retention:
    """Keeps ended calls for `days` days, and for the rest of the month in which they ended."""

    def __init__(self, database: Database, clock: Clock, days: int) -> None:
        self._database = database
        self._clock = clock
        self._days = days

    async def prune(self) -> int:
        """Delete what is too old with its items, costs, log, events and deliveries; return how many calls.

        Raises a StorageError; what was deleted by then is, and the next run goes on.
        """
        cutoff = retention_cutoff(self._clock.utc_ms(), self._days)
        calls = await read(self._database, lambda session: list_prunable(session, cutoff, CALLS_PER_RUN))
        for call_id in calls:
            while not await self._prune_some(call_id, cutoff):
                await self._pause()
            await self._pause()
        if calls:
            log.info("calls_pruned", calls=len(calls), older_than_days=self._days)
        return len(calls)

    async def _prune_some(self, call_id: str, cutoff: int) -> bool:
        return await write(
            self._database, lambda session: prune_rows(session, call_id, cutoff, ROWS_PER_TRANSACTION)
        )

    async def _pause(self) -> None:
        await self._clock.sleep_until(self._clock.monotonic_s() + PAUSE_S)
