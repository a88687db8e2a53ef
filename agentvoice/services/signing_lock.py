"""The right to sign a call's thread, held for as long as signing takes: a bunker may be slow.

It only spares work. Were two processes to sign one thread all the same, storing it decides: the
first thread is stored whole, and the second not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import structlog

from agentvoice.core.ports import Clock
from agentvoice.errors import StorageError
from agentvoice.storage import preparations
from agentvoice.storage.database import Database
from agentvoice.storage.transactions import write

SIGNING_LOCK_MS = 30_000
"""How long after a process was last heard of another may sign its thread."""

RENEWED_EVERY_S = 10.0
"""So that two renewals may fail before the lock is lost."""

log = structlog.get_logger(__name__)


@asynccontextmanager
async def signing_lock(database: Database, clock: Clock, owner_id: str, call_id: str) -> AsyncIterator[None]:
    """Renew a lock that was just taken for SIGNING_LOCK_MS, until the block ends."""
    renewing = asyncio.create_task(_renew(database, clock, owner_id, call_id), name=f"lock {call_id}")
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)


async def _renew(database: Database, clock: Clock, owner_id: str, call_id: str) -> None:
    is_ours = True
    while is_ours:
        await clock.sleep_until(clock.monotonic_s() + RENEWED_EVERY_S)
        until = clock.utc_ms() + SIGNING_LOCK_MS
        renew = partial(preparations.renew_preparation, call_id=call_id, owner_id=owner_id, until=until)
        try:
            is_ours = await write(database, renew)
        except StorageError as error:
            log.warning("signing_lock_not_renewed", call_id=call_id, error=str(error))
