"""A piece of database work off the event loop: one function, one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session

from agentvoice.storage.database import Database

T = TypeVar("T")


async def read(database: Database, work: Callable[[Session], T]) -> T:
    """Return what `work` finds in one moment of the database; raises a StorageError."""

    def run() -> T:
        with database.reading() as session:
            return work(session)

    return await asyncio.to_thread(run)


async def write(database: Database, work: Callable[[Session], T], *, durable: bool = False) -> T:
    """Return what `work` returns, after its commit; `durable` as of Database.writing.

    A cancelled caller does not undo it: the transaction that has begun is committed.
    """

    def run() -> T:
        with database.writing(durable=durable) as session:
            return work(session)

    return await asyncio.to_thread(run)
