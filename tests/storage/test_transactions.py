from __future__ import annotations

import asyncio
import threading

import pytest

from agentvoice.errors import NotFound
from agentvoice.storage import conversations
from agentvoice.storage.database import Database
from agentvoice.storage.transactions import read, write
from tests.storage.values import call, hex_id


async def test_work_is_committed_off_the_event_loop(sqlite_database: Database):
    """What `work` did is there for the next reader, and it ran on another thread."""
    threads = []

    def work(session) -> str:
        threads.append(threading.current_thread())
        conversations.create_call(session, call())
        return "done"

    assert await write(sqlite_database, work, durable=True) == "done"
    assert threads != [threading.current_thread()]
    found = await read(sqlite_database, lambda session: conversations.get_call(session, hex_id(1)))
    assert found == call()


async def test_an_error_rolls_back(sqlite_database: Database):
    """A raising `work` leaves nothing behind, and its error is the caller's."""

    def work(session) -> None:
        conversations.create_call(session, call())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await write(sqlite_database, work)
    with pytest.raises(NotFound):
        await read(sqlite_database, lambda session: conversations.get_call(session, hex_id(1)))


async def test_a_cancelled_caller_undoes_nothing(sqlite_database: Database):
    """A transaction that has begun is committed though nobody waits for it any more."""
    began, go_on, committed = threading.Event(), threading.Event(), threading.Event()

    def work(session) -> None:
        began.set()
        go_on.wait(10)
        conversations.create_call(session, call())
        committed.set()

    writing = asyncio.ensure_future(write(sqlite_database, work))
    await asyncio.to_thread(began.wait, 10)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    go_on.set()
    await asyncio.to_thread(committed.wait, 10)
    await write(sqlite_database, lambda session: None)  # after the first has let the lock go
    assert await read(sqlite_database, lambda session: conversations.get_call(session, hex_id(1))) == call()
