from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agentvoice.errors import StorageBusy
from agentvoice.services.signing_lock import RENEWED_EVERY_S, SIGNING_LOCK_MS, signing_lock
from agentvoice.storage import preparations
from agentvoice.storage.database import Database
from tests.services.press import CALL_ID, Press


@pytest.fixture
async def press(tmp_path: Path):
    made = Press(tmp_path)
    made.finish_call()
    yield made
    await made.close()


def claim(press: Press, owner_id: str) -> bool:
    now = press.clock.utc_ms()
    with press.database.writing() as session:
        return preparations.claim_preparation(session, CALL_ID, owner_id, now, now + SIGNING_LOCK_MS)


async def until(press: Press, is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await press.clock.settle()


async def test_it_is_held_as_long_as_signing_takes(press: Press):
    """Far beyond its own time nobody else gets it; soon after the block ends, another does."""
    assert claim(press, "one")
    async with signing_lock(press.database, press.clock, "one", CALL_ID):
        for _ in range(4):
            await press.hold_lock(rounds=3)
            assert not claim(press, "two")
    await press.clock.advance(SIGNING_LOCK_MS / 1_000 + 1)
    assert claim(press, "two")


async def test_one_that_is_lost_is_not_taken_back(press: Press):
    """Another's right is left to it: this process asks for it no more."""
    async with signing_lock(press.database, press.clock, "one", CALL_ID):
        assert claim(press, "two")
        await until(press, lambda: press.clock.next_timer_s is not None)
        (renewing,) = (task for task in asyncio.all_tasks() if task.get_name() == f"lock {CALL_ID}")
        await press.clock.advance(RENEWED_EVERY_S)
        await until(press, renewing.done)
        await press.clock.advance(SIGNING_LOCK_MS / 1_000)
        assert claim(press, "three")


def _are(logs: Sequence[object], count: int) -> bool:
    return len(logs) == count


class BusyDatabase:
    """A database whose lock another process holds."""

    def __init__(self, database: Database) -> None:
        self.reading = database.reading

    def writing(self, *, durable: bool = False) -> None:
        raise StorageBusy("database: busy")


async def test_a_busy_database_is_asked_again(press: Press):
    """One renewal that fails is logged; it is no reason to stop signing."""
    with capture_logs() as logs:
        async with signing_lock(BusyDatabase(press.database), press.clock, "one", CALL_ID):  # type: ignore[arg-type]  # what the lock uses of it
            for count in (1, 2):
                await until(press, lambda: press.clock.next_timer_s is not None)
                await press.clock.advance(RENEWED_EVERY_S)
                await until(press, partial(_are, logs, count))
    assert [log["event"] for log in logs] == ["signing_lock_not_renewed"] * 2
